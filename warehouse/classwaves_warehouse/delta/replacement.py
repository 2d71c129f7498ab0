"""Replacing an hour's rows in one commit, and finding out what became of it.

delta-rs lets a commit fail if another one has added files since its handle's state that may hold rows of its hour, or
removed files that it would remove. After a compaction those may be an hour's neighbours: so every failure is settled
by a look at the log, in which each replacement names its hour.
"""

import time
from collections.abc import Callable
from datetime import datetime
from random import Random
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake

from classwaves_runtime.failpoints import FailPoint
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.log import ATTEMPT, HOUR, Change, Log
from classwaves_warehouse.delta.writer import widened
from classwaves_warehouse.errors import ConcurrentWrite, WarehouseUnavailable

_REPLACING = FailPoint("replacing-hour")
_REPLACED = FailPoint("hour-replaced")

_PROPERTIES = WriterProperties(compression="ZSTD", max_row_group_size=131_072)


class Replacement:
    """Replaces hours of what a table was at one version.

    Args:
        handle: of the table, at that version or a later one.
        version: that one.
        backoff: how long a replacement goes on trying.
        sleep: waits this many seconds.
    """

    def __init__(
        self,
        handle: DeltaTable,
        version: int,
        backoff: Backoff,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._handle = handle
        self._log = Log(handle)
        self._looked = version
        self._changes: list[Change] = []
        self._backoff = backoff
        self._sleep = sleep
        self._chance = Random()  # noqa: S311  # jitter keeps no secret

    def put(self, hour: datetime, rows: pa.Table) -> None:
        """Put rows, all of this hour, in the place of those that the table has of it.

        Raises:
            ConcurrentWrite: the hour was written since the version, by others than this object.
            WarehouseUnavailable: whether it was replaced is not known.
        """
        token = uuid4().hex
        failure: Exception | None = None
        for attempt in range(1, self._backoff.attempts + 1):
            try:
                if failure is not None:
                    self._handle.update_incremental()
                if self._landed(hour, token):
                    return
                _REPLACING.hit()
                self._write(hour, rows, token)
                _REPLACED.hit()
            except ConcurrentWrite:
                raise
            except Exception as error:
                failure = error
            else:
                return
            self._sleep(self._backoff.pause(attempt, self._chance))
        raise WarehouseUnavailable(
            f"{self._handle.table_uri}: {hour.isoformat()} not replaced after {self._backoff.attempts} attempts "
            f"(last error: {failure})."
        ) from failure

    def _landed(self, hour: datetime, token: str) -> bool:
        """Whether the log has this attempt."""
        for version in range(self._looked + 1, self._handle.version() + 1):
            try:
                self._changes.append(self._log.change(version))
            except FileNotFoundError as error:
                raise ConcurrentWrite(
                    f"{self._handle.table_uri}: what came meanwhile is forgotten."
                ) from error
            self._looked = version
        if any(change.attempt == token for change in self._changes):
            return True
        if any(_touches(change, hour) for change in self._changes):
            raise ConcurrentWrite(
                f"{self._handle.table_uri}: somebody else wrote {hour.isoformat()} meanwhile."
            )
        return False

    def _write(self, hour: datetime, rows: pa.Table, token: str) -> None:
        write_deltalake(
            self._handle,
            widened(rows, pa.schema(self._handle.schema().to_arrow())),
            mode="overwrite",
            predicate=during(hour),
            writer_properties=_PROPERTIES,
            commit_properties=CommitProperties(
                custom_metadata={ATTEMPT: token, HOUR: hour.isoformat()}
            ),
        )


def _touches(change: Change, hour: datetime) -> bool:
    return bool(change.came or change.gone) and change.hour in (None, hour.isoformat())


def during(hour: datetime) -> str:
    """The predicate of an hour's rows. A plain TIMESTAMP is one of nanoseconds, which delta-rs cannot compare."""
    return (
        f"""metric_hour = arrow_cast('{hour.isoformat()}', 'Timestamp(Microsecond, Some("UTC"))')"""
    )
