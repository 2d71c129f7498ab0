"""Sessions, each with its own settings, current catalog and schema, over the same tables."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from uuid import UUID, uuid4

from databricks.sql.thrift_api.TCLIService import ttypes
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from local.databricks.errors import RequestRejected, error_message

_SPARK_SETTINGS = {"timezone": "spark.sql.session.timeZone", "ansi_mode": "spark.sql.ansi.enabled"}
_IGNORED_SETTINGS = {"statement_timeout", "use_cached_result", "query_tags"}


class Sessions:
    """The open sessions of an endpoint.

    Args:
        spark: from which each session is made.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._open: dict[UUID, SparkSession] = {}
        self._lock = Lock()

    def open(self, settings: Mapping[str, str], namespace: ttypes.TNamespace | None) -> UUID:
        """Open a session and return its id.

        Args:
            settings: names of Databricks or of Spark, with values.
            namespace: the session's catalog and schema.

        Raises:
            RequestRejected: a setting, the catalog or the schema does not exist.
        """
        spark = self._spark.newSession()
        try:
            _configure(spark, settings, namespace)
        except (PySparkException, Py4JJavaError) as error:
            raise RequestRejected(error_message(error)) from error
        session = uuid4()
        with self._lock:
            self._open[session] = spark
        return session

    def find(self, handle: ttypes.TSessionHandle) -> SparkSession:
        """The Spark of an open session.

        Raises:
            RequestRejected: with Databricks' message; the session is not open.
        """
        session = session_id(handle)
        with self._lock:
            if session not in self._open:
                raise RequestRejected(f"Invalid SessionHandle: SessionHandle [{session}]")
            return self._open[session]

    def close(self, handle: ttypes.TSessionHandle) -> None:
        """Close a session; one that is not open is ignored."""
        with self._lock:
            self._open.pop(session_id(handle), None)


def session_id(handle: ttypes.TSessionHandle) -> UUID:
    """The id in a session's handle."""
    return UUID(bytes=handle.sessionId.guid)


def _configure(
    spark: SparkSession, settings: Mapping[str, str], namespace: ttypes.TNamespace | None
) -> None:
    for name, value in settings.items():
        if name.lower() in _IGNORED_SETTINGS:
            continue
        if not (name.startswith("spark.") or name.lower() in _SPARK_SETTINGS):
            raise RequestRejected(
                f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I"
            )
        spark.conf.set(_SPARK_SETTINGS.get(name.lower(), name), value)
    if namespace and namespace.catalogName:
        spark.sql(f"SET CATALOG `{namespace.catalogName}`")
    if namespace and namespace.schemaName:
        spark.sql(f"USE SCHEMA `{namespace.schemaName}`")
