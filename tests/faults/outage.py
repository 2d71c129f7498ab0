"""An outage of the warehouse."""

from pathlib import Path
from typing import Self


class Outage:
    """Makes a table unavailable while the block runs: a file replaces its folder."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self._away = table.with_name(f"{table.name}.away")

    def __enter__(self) -> Self:
        self._table.rename(self._away)
        self._table.touch()
        return self

    def __exit__(self, *_: object) -> None:
        self._table.unlink()
        self._away.rename(self._table)
