"""Reads the table with DuckDB, an engine that did not write it, from the files in its log."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
from deltalake import DeltaTable

_COLUMNS = "session_id, id, kafka_topic_id, kafka_partition, kafka_offset"


@dataclass(frozen=True, order=True, slots=True)
class Row:
    """The identity of a stored event and its Kafka coordinates."""

    session_id: str
    id: str
    topic_id: str
    partition: int
    offset: int


def rows(table: Path) -> list[Row]:
    """Every row of the table's latest version."""
    files = DeltaTable(table).file_uris()
    if not files:
        return []
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {_COLUMNS} FROM read_parquet($files)", {"files": files}
        ).fetchall()
    return [Row(*row) for row in found]
