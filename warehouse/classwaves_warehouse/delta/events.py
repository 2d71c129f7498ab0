"""Reading session_events with DuckDB, which takes from a Delta table only the files and columns that it needs."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.log import Log
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.duck import Duck
from classwaves_warehouse.hours import Parameters
from classwaves_warehouse.interface import PartitionRows, TableSize
from classwaves_warehouse.stream import Stream

_SQL: Final = files("classwaves_warehouse") / "sql"


class DeltaEvents:
    """The `Events` below a root.

    Raises, from every method:
        TableMissing: session_events does not exist.
        WarehouseUnavailable: it cannot be read now.
    """

    def __init__(self, root: Root) -> None:
        self._root = root

    def timeline(self, session_id: str) -> pa.Table:
        """A session's rows in their one order: (event_time, source, sequence, id), NULLs first."""
        return self._query("timeline", {"session_id": session_id}).cast(ROWS)

    def partition_rows(self, stream: Stream) -> Mapping[int, PartitionRows]:
        """By partition, what is stored of this stream's topic."""
        found = self._query("partition_rows", {"topic_id": stream.topic_id}).to_pylist()
        return {
            row["kafka_partition"]: PartitionRows(
                rows=row["stored_rows"],
                offsets=row["offsets"],
                lowest=row["lowest"],
                highest=row["highest"],
            )
            for row in found
        }

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of [start, end) of one partition, ascending."""
        bounds: Parameters = {
            "topic_id": stream.topic_id,
            "partition": partition,
            "start_offset": start,
            "end_offset": end,
        }
        offsets: list[int] = self._query("offsets", bounds).column("kafka_offset").to_pylist()
        return offsets

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """How many rows the table holds beyond one for each identity, and up to `limit` such (session_id, id)."""
        found = self._query("repeated", {"sample_size": limit}).to_pylist()
        sample = [(row["session_id"], row["id"]) for row in found if row["id"] is not None]
        return found[0]["beyond_one"], sorted(sample)

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        wanted = pa.table(
            {
                "session_id": pa.array([session_id for session_id, _ in identities], pa.string()),
                "id": pa.array([id_ for _, id_ in identities], pa.string()),
            }
        )
        return {
            (row["session_id"], row["id"])
            for row in self._query("known", {}, wanted=wanted).to_pylist()
        }

    def size(self) -> TableSize:
        """How large session_events is."""
        handle = self._root.open(SESSION_EVENTS)
        adds = pa.table(handle.get_add_actions(flatten=True))
        return TableSize(
            version=handle.version(),
            files=len(adds),
            bytes=pc.sum(adds["size_bytes"], min_count=0).as_py(),
            rows=pc.sum(adds["num_records"], min_count=0).as_py(),
            log_entries=handle.version() - Log(handle).checkpointed_version(),
        )

    def _query(self, name: str, parameters: Parameters, **tables: pa.Table) -> pa.Table:
        """Run `warehouse/sql/<name>.sql` on the latest version, as the columns of the contract."""
        statement = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
        dataset = DeltaDataset.of(self._root.open(SESSION_EVENTS), ROWS)
        with Duck({"session_events": dataset, **tables}) as duck:
            return duck.query(statement, parameters)
