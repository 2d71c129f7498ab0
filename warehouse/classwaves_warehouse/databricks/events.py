"""Reads of session_events, by the same SQL as the embedded warehouse's."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.databricks.retry import retry_after_cold_start
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.interface import PartitionRows, Stream, TableSize
from classwaves_warehouse.offset_sums import MODULUS, OffsetSums
from classwaves_warehouse.sql_files import load_sql

_WANTED: Final = (
    "WITH wanted AS (SELECT * FROM inline(from_json("
    ":wanted, 'ARRAY<STRUCT<session_id: STRING, id: STRING>>', map('mode', 'FAILFAST'))))\n"
)
_COVERED: Final = (
    "WITH covered AS (SELECT * FROM inline(from_json(:covered, 'ARRAY<STRUCT<kafka_partition: INT, "
    "first_offset: BIGINT, end_offset: BIGINT, summed_from: BIGINT>>', "
    "map('mode', 'FAILFAST'))))\n"
)


class DatabricksEvents:
    """The `Events` of a SQL warehouse. Every method waits for a starting warehouse.

    Args:
        session: in the schema of session_events.
        retry: of each query.

    Raises, from every method:
        TableMissing: session_events does not exist.
        WarehouseUnavailable, WarehouseRefused: it cannot be read.
    """

    def __init__(self, session: Session, retry: RetryPolicy) -> None:
        self._session = session
        self._retry = retry

    def partition_rows(
        self, stream: Stream, checkpoints: Mapping[int, Checkpoint]
    ) -> Mapping[int, PartitionRows]:
        """The rows of this stream's topic that these checkpoints cover, by partition."""
        covered = [
            {
                "kafka_partition": partition,
                "first_offset": checkpoint.covered.start,
                "end_offset": checkpoint.covered.stop,
                "summed_from": checkpoint.summed_from,
            }
            for partition, checkpoint in checkpoints.items()
        ]
        rows = self._query(
            _COVERED + load_sql("classwaves_warehouse", "partition_rows", modulus=MODULUS),
            {"topic_id": stream.topic_id, "covered": json.dumps(covered)},
        ).to_pylist()
        return {
            row["kafka_partition"]: PartitionRows(
                OffsetSums(row["stored_rows"], int(row["total"]), int(row["squares"])),
                row["offsets"],
            )
            for row in rows
        }

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of [start, end) of one partition, ascending."""
        bounds: dict[str, Value] = {
            "topic_id": stream.topic_id,
            "partition": partition,
            "start_offset": start,
            "end_offset": end,
        }
        offsets: list[int] = (
            self._query(load_sql("classwaves_warehouse", "offsets"), bounds)
            .column("kafka_offset")
            .to_pylist()
        )
        return offsets

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """Rows in excess of one for each identity.

        Returns:
            their number, and up to `limit` of their (session_id, id).
        """
        rows = self._query(
            load_sql("classwaves_warehouse", "repeated"), {"sample_size": limit}
        ).to_pylist()
        sample = [(row["session_id"], row["id"]) for row in rows if row["id"] is not None]
        return rows[0]["beyond_one"], sorted(sample)

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        wanted = json.dumps(
            [{"session_id": session_id, "id": id_} for session_id, id_ in identities]
        )
        rows = self._query(
            _WANTED + load_sql("classwaves_warehouse", "known"), {"wanted": wanted}
        ).to_pylist()
        return {(row["session_id"], row["id"]) for row in rows}

    def size(self) -> TableSize:
        """The size of session_events; `log_entries` is 0, since Databricks maintains the log."""
        detail = self._query("DESCRIBE DETAIL session_events").to_pylist()[0]
        last = self._query("DESCRIBE HISTORY session_events LIMIT 1").to_pylist()[0]
        rows = self._query("SELECT COUNT(*) AS stored_rows FROM session_events").to_pylist()[0]
        return TableSize(
            version=last["version"],
            files=detail["numFiles"],
            bytes=detail["sizeInBytes"],
            rows=rows["stored_rows"],
            log_entries=0,
        )

    def _query(self, text: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        return retry_after_cold_start(
            self._retry, lambda _attempt: self._session.run(text, parameters)
        )
