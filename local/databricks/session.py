"""Sessions: each with its own settings, catalog and schema in use, over the same tables."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from uuid import UUID, uuid4

from databricks.sql.thrift_api.TCLIService import ttypes
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from local.databricks.errors import Rejected, explain

# Databricks has its own names for some of Spark's settings, and a few that mean nothing here.
_NAMES = {"timezone": "spark.sql.session.timeZone", "ansi_mode": "spark.sql.ansi.enabled"}
_WITHOUT_EFFECT = {"statement_timeout", "use_cached_result", "query_tags"}


class Sessions:
    """The open sessions of an endpoint."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._open: dict[UUID, SparkSession] = {}
        self._lock = Lock()

    def open(self, settings: Mapping[str, str], namespace: ttypes.TNamespace | None) -> UUID:
        """A new session. Raises Rejected for a setting, catalog or schema that is not there."""
        spark = self._spark.newSession()
        try:
            _prepare(spark, settings, namespace)
        except (PySparkException, Py4JJavaError) as error:
            raise Rejected(explain(error)) from error
        session = uuid4()
        with self._lock:
            self._open[session] = spark
        return session

    def find(self, handle: ttypes.TSessionHandle) -> SparkSession:
        """An open session. Raises Rejected, in the words of Databricks, if it is closed, expired or was never open."""
        session = identify(handle)
        with self._lock:
            if session not in self._open:
                raise Rejected(f"Invalid SessionHandle: SessionHandle [{session}]")
            return self._open[session]

    def close(self, handle: ttypes.TSessionHandle) -> None:
        """Close a session, if it is open."""
        with self._lock:
            self._open.pop(identify(handle), None)


def identify(handle: ttypes.TSessionHandle) -> UUID:
    """The id in a session's handle."""
    return UUID(bytes=handle.sessionId.guid)


def _prepare(
    spark: SparkSession, settings: Mapping[str, str], namespace: ttypes.TNamespace | None
) -> None:
    for name, value in settings.items():
        if name.lower() in _WITHOUT_EFFECT:
            continue
        if not (name.startswith("spark.") or name.lower() in _NAMES):
            raise Rejected(
                f"[CONFIG_NOT_AVAILABLE] Configuration {name} is not available. SQLSTATE: 42K0I"
            )
        spark.conf.set(_NAMES.get(name.lower(), name), value)
    if namespace and namespace.catalogName:
        spark.sql(f"SET CATALOG `{namespace.catalogName}`")
    if namespace and namespace.schemaName:
        spark.sql(f"USE SCHEMA `{namespace.schemaName}`")
