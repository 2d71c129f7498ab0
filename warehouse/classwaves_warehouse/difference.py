"""What became of rows between two versions of a table."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.dataset as ds

from classwaves_warehouse.duck import Duck

_BOTH_WAYS = """
SELECT {columns} FROM (SELECT * FROM came EXCEPT ALL SELECT * FROM gone)
UNION ALL
SELECT {columns} FROM (SELECT * FROM gone EXCEPT ALL SELECT * FROM came)
"""


def difference(
    came: pa.Table | ds.Dataset, gone: pa.Table | ds.Dataset, columns: Sequence[str]
) -> pa.Table:
    """These columns of the rows that came and had not gone, and of those that went and did not come again."""
    with Duck({"came": came, "gone": gone}) as duck:
        return duck.query(_BOTH_WAYS.format(columns=", ".join(columns)), {})
