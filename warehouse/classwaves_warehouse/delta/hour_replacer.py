"""Replacing an hour's rows in one commit, and deciding whether the commit landed.

delta-rs fails a commit if a later one added files that may have rows of the hour, or removed files
that this one would remove. After a compaction those may be the files of neighbouring hours. So
every failure is settled by reading the log, in which each replacement names its hour.
"""

from datetime import datetime
from uuid import uuid4

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.delta.log import Change, Log
from classwaves_warehouse.delta.writer import WriteHour, write_hour
from classwaves_warehouse.errors import ConcurrentWrite, WarehouseUnavailable

_REPLACING = FailPoint("replacing-hour")
_REPLACED = FailPoint("hour-replaced")


class HourReplacer:
    """Replaces hours of a table that was read at one version.

    Args:
        handle: of the table, at that version or a later one.
        version: the version that was read.
        retry: of one replacement.
        write: commits the rows of an hour.
    """

    def __init__(
        self,
        handle: DeltaTable,
        version: int,
        retry: RetryPolicy,
        write: WriteHour = write_hour,
    ) -> None:
        self._handle = handle
        self._log = Log(handle)
        self._read_version = version
        self._changes: list[Change] = []
        self._retry = retry
        self._write = write

    def replace(self, hour: datetime, rows: pa.Table) -> None:
        """Replace the table's rows of an hour.

        Args:
            hour: start of the hour, aware.
            rows: all of this hour.

        Raises:
            ConcurrentWrite: another writer changed the hour after the version that was read.
            WarehouseUnavailable: whether the hour was replaced is unknown.
        """
        token = uuid4().hex

        def step(attempt: int) -> None:
            if attempt > 1:
                self._handle.update_incremental()
            if self._landed(hour, token):
                return
            _REPLACING.hit()
            self._write(self._handle, hour, rows, token)
            _REPLACED.hit()

        try:
            self._retry.run(step, retry_on=_is_unsettled)
        except ConcurrentWrite:
            raise
        except Exception as error:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri}: hour {hour.isoformat()} was not replaced after "
                f"{self._retry.attempts} attempts (last error: {error})."
            ) from error

    def _landed(self, hour: datetime, token: str) -> bool:
        """Whether the log has the commit with this token.

        Raises:
            ConcurrentWrite: the log has another commit that changed the hour.
        """
        for version in range(self._read_version + 1, self._handle.version() + 1):
            try:
                self._changes.append(self._log.change(version))
            except FileNotFoundError as error:
                raise ConcurrentWrite(
                    f"{self._handle.table_uri}: the log entry {version} was cleaned up before it "
                    "was read."
                ) from error
            self._read_version = version
        if any(change.token == token for change in self._changes):
            return True
        if any(_may_touch(change, hour) for change in self._changes):
            raise ConcurrentWrite(
                f"{self._handle.table_uri}: another writer changed hour {hour.isoformat()}."
            )
        return False


def _is_unsettled(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, ConcurrentWrite)


def _may_touch(change: Change, hour: datetime) -> bool:
    return bool(change.added or change.removed) and change.hour in (None, hour.isoformat())
