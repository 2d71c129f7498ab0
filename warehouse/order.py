"""The order of rows in the table and of a session's timeline."""

import pyarrow as pa
import pyarrow.compute as pc

TIMELINE = ("event_time", "source", "sequence", "id")
"""A session's one order: when it happened, then each source's own sequence; the id settles what is left."""


def in_table_order(rows: pa.Table) -> pa.Table:
    """Rows of session_events by session, each session in timeline order, NULLs first."""
    keys = [(name, "ascending", "at_start") for name in ("session_id", *TIMELINE)]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))
