"""A warehouse that is away for a while."""

from pathlib import Path
from typing import Self


class Outage:
    """While the block runs, nothing can be read from a table or written to it: a file lies where its folder was."""

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
