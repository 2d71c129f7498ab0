"""The statements of the ledger, from `sql/`. Values go in as parameters; filled in are names of the contract alone.

All JSON is parsed strictly: by default Spark makes no rows of a text that it cannot read, and says nothing.
"""

from importlib.resources import files
from string import Template
from typing import Final

from classwaves_schemas.tables import SESSION_EVENTS, Column, ColumnType
from classwaves_warehouse.databricks.parcel import json_type

_SQL: Final = files("classwaves_warehouse.databricks") / "sql"


def _read(name: str, **parts: str) -> str:
    return Template((_SQL / f"{name}.sql").read_text()).substitute(parts).rstrip()


def _value(column: Column) -> str:
    return (
        f"timestamp_micros({column.name}) AS {column.name}"
        if column.type is ColumnType.TIMESTAMP
        else column.name
    )


# Conflicts are judged by partitions of the table: a statement looks at those of its append, so that consumers of
# others do not conflict with it.
_OURS: Final = (
    "held.consumer_group = :consumer_group AND held.topic_id = :topic_id "
    "AND array_contains(from_json(:partitions, 'ARRAY<INT>'), held.kafka_partition)"
)
_SAME_IDENTITY: Final = "stored.session_id = offered.session_id AND stored.id = offered.id"
_A_DAY_AROUND: Final = "stored.event_time BETWEEN offered.event_time - INTERVAL 24 HOURS AND offered.event_time + INTERVAL 24 HOURS"
_MOVED: Final = _read("moved", ours=_OURS)
_OFFERED: Final = _read(
    "offered",
    values=", ".join(map(_value, SESSION_EVENTS.columns)),
    fields=", ".join(f"{each.name}: {json_type(each)}" for each in SESSION_EVENTS.columns),
)

POSITIONS: Final = _read("positions")
MOVE_POSITIONS: Final = _read("move_positions", ours=_OURS)
ACCEPT: Final = _read("accept")


def add_rows(stretches: int) -> str:
    """The statement for rows whose repeats may be in so many stretches of time."""
    return _read(
        "add_rows",
        offered=_OFFERED,
        moved=_MOVED,
        same_identity=f"{_SAME_IDENTITY} AND {_A_DAY_AROUND} AND {_within(stretches)}",
        columns=", ".join(SESSION_EVENTS.column_names),
        offered_columns=", ".join(f"offered.{name}" for name in SESSION_EVENTS.column_names),
    )


def account(stretches: int) -> str:
    """The statement for the rows of a batch whose repeats may be in so many stretches of time.

    A row may be there in a repeat from its own batch, however far away: 24 h around each row are not asked for.
    """
    return _read(
        "account", offered=_OFFERED, same_identity=f"{_SAME_IDENTITY} AND {_within(stretches)}"
    )


def _within(stretches: int) -> str:
    """The stretches say in constants where 24 h around each row are: by those, files are left out."""
    found = " OR ".join(
        f"stored.event_time BETWEEN :from_{n} AND :until_{n}" for n in range(stretches)
    )
    return f"({found})"
