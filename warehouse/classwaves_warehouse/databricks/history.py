"""What a table's history says about who wrote an hour."""

import re
from collections.abc import Mapping
from typing import Any, Final

_HARMLESS: Final = re.compile(
    r"OPTIMIZE|VACUUM|ANALYZE|REORG|CLUSTER|TBLPROPERTIES|ADD COLUMNS|CHANGE COLUMN|PROTOCOL"
)
"""Operations that leave rows as they are."""

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def wrote(entry: Mapping[str, Any], hour: str) -> bool:
    """Whether a commit may have written rows of an hour.

    Args:
        entry: a row of DESCRIBE HISTORY.
        hour: as literals have it.
    """
    if _HARMLESS.search(entry["operation"]):
        return False
    hours = _TIME.findall(dict(entry["operationParameters"]).get("predicate") or "")
    return not hours or hour in hours
