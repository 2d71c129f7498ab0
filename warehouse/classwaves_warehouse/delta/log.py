"""A table's Delta log as it is written (github.com/delta-io/delta, PROTOCOL.md): only this file knows how.

Asking delta-rs for one transaction costs 0.5 to 3 ms, more with every entry since the last checkpoint; a commit here
needs dozens of them. Reading one entry costs less than one such question and answers all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
from deltalake import DeltaTable

from classwaves_warehouse.delta.store import store_of

ATTEMPT = "attempt"
"""Key of a commit's metadata: the token by which a writer knows its own commit again."""

HOUR = "metric_hour"
"""Key of a commit's metadata: the hour that it replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit.

    Args:
        transactions: app id → version.
        added: files that may hold rows which were not in the table before. A delete adds none: it copies.
        attempt: its writer's token, if it left one.
    """

    transactions: Mapping[str, int]
    added: Sequence[str]
    attempt: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit made of the rows.

    Args:
        came: files that hold new rows, or copies of rows that stayed; what was merely put together from other files is
            none. With the values of partition columns.
        gone: files whose rows went, or came again in another file.
        hour: the hour that it replaced as a whole, in ISO format, if it says so.
        attempt: its writer's token, if it left one.
    """

    came: Mapping[str, Mapping[str, str | None]]
    gone: Mapping[str, Mapping[str, str | None]]
    hour: str | None
    attempt: str | None


class Log:
    """The log of one table, in any store that delta-rs can reach."""

    def __init__(self, handle: DeltaTable) -> None:
        self._files = store_of(handle)

    def entry(self, version: int) -> Entry:
        """The commit that made a version.

        Raises:
            FileNotFoundError: it has been cleaned up, or has not been made.
        """
        actions, commit = self._commit(version)
        adds = [
            action["add"]
            for action in actions
            if "add" in action and commit.get("operation") != "DELETE"
        ]
        transactions = [action["txn"] for action in actions if "txn" in action]
        return Entry(
            transactions={
                transaction["appId"]: transaction["version"] for transaction in transactions
            },
            added=[unquote(add["path"]) for add in adds if add["dataChange"]],
            attempt=commit.get(ATTEMPT),
        )

    def change(self, version: int) -> Change:
        """What the commit that made a version did to the rows.

        Raises:
            FileNotFoundError: it has been cleaned up, or has not been made.
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
        return Change(files["add"], files["remove"], commit.get(HOUR), commit.get(ATTEMPT))

    def checkpointed_version(self) -> int:
        """The version of the last checkpoint; -1 if there is none yet."""
        version: int = self._pointer()["version"]
        return version

    def checkpoint(self) -> tuple[int, dict[str, int]]:
        """The last checkpoint's version and transactions; -1 and none if there is none yet."""
        pointer = self._pointer()
        version, parts = pointer["version"], pointer.get("parts") or 0
        stem = f"_delta_log/{version:020}.checkpoint"
        paths = [f"{stem}.{part:010}.{parts:010}.parquet" for part in range(1, parts + 1)] or [
            f"{stem}.parquet"
        ]
        transactions: dict[str, int] = {}
        for path in paths if version >= 0 else []:
            actions = (
                pq.read_table(path, columns=["txn"], filesystem=self._files)
                .column("txn")
                .drop_null()
            )
            transactions.update(
                (action["appId"], action["version"]) for action in actions.to_pylist()
            )
        return version, transactions

    def _commit(self, version: int) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        actions = [json.loads(line) for line in self._read(f"{version:020}.json").splitlines()]
        return actions, next(
            (action["commitInfo"] for action in actions if "commitInfo" in action), {}
        )

    def _pointer(self) -> dict[str, Any]:
        try:
            pointer: dict[str, Any] = json.loads(self._read("_last_checkpoint"))
        except FileNotFoundError:
            return {"version": -1}
        return pointer

    def _read(self, name: str) -> bytes:
        with self._files.open_input_stream(f"_delta_log/{name}") as stream:
            content: bytes = stream.read()
        return content
