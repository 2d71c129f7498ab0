"""Tables of a catalog as they were at one time: each is read at its version, whatever comes later."""

from collections.abc import Mapping
from functools import lru_cache

import pyarrow as pa
from sqlglot import exp, parse_one
from sqlglot.errors import ParseError

from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.errors import WarehouseRefused
from classwaves_warehouse.hours import Parameters

_TIME = pa.timestamp("us", tz="UTC")


class DatabricksSnapshot:
    """The `Snapshot` of a catalog.

    Args:
        session: at the warehouse.
        patience: how long a query goes on trying.
        places: by unqualified name, what a table is called in a statement.
        versions: by qualified name.
    """

    def __init__(
        self,
        session: Session,
        patience: Patience,
        places: Mapping[str, str],
        versions: Mapping[str, int],
    ) -> None:
        self._session = session
        self._patience = patience
        self._places = places
        self.versions = versions

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Ask the tables that were there."""
        text = self.placed(sql)
        answer = self._patience.wait(
            lambda _attempt: self._session.run(text, used(text, parameters))
        )
        types = [
            _TIME if pa.types.is_timestamp(field.type) else field.type for field in answer.schema
        ]
        return answer.cast(pa.schema(list(zip(answer.column_names, types, strict=True))))

    def placed(self, sql: str) -> str:
        """A statement that finds the tables where they are, at their versions."""
        return _placed(sql, tuple(self._places.items()))


def used(sql: str, parameters: Parameters) -> Parameters:
    """The parameters that a statement has; others might be refused."""
    names = {
        str(each.this) for each in parse_one(sql, dialect="databricks").find_all(exp.Placeholder)
    }
    return {name: value for name, value in parameters.items() if name in names}


@lru_cache(maxsize=256)
def _placed(sql: str, places: tuple[tuple[str, str], ...]) -> str:
    """The text itself with other names in it: what sqlglot would write anew might mean something else."""
    try:
        tree = parse_one(sql, dialect="databricks")
    except ParseError as error:
        raise WarehouseRefused(f"The statement is wrong: {error}") from error
    own = {each.alias for each in tree.find_all(exp.CTE)}
    known = {name: place for name, place in places if name not in own}
    spans = [
        (table.this.meta["start"], table.this.meta["end"] + 1, known[table.name])
        for table in tree.find_all(exp.Table)
        if not table.db and table.name in known
    ]
    for start, end, place in sorted(spans, reverse=True):
        sql = sql[:start] + place + sql[end:]
    return sql
