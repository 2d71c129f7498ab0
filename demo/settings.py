"""Settings of the demo, and the plan of a run."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, field_validator

from classwaves_runtime.settings import Settings
from demo.errors import FolderNotEmpty
from demo.faults import Kind, MessageFaults, ScheduledFault
from demo.school_day import EVENTS_PER_TEACHER

DATABRICKS = "databricks:"


class WarehouseSettings(Settings):
    """The setting that selects the warehouse."""

    warehouse: str | None = Field(default=None, description="databricks: for a SQL warehouse")

    @field_validator("warehouse")
    @classmethod
    def _a_folder_is_its_own(cls, given: str | None) -> str | None:
        """Ignore a folder of the environment: the demo needs an empty one."""
        return given if given == DATABRICKS else None


class DemoSettings(WarehouseSettings):
    """Duration, folder and faults."""

    demo_seconds: PositiveFloat = Field(
        default=30.0, description="seconds for which producers send"
    )
    demo_chaos: Literal["on", "off"] = Field(
        default="on", description="on, or off to kill nothing by itself"
    )
    demo_folder: Path | None = Field(
        default=None, description="an empty or missing folder for the demo's files"
    )


def empty_folder(wanted: Path | None) -> Path:
    """Return the absolute path of an empty folder, by default a temporary one.

    Raises:
        FolderNotEmpty: the folder is not empty.
    """
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="classwaves-demo-"))
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise FolderNotEmpty(
            f"DEMO_FOLDER={wanted} is not empty: name another folder, or empty it."
        )
    return wanted.resolve()


@dataclass(frozen=True, slots=True)
class Plan:
    """One or more school days, replayed faster than real time.

    Args:
        seed: of the first day.
        day_seconds: how long the events of one day take to be sent.
        days: how many days follow each other.
        faults: what is killed, frozen or cut, and when.
        consumers: how many.
        events_per_second: sent by all producers together.
        message_faults: rates of message faults.
    """

    seed: int
    day_seconds: float
    days: int
    faults: Sequence[ScheduledFault]
    consumers: int = 2
    events_per_second: int = 1000
    message_faults: MessageFaults = field(default_factory=MessageFaults)

    @property
    def seconds(self) -> float:
        """How long producers send."""
        return self.day_seconds * self.days

    @property
    def teachers(self) -> int:
        """The number of teachers whose lessons have so many events a second."""
        return max(1, round(self.day_seconds * self.events_per_second / EVENTS_PER_TEACHER))

    @property
    def cuts_the_network(self) -> bool:
        """Whether the broker must be behind a proxy."""
        return any(each.kind is Kind.CUT for each in self.faults)
