"""How long events took until they could be queried: exactly, from the rows.

What an injected fault delayed is kept apart: it shows the fault, not the pace of the ingestor.
"""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.databricks.connection import connect
from classwaves_warehouse.databricks.settings import DatabricksSettings


@dataclass(frozen=True, slots=True)
class Sample:
    """One stored event, with Unix times.

    Args:
        event_at: when it happened.
        visible_at: when it could be queried.
        in_outage: whether an injected fault was open meanwhile.
    """

    event_at: float
    visible_at: float
    in_outage: bool = False

    @property
    def seconds(self) -> float:
        """From the event until it could be queried."""
        return max(self.visible_at - self.event_at, 0.0)


def quantile(share: float, values: Sequence[float]) -> float | None:
    """The smallest value that at least this share of the values does not exceed; None without."""
    ascending = sorted(values)
    return ascending[max(ceil(share * len(ascending)), 1) - 1] if ascending else None


class Outages:
    """The times in which an injected fault was open, or had not been recovered from yet."""

    def __init__(self) -> None:
        self._ended: list[tuple[float, float]] = []
        self._since: float | None = None

    def begin(self, at: float) -> None:
        """Begin an outage at this Unix time, unless one is open."""
        if self._since is None:
            self._since = at

    def end(self, at: float) -> None:
        """End the open outage, if there is one."""
        if self._since is not None:
            self._ended.append((self._since, at))
            self._since = None

    def overlap(self, begin: float, end: float) -> bool:
        """Whether an outage was open at any time from `begin` to `end`."""
        open_now = self._since is not None and self._since <= end
        return open_now or any(since <= end and until >= begin for since, until in self._ended)


def added_rows(table: Path, entry: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """These columns of each file with new rows that an entry of a table's log added.

    Args:
        table: its folder.
        entry: of its log.
        columns: to read.
    """
    for action in map(json.loads, entry.read_text().splitlines()):
        if "add" in action and action["add"]["dataChange"]:
            path = table / unquote(action["add"]["path"])
            yield pq.read_table(path, columns=columns, partitioning=None)


class NewRows(Protocol):
    """The rows of session_events that have become visible."""

    def read(self) -> Iterator[Sample]:
        """Yield a sample of each row that no earlier call yielded."""


class FolderRows:
    """The new rows of a table in a folder: visible once their commit was written to the log.

    Args:
        folder: of the table.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._version = 0

    def read(self) -> Iterator[Sample]:
        """See `NewRows`."""
        while (entry := self._folder / "_delta_log" / f"{self._version:020}.json").exists():
            visible_at = entry.stat().st_mtime
            for rows in added_rows(self._folder, entry, ["event_time"]):
                yield from (Sample(at, visible_at) for at in _unix_times(rows))
            self._version += 1


class CatalogRows:
    """The new rows of a table in a SQL warehouse: visible once a query has returned them.

    Args:
        settings: of the warehouse.
        topic_id: of the run's topic.
    """

    def __init__(self, settings: DatabricksSettings, topic_id: str) -> None:
        self._settings = settings
        self._topic_id = topic_id
        self._seen: dict[int, int] = {}

    def read(self) -> Iterator[Sample]:
        """See `NewRows`. The offsets of a partition become visible in ascending order."""
        after = " OR ".join(
            f"(kafka_partition = {partition} AND kafka_offset > {offset})"
            for partition, offset in self._seen.items()
        )
        known = ", ".join(map(str, self._seen))
        new = f"AND (kafka_partition NOT IN ({known}) OR {after})" if self._seen else ""
        text = (
            "SELECT event_time, kafka_partition, kafka_offset "
            f"FROM {SESSION_EVENTS.qualified_name} WHERE kafka_topic_id = :topic_id {new}"
        )
        with connect(self._settings) as connection, connection.cursor() as cursor:
            rows = cursor.execute(text, {"topic_id": self._topic_id}).fetchall_arrow()
        visible_at = time.time()
        for partition, offset in zip(
            rows["kafka_partition"].to_pylist(), rows["kafka_offset"].to_pylist(), strict=True
        ):
            self._seen[partition] = max(self._seen.get(partition, -1), offset)
        yield from (Sample(at, visible_at) for at in _unix_times(rows))


class FreshnessPoller:
    """Reads samples in a thread of its own, since a SQL warehouse may take seconds.

    Args:
        rows: to read.
        outages: what injected faults delayed.
    """

    def __init__(self, rows: NewRows, outages: Outages) -> None:
        self._rows = rows
        self._outages = outages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="freshness")
        self._reading = self._thread.submit(self._read)

    def samples(self) -> Sequence[Sample]:
        """The samples since the last call, as far as they have been read."""
        if not self._reading.done():
            return []
        found = self._reading.result()
        self._reading = self._thread.submit(self._read)
        return [
            Sample(each.event_at, each.visible_at, in_outage=True)
            if self._outages.overlap(each.event_at, each.visible_at)
            else each
            for each in found
        ]

    def _read(self) -> Sequence[Sample]:
        return list(self._rows.read())


def _unix_times(rows: pa.Table) -> Sequence[float]:
    microseconds = rows["event_time"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return [each / 1e6 for each in microseconds.to_pylist()]
