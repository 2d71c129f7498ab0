"""The log lines of librdkafka, without the hundreds a minute of an outage."""

import logging
from typing import Final

_CONNECTION_FACILITIES: Final = {"FAIL", "ERROR", "REQTMOUT"}
"""Librdkafka's names for a failed connection, its error, and a request without an answer."""


class ClientLog:
    """The `logger` of a client: connection failures are logged at DEBUG, other lines as they are.

    Whoever uses the client reports an outage once, when it begins, and once, when it ends.

    Args:
        log: receives the lines.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def log(self, level: int, text: str, facility: str, client: str, line: str) -> None:
        """Log one line of librdkafka, as its Python binding calls it."""
        if facility in _CONNECTION_FACILITIES:
            level = logging.DEBUG
        self._log.log(level, text, facility, client, line)
