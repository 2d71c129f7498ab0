"""The settings of the demo."""

import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, field_validator

from classwaves_runtime.settings import Settings
from demo.errors import FolderNotEmpty

DATABRICKS = "databricks:"


class PlaceSettings(Settings):
    """In which warehouse."""

    warehouse: str | None = Field(default=None, description="databricks: for a SQL warehouse")

    @field_validator("warehouse")
    @classmethod
    def _a_folder_is_its_own(cls, given: str | None) -> str | None:
        """Only a SQL warehouse is taken over from the environment: a folder would not be empty."""
        return given if given == DATABRICKS else None


class DemoSettings(PlaceSettings):
    """How long, where, and whether it is made hard."""

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
    """The folder that is wanted, or else a new temporary one; its absolute path.

    Raises:
        FolderNotEmpty: what lies there would be taken for the demo's own.
    """
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="classwaves-demo-"))
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise FolderNotEmpty(
            f"DEMO_FOLDER={wanted} is not empty: name another folder, or empty it."
        )
    return wanted.resolve()
