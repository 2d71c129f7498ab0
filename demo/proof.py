"""The independent check: what producers know against what the table and the dead-letter topic hold.

It uses neither the ingestor's ledger nor its decoder. DuckDB compares the rows, however they were read (`demo.table`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow.dataset import Dataset

from demo.journal import COLUMNS
from demo.lesson import NAMES


@dataclass(frozen=True)
class Proof:
    """What was found.

    Args:
        expected: distinct valid events that the broker acknowledged, or whose id emit returned.
        returned: those of them whose id emit returned.
        repeats: acknowledged messages beyond them that carry the same identities.
        missing: those of the expected that have no row.
        twice: rows beyond one for each identity.
        strangers: rows that no producer sent.
        named: rows that hold a pupil's name.
        bare: rows that hold a pupil's id as it came.
        spoilt: acknowledged messages that the contract refuses, by reason.
        letters: distinct messages in the dead-letter topic, by reason.
        example: a session worth looking at: told by a pod that died in its midst if there is one.
    """

    expected: int
    returned: int
    repeats: int
    missing: int
    twice: int
    strangers: int
    named: int
    bare: int
    spoilt: Counter[str]
    letters: Counter[str]
    example: str

    @property
    def holds(self) -> bool:
        """Whether all is as it must be."""
        return all(holds for holds, _ in self.sentences())

    def sentences(self) -> Iterator[tuple[bool, str]]:
        """Each claim, and whether it holds."""
        yield (
            self.expected > 0 and self.missing == 0,
            f"every one of {self.expected:,} valid events is in the table ({self.missing:,} missing): "
            f"emit had returned {self.returned:,}, the broker acknowledged the rest",
        )
        yield (
            self.twice == 0,
            f"each of them once, though {self.repeats:,} were sent again ({self.twice:,} twice)",
        )
        yield (
            self.strangers == 0,
            f"nothing else is there ({self.strangers:,} rows that nobody sent)",
        )
        yield (
            self.letters == self.spoilt,
            f"each of {self.spoilt.total():,} malformed messages is a dead letter with its own reason "
            f"({len(self.spoilt)} reasons, {_difference(self.spoilt, self.letters):,} wrong)",
        )
        yield (
            self.named == self.bare == 0,
            f"no row names a pupil or holds a pupil's own id ({self.named:,} names, {self.bare:,} ids)",
        )


def prove(journals: Path, stored: Dataset | pa.Table, letters: Counter[str]) -> Proof:
    """Compare.

    Args:
        journals: the folder of the producers' journals, all of which are closed.
        stored: the rows of session_events that may have come from these producers.
        letters: what `letters.by_reason` found.
    """
    with duckdb.connect() as connection:
        connection.register("stored", stored)
        connection.read_csv(
            str(journals / "*.csv"), header=False, columns=COLUMNS, null_padding=False
        ).create("journal")
        connection.execute(_VIEWS)
        found = dict(_counts(connection))
        spoilt = connection.execute(_SPOILT).fetchall()
        example = connection.execute(_EXAMPLE).fetchone()
    return Proof(
        spoilt=Counter(dict(spoilt)),
        letters=letters,
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
CREATE VIEW kept AS SELECT session_id, id, answer FROM sent WHERE answer IN ('returned', 'acknowledged');
CREATE VIEW expected AS SELECT DISTINCT session_id, id FROM kept;
"""
_SPOILT = "SELECT reason, count(*) FROM journal WHERE reason IS NOT NULL AND answer = 'acknowledged' GROUP BY 1"
_EXAMPLE = """
SELECT session_id FROM rows GROUP BY session_id
ORDER BY count(DISTINCT source) DESC, count(*) FILTER (event_type = 'started') DESC, count(*), session_id
LIMIT 1
"""
_NAMES = "|".join(NAMES).replace("'", "''")
_COUNTS = {
    "expected": "SELECT count(*) FROM expected",
    "returned": "SELECT count(DISTINCT (session_id, id)) FROM sent WHERE answer = 'returned'",
    "repeats": "SELECT count(*) - (SELECT count(*) FROM expected) FROM kept",
    "missing": "SELECT count(*) FROM expected ANTI JOIN rows USING (session_id, id)",
    "twice": "SELECT count(*) - count(DISTINCT (session_id, id)) FROM rows",
    "strangers": "SELECT count(*) FROM rows ANTI JOIN sent USING (session_id, id)",
    "named": f"SELECT count(*) FROM rows WHERE regexp_matches(payload, '{_NAMES}')",
    # A pseudonym begins with p, which no UUID does.
    "bare": """SELECT count(*) FROM rows WHERE regexp_matches(payload, '"(leaderId|studentId|userId)":"[^p]')""",
}
