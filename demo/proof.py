"""The checks at the end of a run: the producers' journals against the table and the dead letters.

They use neither the ingestor's ledger nor its decoder. DuckDB compares the rows.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import duckdb
import pyarrow as pa
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from deltalake import DeltaTable
from pyarrow.dataset import Dataset

from classwaves_ingestor.dead_letters.headers import OFFSET, PARTITION, REASON
from classwaves_ingestor.kafka.headers import read_headers
from classwaves_ingestor.kafka.interface import Message
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.databricks.connection import connect
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.errors import TableMissing
from demo.errors import TableInUse
from demo.producer import COLUMNS
from demo.school_day import NAMES


class Table(Protocol):
    """The table session_events. Its text is its location."""

    @property
    def shared(self) -> bool:
        """Whether others may have rows in it."""

    def require_empty(self) -> None:
        """Raise TableInUse if the table holds rows of others."""

    def rows(self, topic_id: str) -> Dataset | pa.Table:
        """Return the rows of this topic."""


class FolderTable:
    """A table in the run's folder, read with delta-rs.

    Args:
        folder: of the table.
    """

    shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def require_empty(self) -> None:
        """See `Table`."""

    def rows(self, _topic_id: str) -> Dataset:
        """See `Table`: all there are."""
        return DeltaTable(self._folder).to_pyarrow_dataset()


class CatalogTable:
    """A table in a SQL warehouse, read with one SELECT.

    Args:
        settings: of the warehouse.
    """

    shared = True

    def __init__(
        self,
        settings: DatabricksSettings,
        open_warehouse: Callable[[DatabricksSettings], DatabricksWarehouse] = DatabricksWarehouse,
    ) -> None:
        self._settings = settings
        self._open = open_warehouse

    def __str__(self) -> str:
        host, catalog = self._settings.databricks_host, self._settings.databricks_catalog
        return f"{catalog}.{SESSION_EVENTS.qualified_name} at {host}"

    def require_empty(self) -> None:
        """See `Table`. A local endpoint may hold rows."""
        if self._settings.on_this_machine:
            return
        try:
            rows = self._open(self._settings).events.size().rows
        except TableMissing:
            return
        if rows:
            raise TableInUse(
                f"{self} holds {rows:,} rows, and the demo would add generated events: "
                "name a catalog without any in "
                "DATABRICKS_CATALOG."
            )

    def rows(self, topic_id: str) -> pa.Table:
        """See `Table`."""
        columns = "session_id, id, event_type, source, payload"
        text = (
            f"SELECT {columns} FROM {SESSION_EVENTS.qualified_name} "
            "WHERE kafka_topic_id = :topic_id"
        )
        with connect(self._settings) as connection, connection.cursor() as cursor:
            return cursor.execute(text, {"topic_id": topic_id}).fetchall_arrow()


_SECONDS = 10.0


def count_dead_letters(options: Mapping[str, str], topic: str) -> Counter[str]:
    """Count distinct dead-lettered messages by reason; a crash may write one twice.

    Args:
        options: librdkafka's.
        topic: the dead-letter topic.
    """
    reasons: dict[tuple[bytes | None, bytes | None], str] = {}
    for message in _read(options, topic):
        headers = dict(read_headers(message) or ())
        if (reason := headers.get(REASON)) is not None:
            reasons[headers.get(PARTITION), headers.get(OFFSET)] = reason.decode()
    return Counter(reasons.values())


def _read(options: Mapping[str, str], topic: str) -> Iterator[Message]:
    consumer = Consumer(
        {**options, "group.id": topic, "enable.auto.commit": False, "enable.partition.eof": True}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        consumer.assign(
            [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
        )
        unread = set(partitions)
        while unread:
            message = consumer.poll(_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} gives nothing"))
            error = message.error()
            if error is None:
                yield cast("Message", message)
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition())
            else:
                raise KafkaException(error)
    finally:
        consumer.close()


@dataclass(frozen=True)
class Proof:
    """What was found.

    Args:
        expected: distinct valid events that the broker acknowledged, or whose id emit returned.
        returned: those of them whose id emit returned.
        repeats: acknowledged messages beyond them that carry the same identities.
        missing: expected events without a row.
        twice: rows beyond one for each identity.
        unknown: rows that no producer sent.
        unanswered: rows of events that emit had not returned, as when their producer was killed.
        named: rows that hold a pupil's name.
        bare: rows that hold a pupil's id without pseudonym.
        malformed: acknowledged messages that the contract refuses, by reason.
        dead_letters: distinct messages in the dead-letter topic, by reason.
        example: a session to show, preferably with a killed producer.
    """

    expected: int
    returned: int
    repeats: int
    missing: int
    twice: int
    unknown: int
    unanswered: int
    named: int
    bare: int
    malformed: Counter[str]
    dead_letters: Counter[str]
    example: str

    @property
    def holds(self) -> bool:
        """Whether all checks passed."""
        return all(holds for holds, _ in self.claims())

    def claims(self) -> Iterator[tuple[bool, str]]:
        """Yield each check and whether it passed."""
        yield (
            self.expected > 0 and self.missing == 0,
            f"every one of {self.expected:,} valid events is in the table "
            f"({self.missing:,} missing): "
            f"emit had returned {self.returned:,}, the broker acknowledged the rest",
        )
        yield (
            self.twice == 0,
            f"each is stored once, although {self.repeats:,} were sent again "
            f"({self.twice:,} twice)",
        )
        yield (
            self.unknown == 0,
            f"the table holds nothing else ({self.unknown:,} rows that no producer sent, "
            f"{self.unanswered:,} that emit had not returned)",
        )
        yield (
            self.dead_letters == self.malformed,
            f"each of {self.malformed.total():,} malformed messages is a dead letter "
            "with its own reason "
            f"({len(self.malformed)} reasons, "
            f"{_difference(self.malformed, self.dead_letters):,} wrong)",
        )
        yield (
            self.named == self.bare == 0,
            f"no row names a pupil or holds a pupil's own id "
            f"({self.named:,} names, {self.bare:,} ids)",
        )


def prove(journals: Path, stored: Dataset | pa.Table, dead_letters: Counter[str]) -> Proof:
    """Compare the journals with the table and the dead letters.

    Args:
        journals: the folder of the producers' journals, all of which are closed.
        stored: the rows of session_events that may have come from these producers.
        dead_letters: the result of `count_dead_letters`.
    """
    with duckdb.connect() as connection:
        connection.register("stored", stored)
        connection.read_csv(
            str(journals / "*.csv"), header=False, columns=COLUMNS, null_padding=False
        ).create("journal")
        connection.execute(_VIEWS)
        found = dict(_counts(connection))
        malformed = connection.execute(_MALFORMED).fetchall()
        example = connection.execute(_EXAMPLE).fetchone()
    return Proof(
        malformed=Counter(dict(malformed)),
        dead_letters=dead_letters,
        example=example[0] if example else "",
        **found,
    )


def _counts(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, int]]:
    for name, query in _COUNTS.items():
        row: Any = connection.execute(query).fetchone()
        yield name, int(row[0])


def _difference(one: Counter[str], other: Counter[str]) -> int:
    return (one - other).total() + (other - one).total()


_VIEWS = """
CREATE TABLE rows AS SELECT session_id, id, event_type, source, payload FROM stored;
CREATE VIEW sent AS SELECT session_id, id, answer FROM journal WHERE reason IS NULL;
CREATE VIEW kept AS SELECT session_id, id, answer FROM sent WHERE answer IN ('returned',
'acknowledged');
CREATE VIEW expected AS SELECT DISTINCT session_id, id FROM kept;
"""
_MALFORMED = """
SELECT reason, count(*) FROM journal
WHERE reason IS NOT NULL AND answer = 'acknowledged' GROUP BY 1
"""
_EXAMPLE = """
SELECT session_id FROM rows GROUP BY session_id
ORDER BY count(DISTINCT source) DESC, count(*) FILTER (event_type = 'started') DESC, count(*),
session_id
LIMIT 1
"""
_NAMES = "|".join(NAMES).replace("'", "''")
_COUNTS = {
    "expected": "SELECT count(*) FROM expected",
    "returned": "SELECT count(DISTINCT (session_id, id)) FROM sent WHERE answer = 'returned'",
    "repeats": "SELECT count(*) - (SELECT count(*) FROM expected) FROM kept",
    "missing": "SELECT count(*) FROM expected ANTI JOIN rows USING (session_id, id)",
    "twice": "SELECT count(*) - count(DISTINCT (session_id, id)) FROM rows",
    "unknown": "SELECT count(*) FROM rows ANTI JOIN sent USING (session_id, id)",
    "unanswered": """
        SELECT count(*) FROM rows ANTI JOIN expected USING (session_id, id)
        SEMI JOIN sent USING (session_id, id)""",
    "named": f"SELECT count(*) FROM rows WHERE regexp_matches(payload, '{_NAMES}')",
    # A pseudonym begins with p, which no UUID does.
    "bare": """
        SELECT count(*) FROM rows
        WHERE regexp_matches(payload, '"(leaderId|studentId|userId)":"[^p]')""",
}
