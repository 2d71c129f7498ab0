"""Reading session_events with DuckDB, from only the files and columns that a query needs."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.log import Log
from classwaves_warehouse.delta.tables import LatestTable, Root
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.interface import PartitionRows, Stream, TableSize
from classwaves_warehouse.offset_sums import MODULUS, OffsetSums
from classwaves_warehouse.reading import Parameters
from classwaves_warehouse.sql_files import load_sql

_COVERED: Final = pa.schema(
    {
        "kafka_partition": pa.int32(),
        "first_offset": pa.int64(),
        "end_offset": pa.int64(),
        "summed_from": pa.int64(),
    }
)


class DeltaEvents:
    """The `Events` below a root.

    Raises, from every method:
        TableMissing: session_events does not exist.
        WarehouseUnavailable: session_events cannot be read now.
    """

    def __init__(self, root: Root) -> None:
        self._table = LatestTable(root, SESSION_EVENTS)

    def partition_rows(
        self, stream: Stream, checkpoints: Mapping[int, Checkpoint]
    ) -> Mapping[int, PartitionRows]:
        """The rows of this stream's topic that these checkpoints cover, by partition."""
        covered = pa.Table.from_pylist(
            [
                {
                    "kafka_partition": partition,
                    "first_offset": checkpoint.covered.start,
                    "end_offset": checkpoint.covered.stop,
                    "summed_from": checkpoint.summed_from,
                }
                for partition, checkpoint in checkpoints.items()
            ],
            _COVERED,
        )
        found = self._query(
            "partition_rows", {"topic_id": stream.topic_id}, {"covered": covered}, modulus=MODULUS
        )
        return {
            row["kafka_partition"]: PartitionRows(
                OffsetSums(row["stored_rows"], row["total"], row["squares"]), row["offsets"]
            )
            for row in found.to_pylist()
        }

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of a partition in [start, end), ascending."""
        bounds: Parameters = {
            "topic_id": stream.topic_id,
            "partition": partition,
            "start_offset": start,
            "end_offset": end,
        }
        offsets: list[int] = self._query("offsets", bounds).column("kafka_offset").to_pylist()
        return offsets

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """The number of rows beyond one for each identity, and up to `limit` such identities."""
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
        found = self._query("known", {}, {"wanted": wanted}).to_pylist()
        return {(row["session_id"], row["id"]) for row in found}

    def size(self) -> TableSize:
        """The size of session_events."""
        handle = self._table.handle()
        adds = pa.table(handle.get_add_actions(flatten=True))
        return TableSize(
            version=handle.version(),
            files=len(adds),
            bytes=pc.sum(adds["size_bytes"], min_count=0).as_py(),
            rows=pc.sum(adds["num_records"], min_count=0).as_py(),
            log_entries=handle.version() - Log(handle).checkpointed_version(),
        )

    def _query(
        self,
        name: str,
        parameters: Parameters,
        tables: Mapping[str, pa.Table] = MappingProxyType({}),
        **parts: object,
    ) -> pa.Table:
        """Run `sql/<name>.sql` on the latest version, with the columns of the contract."""
        dataset = DeltaDataset.of(self._table.handle(), ROWS)
        with DuckDBSession({"session_events": dataset, **tables}) as session:
            return session.query(load_sql("classwaves_warehouse", name, **parts), parameters)
