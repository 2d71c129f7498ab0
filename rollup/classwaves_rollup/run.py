"""One hour's row in the run ledger."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from classwaves_rollup.reason import reason


class State(StrEnum):
    """What became of an hour. Only a done hour may be read from the tables."""

    DIRTY = "dirty"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_JSON = ("source_versions", "examined_versions")


@dataclass(frozen=True, slots=True)
class Run:
    """The last run that had to do with an hour.

    Args:
        metric_hour: the start of the hour.
        run_id: another one for each run and each mark; who writes the row names the one that it replaces.
        state: how it stands.
        started_at, finished_at: when the run began and ended.
        complete: whether ingestion had passed the end of the hour before the sources were read.
        facts, hourly_rows, events_without_school: what was found.
        source_versions: by source, a version that the rows are not older than.
        examined_versions: by source, up to where late changes have been looked for and marked. It is about no hour:
            it lies where it was known last, and the greatest of all rows counts.
        code_version: what computed it.
        error: why it failed, or why it is dirty.
    """

    metric_hour: datetime
    run_id: str
    state: State
    started_at: datetime | None = None
    finished_at: datetime | None = None
    complete: bool = False
    facts: int | None = None
    hourly_rows: int | None = None
    events_without_school: int | None = None
    source_versions: Mapping[str, int] = field(default_factory=dict)
    examined_versions: Mapping[str, int] = field(default_factory=dict)
    code_version: str | None = None
    error: str | None = None

    @classmethod
    def begun(
        cls,
        hour: datetime,
        owner: str,
        at: datetime,
        examined: Mapping[str, int],
        code_version: str,
    ) -> Self:
        """A new run of an hour."""
        return cls(
            metric_hour=hour,
            run_id=_run_id(owner),
            state=State.RUNNING,
            started_at=at,
            examined_versions=examined,
            code_version=code_version,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The run that a row of rollup_runs tells of."""
        versions = {name: json.loads(row[name] or "{}") for name in _JSON}
        return cls(
            **{**row, **versions, "state": State(row["state"]), "complete": bool(row["complete"])}
        )

    def row(self) -> Mapping[str, object]:
        """Its row of rollup_runs."""
        versions = {name: json.dumps(dict(getattr(self, name)), sort_keys=True) for name in _JSON}
        return {**asdict(self), **versions, "state": self.state.value}

    def failed(self, at: datetime, error: BaseException) -> Self:
        """The run, after it could not go on."""
        return replace(self, state=State.FAILED, finished_at=at, error=reason(error))

    def dirtied(self, because: str) -> Self:
        """The hour, whose rows are no longer what its sources give."""
        return replace(self, run_id=_run_id(new_owner()), state=State.DIRTY, error=because)

    def belongs_to(self, owner: str) -> bool:
        """Whether this owner began it."""
        return self.run_id.startswith(owner)

    @property
    def settled(self) -> bool:
        """Whether its rows are right for good, unless something comes late."""
        return self.state is State.DONE and self.complete

    @property
    def seconds(self) -> float | None:
        """How long the run took."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


def new_owner() -> str:
    """A name that nobody has used, to begin runs under."""
    return secrets.token_hex(8)


def _run_id(owner: str) -> str:
    return f"{owner}-{secrets.token_hex(4)}"
