"""Structured logs: one JSON object per line on stderr, or plain text on a terminal.

Pass fields in `extra`: `log.info("Committed", extra={"rows": 5})`. Values of secret variables are
replaced by ***. Never log the payload of an event.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TextIO

from pydantic import BeforeValidator, Field

from classwaves_runtime.settings import Settings
from classwaves_runtime.timestamps import format_timestamp

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET = re.compile(r"(.*_)?(PASSWORD|SECRET|TOKEN|PEM|CREDENTIALS|ACCESS_KEY|JAAS)(_.*)?")
_LOCATION = re.compile(r".*_(FILE|LOCATION|URL|PATH)")
# Replacing shorter values would damage every line.
_MIN_SECRET_LENGTH = 4

Redact = Callable[[str], str]


class LogSettings(Settings):
    """Settings of the logs of every process."""

    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda level: level.upper())
    ] = Field(default="INFO", description=f"one of {', '.join(_LEVELS)}")


def configure(environ: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Write the logs of this process, from the level LOG_LEVEL on.

    Args:
        environ: the environment variables.
        stream: where to write, by default stderr.

    Raises:
        SettingsError: LOG_LEVEL is not a level.
    """
    level = LogSettings.from_environment(environ).log_level
    handler = logging.StreamHandler(stream or sys.stderr)
    redact = redaction(environ)
    handler.setFormatter(
        PlainFormatter(redact) if handler.stream.isatty() else JsonFormatter(redact)
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)


def redaction(environ: Mapping[str, str]) -> Redact:
    """Return a function that replaces the values of secret variables in a text by ***.

    A variable is secret by its name (…PASSWORD, …SECRET, …TOKEN, …PEM, …), unless the name says
    that it holds the location of a secret (…FILE, …URL, …).
    """
    secrets = {
        value
        for name, value in environ.items()
        if _SECRET.fullmatch(name)
        and not _LOCATION.fullmatch(name)
        and len(value) >= _MIN_SECRET_LENGTH
    }
    if not secrets:
        return str
    pattern = re.compile(
        "|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True))
    )
    return lambda text: pattern.sub("***", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, message, extra fields, exception."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return one line without a line break."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(_redacted(line, self._redact), ensure_ascii=False)


class PlainFormatter(logging.Formatter):
    """Formats a record as text."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the traceback if there is one."""
        fields = "".join(
            f" {name}={_redacted(value, self._redact)}" for name, value in _fields(record).items()
        )
        text = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self._redact(text)


def _time(record: logging.LogRecord) -> str:
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
