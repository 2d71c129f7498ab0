"""Statements executed by Spark, a few at once."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast
from uuid import uuid4

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from pyspark.sql import SparkSession
from pyspark.sql.classic.dataframe import DataFrame

from local.databricks.journal import Journal
from local.databricks.operation import Operation
from local.databricks.parameters import bind

_AT_ONCE = 16


class Statements:
    """What executes statements; each execution is in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="statement")

    def start(
        self,
        spark: SparkSession,
        session: str,
        statement: str,
        parameters: list[ttypes.TSparkParameter] | None,
    ) -> Operation:
        """Begin a statement in a session."""
        group = str(uuid4())

        def run() -> pa.Table:
            with self._journal.execution(session, statement):
                spark.sparkContext.setJobGroup(group, statement[:100], interruptOnCancel=True)
                return execute(spark, statement, parameters)

        return Operation(
            statement, self._pool.submit(run), lambda: spark.sparkContext.cancelJobGroup(group)
        )

    def fail(self, statement: str, message: str) -> Operation:
        """A statement that ends in error and was never executed."""
        failed: Future[pa.Table] = Future()
        failed.set_exception(RuntimeError(message))
        return Operation(statement, failed, lambda: None)


def execute(
    spark: SparkSession, statement: str, parameters: list[ttypes.TSparkParameter] | None
) -> pa.Table:
    """A statement's whole result."""
    answer = spark.sql(statement, args=bind(parameters) or None)
    if not answer.columns:
        return pa.table({})
    # toArrow() fails on the nested result of OPTIMIZE with this pyarrow.
    batches = cast(DataFrame, answer)._collect_as_arrow(empty_list_if_zero_records=False)
    return pa.Table.from_batches(batches)
