"""What an error of the connector means for the statement that met it.

Nothing is concluded from an error whether a statement was executed: who needs to know looks at the table.
"""

import re
from typing import Final

from classwaves_warehouse.errors import (
    TableMissing,
    WarehouseError,
    WarehouseRefused,
    WarehouseUnavailable,
    WarehouseWarming,
)

_SESSION_LOST: Final = re.compile(
    r"Invalid SessionHandle|session handle.*(not|n't) (been )?initiali[sz]ed"
    r"|session .*(is closed|expired|does not exist)",
    re.IGNORECASE | re.DOTALL,
)
_STARTING: Final = re.compile(
    r"TEMPORARILY_UNAVAILABLE|warehouse .*is starting|cluster .*(is starting|is in state Pending|is not ready)"
    r"|Unknown state STARTING|Couldn't create directory \S+/_resources"
    r"|session handle.*(not|n't) (been )?initiali[sz]ed",
    re.IGNORECASE | re.DOTALL,
)
_MISSING: Final = re.compile(
    r"TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|DELTA_TABLE_NOT_FOUND|SQLSTATE: 42P01"
)
_REFUSED: Final = re.compile(
    r"SQLSTATE: 42|PERMISSION_DENIED|INSUFFICIENT_PERMISSIONS|does not have .*permission"
)
# In the words of the connector's source of a service principal's tokens, which has no error of its own for it.
_NO_TOKEN: Final = re.compile(r"Failed to get token: 40[013]\b")
_GONE: Final = 404
_REFUSING_CODES: Final = {401, 403, _GONE}

_LONGEST: Final = 500


def session_lost(error: Exception) -> bool:
    """Whether the server has forgotten the session, and so has not executed the statement."""
    return _http_code(error) == _GONE or bool(_SESSION_LOST.search(str(error)))


def starting(error: Exception) -> bool:
    """Whether this is how a warehouse that is starting up answers: a list of what it is known to say."""
    return bool(_STARTING.search(str(error)))


def translated(error: Exception, where: str) -> WarehouseError:
    """The error as the port knows it.

    Args:
        error: of the connector.
        where: the warehouse, for the message.
    """
    text = f"{where}: {_first_line(error)}"
    code = _http_code(error)
    if code in _REFUSING_CODES or _NO_TOKEN.search(str(error)):
        status = f" (HTTP {code})." if code in _REFUSING_CODES else ""
        return WarehouseRefused(
            f"{text}{status} Check DATABRICKS_HOST, DATABRICKS_WAREHOUSE_ID and the credentials."
        )
    if starting(error):
        return WarehouseWarming(f"{text} It is starting up: wait.")
    if _MISSING.search(str(error)):
        return TableMissing(f"{text} Run `ingestor tables migrate`.")
    if _REFUSED.search(str(error)):
        return WarehouseRefused(
            f"{text} Check the grants of the account, and the tables by `ingestor tables check`."
        )
    return WarehouseUnavailable(f"{text} Call again with the same arguments.")


def _http_code(error: Exception) -> int | None:
    code: int | None = (getattr(error, "context", None) or {}).get("http-code")
    return code


def _first_line(error: Exception) -> str:
    """An error without the plan that Spark shows below it, which may hold the values of a row."""
    return str(error).strip().partition("\n")[0][:_LONGEST]
