"""The order of rows in the table and of a session's timeline."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TIMELINE = ("event_time", "source", "sequence", "id")
"""A session's one order: when it happened, then each source's own sequence; the id settles what is left."""


def table_order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """The places of rows of session_events by session, each session in timeline order, NULLs first."""
    keys = [(name, "ascending", "at_start") for name in ("session_id", *TIMELINE)]
    places: npt.NDArray[np.int64] = (
        pc.sort_indices(rows, sort_keys=keys).to_numpy().astype(np.int64)
    )
    return places


def in_table_order(rows: pa.Table) -> pa.Table:
    """The same rows in that order."""
    return rows.take(pa.array(table_order(rows)))
