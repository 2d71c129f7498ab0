"""The tail of a Delta log: all transactions of the version that a handle stands at, kept up to date entry by entry."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from deltalake import DeltaTable

from classwaves_warehouse.delta.log import Entry, Log

_UNREAD = -1


class LogTail:
    """Follows a handle. Call `catch_up` whenever the handle has moved, or may have."""

    def __init__(self, handle: DeltaTable) -> None:
        self._handle = handle
        self._log = Log(handle)
        self._version = _UNREAD
        self._transactions: dict[str, int] = {}

    @property
    def transactions(self) -> Mapping[str, int]:
        """App id → version, as of the last `catch_up`."""
        return MappingProxyType(self._transactions)

    def catch_up(self) -> Sequence[Entry] | None:
        """The entries since the last call, in order; None if they are not all known (first call, log cleanup).

        Raises:
            OSError: the log cannot be read now; the next call starts where this one did.
        """
        if self._version == _UNREAD:
            self._read_all()
            return None
        try:
            entries = [
                self._log.entry(version)
                for version in range(self._version + 1, self._handle.version() + 1)
            ]
        except FileNotFoundError:
            self._read_all()
            return None
        for entry in entries:
            self._transactions.update(entry.transactions)
        self._version = self._handle.version()
        return entries

    def _read_all(self) -> None:
        self._version = _UNREAD
        checkpoint, transactions = self._log.checkpoint()
        if checkpoint > self._handle.version():
            self._handle.update_incremental()
        version = self._handle.version()
        for later in range(checkpoint + 1, version + 1):
            transactions.update(self._log.entry(later).transactions)
        self._version, self._transactions = version, transactions
