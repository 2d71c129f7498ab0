"""The Delta log of a table, as the protocol defines it (github.com/delta-io/delta, PROTOCOL.md).

Reading one transaction through delta-rs takes 0.5 to 3 ms, more with each entry since the last
checkpoint, and a commit needs dozens of them. Reading one log entry takes less and has them all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

import pyarrow.parquet as pq
from deltalake import DeltaTable

from classwaves_warehouse.delta.dataset import filesystem_for

TOKEN: Final = "token"  # noqa: S105 - the name of a key
"""Key of the commit metadata with the token by which a writer recognizes its own commit."""

HOUR: Final = "metric_hour"
"""Key of the commit metadata with the hour that the commit replaced."""

_NOT_READ: Final = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ledger needs to know of one commit.

    Args:
        transactions: app id → version.
        added: files that may have new rows.
        copies: files with rows of the removed ones, from a DELETE or a compaction.
        removed: files that are no longer live.
        token: of the writer, if the commit has one.
    """

    transactions: Mapping[str, int]
    added: Sequence[str]
    copies: Sequence[str]
    removed: Sequence[str]
    token: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """The files that one commit added and removed; a compaction changes no rows and has none.

    Args:
        added: partition values by path of files with new rows, or with copies of present rows.
        removed: the same of files with removed or copied rows.
        hour: the hour that the commit replaced, in ISO format, if it has one.
        token: of the writer, if the commit has one.
    """

    added: Mapping[str, Mapping[str, str | None]]
    removed: Mapping[str, Mapping[str, str | None]]
    hour: str | None
    token: str | None


class Log:
    """Reads the log of one table from any storage that delta-rs supports."""

    def __init__(self, handle: DeltaTable) -> None:
        self._filesystem = filesystem_for(handle)

    def entry(self, version: int) -> Entry:
        """The commit that created a version.

        Raises:
            FileNotFoundError: the entry was cleaned up, or the version does not exist yet.
        """
        actions, commit = self._commit(version)
        adds = [action["add"] for action in actions if "add" in action]
        is_delete = commit.get("operation") == "DELETE"
        transactions = [action["txn"] for action in actions if "txn" in action]
        return Entry(
            transactions={
                transaction["appId"]: transaction["version"] for transaction in transactions
            },
            added=[unquote(add["path"]) for add in adds if add["dataChange"] and not is_delete],
            copies=[unquote(add["path"]) for add in adds if is_delete or not add["dataChange"]],
            removed=[unquote(each["remove"]["path"]) for each in actions if "remove" in each],
            token=commit.get(TOKEN),
        )

    def change(self, version: int) -> Change:
        """The files of the commit that created a version.

        Raises:
            FileNotFoundError: the entry was cleaned up, or the version does not exist yet.
        """
        actions, commit = self._commit(version)
        files = {
            kind: {
                unquote(action[kind]["path"]): action[kind].get("partitionValues") or {}
                for action in actions
                if kind in action and action[kind]["dataChange"]
            }
            for kind in ("add", "remove")
        }
        return Change(files["add"], files["remove"], commit.get(HOUR), commit.get(TOKEN))

    def checkpointed_version(self) -> int:
        """The version of the last checkpoint; -1 if there is none."""
        version: int = self._last_checkpoint()["version"]
        return version

    def checkpoint(self) -> tuple[int, dict[str, int]]:
        """The version and the transactions of the last checkpoint; -1 and {} if there is none."""
        pointer = self._last_checkpoint()
        version, parts = pointer["version"], pointer.get("parts") or 0
        stem = f"_delta_log/{version:020}.checkpoint"
        paths = [f"{stem}.{part:010}.{parts:010}.parquet" for part in range(1, parts + 1)] or [
            f"{stem}.parquet"
        ]
        transactions: dict[str, int] = {}
        for path in paths if version >= 0 else []:
            rows = pq.read_table(path, columns=["txn"], filesystem=self._filesystem)
            transactions.update(
                (action["appId"], action["version"])
                for action in rows.column("txn").drop_null().to_pylist()
            )
        return version, transactions

    def _commit(self, version: int) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        actions = [json.loads(line) for line in self._read(f"{version:020}.json").splitlines()]
        return actions, next(
            (action["commitInfo"] for action in actions if "commitInfo" in action), {}
        )

    def _last_checkpoint(self) -> dict[str, Any]:
        try:
            pointer: dict[str, Any] = json.loads(self._read("_last_checkpoint"))
        except FileNotFoundError:
            return {"version": -1}
        return pointer

    def _read(self, name: str) -> bytes:
        with self._filesystem.open_input_stream(f"_delta_log/{name}") as stream:
            content: bytes = stream.read()
        return content


class LogTail:
    """All transactions of a handle's version, updated entry by entry.

    Call `catch_up` after every possible move of the handle.
    """

    def __init__(self, handle: DeltaTable) -> None:
        self._handle = handle
        self._log = Log(handle)
        self._version = _NOT_READ
        self._transactions: dict[str, int] = {}

    @property
    def transactions(self) -> Mapping[str, int]:
        """App id → version, as of the last `catch_up`."""
        return MappingProxyType(self._transactions)

    def catch_up(self) -> Sequence[Entry] | None:
        """Read up to the handle's version.

        Returns:
            The entries since the last call, in order; None after the first call, and if some of
            them were cleaned up.

        Raises:
            OSError: the log cannot be read now. The next call starts at the same version.
        """
        if self._version == _NOT_READ:
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
        self._version = _NOT_READ
        checkpoint, transactions = self._log.checkpoint()
        if checkpoint > self._handle.version():
            self._handle.update_incremental()
        version = self._handle.version()
        for later in range(checkpoint + 1, version + 1):
            transactions.update(self._log.entry(later).transactions)
        self._version, self._transactions = version, transactions
