"""Structured logs: one JSON object a line on stderr, or plain text on a terminal.

Fields go along by `extra`: `log.info("Committed", extra={"rows": 5})`. No value of a secret setting is ever written.
The payload of an event is never given to a logger.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from classwaves_runtime.errors import SettingsError
from classwaves_runtime.timestamps import format_timestamp

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET = re.compile(r"(.*_)?(PASSWORD|SECRET|TOKEN|PEM|CREDENTIALS|ACCESS_KEY|JAAS)(_.*)?")
_PLACE = re.compile(r".*_(FILE|LOCATION|URL|PATH)")
# Shorter ones would blot out half of every line, and hide nothing from a guess.
_SHORTEST = 4

Redact = Callable[[str], str]


def configure(environ: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Send this process's logs to the stream (stderr), from the level that LOG_LEVEL names (INFO).

    Raises:
        SettingsError: LOG_LEVEL is no level.
    """
    level = environ.get("LOG_LEVEL", "").strip().upper() or "INFO"
    if level not in _LEVELS:
        raise SettingsError(f"LOG_LEVEL is no level (expected: one of {', '.join(_LEVELS)})")
    handler = logging.StreamHandler(stream or sys.stderr)
    redact = redaction(environ)
    handler.setFormatter(
        PlainFormatter(redact) if handler.stream.isatty() else JsonFormatter(redact)
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)


def redaction(environ: Mapping[str, str]) -> Redact:
    """A function that puts *** in place of the value of every secret variable in a text.

    Secret is what its name calls so (…PASSWORD, …SECRET, …TOKEN, …PEM, …), except the place of one (…FILE, …URL, …).
    """
    secrets = {
        value
        for name, value in environ.items()
        if _SECRET.fullmatch(name) and not _PLACE.fullmatch(name) and len(value) >= _SHORTEST
    }
    if not secrets:
        return str
    pattern = re.compile(
        "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
    )
    return lambda text: pattern.sub("***", text)


class JsonFormatter(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, its extra fields, exception."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """One line without its end."""
        line: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(_redacted(line, self._redact), ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """A record as text for a person."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback if there is one."""
        fields = "".join(
            f" {name}={_redacted(value, self._redact)}" for name, value in _fields(record).items()
        )
        text = f"{_moment(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self._redact(text)


def _moment(record: logging.LogRecord) -> str:
    return format_timestamp(datetime.fromtimestamp(record.created, UTC))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _redacted(value: Any, redact: Redact) -> Any:  # noqa: ANN401 - a log field is anything
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {redact(str(key)): _redacted(item, redact) for key, item in value.items()}
        case list() | tuple():
            return [_redacted(item, redact) for item in value]
        case _:
            return redact(str(value))
