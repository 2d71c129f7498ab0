"""Settings: read once from the environment into a frozen object."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

DISTRIBUTION = "classwaves-ingestor"

_KAFKA = "KAFKA_"
_BROKERS = "KAFKA_BOOTSTRAP_SERVERS"
_CLIENT_ARGUMENTS = {"default.topic.config", "delivery.report.only.error", "logger"}
# Kubernetes adds variables for each service in the namespace, also for one named "kafka".
_SERVICE_LINK = re.compile(r"KAFKA_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")
# A user and a password in front of a host, as a URL may hold them.
_USER_INFO = re.compile(r"(?<=://)[^/\s]+@")


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that a setting is read from.

    Args:
        name: of the variable.
        description: what its value should be.
        default: "required", "default: derived", "default: unset", or "default: " and the value.
    """

    name: str
    description: str
    default: str


MIB = 1024 * 1024

TopicName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
"""A valid name of a Kafka topic."""


class Settings(BaseModel):
    """Base of all settings. The field `batch_max_rows` is read from the variable BATCH_MAX_ROWS.

    The description of a field says what its value should be. A field with `repr=False` is secret:
    its value is never logged. An empty variable counts as unset.
    """

    help_heading: ClassVar[str] = "Environment variables"
    """The heading of the variables in the help of a command."""

    model_config = ConfigDict(
        alias_generator=str.upper,
        validate_by_name=True,
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from environment variables.

        Raises:
            SettingsError: lists every variable that is missing or wrong, without its value, which
                may be secret.
        """
        given: dict[str, Any] = {name: value for name, value in environ.items() if value.strip()}
        given[_BROKERS] = kafka_options(environ)
        try:
            return cls.model_validate(given, by_name=False)
        except ValidationError as error:
            raise SettingsError("; ".join(_problems(cls, error))) from None

    @classmethod
    def variables(cls) -> Iterator[Variable]:
        """Describe the variables that the settings are read from."""
        for name, field in cls.model_fields.items():
            yield Variable(_variable(name, field), field.description or "", _default(field))

    def public(self) -> dict[str, str]:
        """Return the settings that are not secret, by variable."""
        shown = {}
        for name, field in type(self).model_fields.items():
            variable, value = _variable(name, field), getattr(self, name)
            if variable == _BROKERS:
                shown[variable] = value["bootstrap.servers"]
            elif field.repr and value is not None:
                shown[variable] = _USER_INFO.sub("***@", str(value))
        return shown


def log_start(command: str, settings: Settings) -> None:
    """Log the version and the settings of a process that starts.

    Args:
        command: what the process runs, such as "ingestor run".
        settings: of the process; secret ones are left out.
    """
    log.info(
        "Started %s",
        command,
        extra={"version": version(DISTRIBUTION), "settings": settings.public()},
    )


def _variable(name: str, field: FieldInfo) -> str:
    return field.alias or name.upper()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "default: derived"
    if field.default is None:
        return "default: unset"
    return f"default: {field.default}"


def kafka_options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the options for librdkafka: the variable KAFKA_X_Y is its option `x.y`.

    Raises:
        SettingsError: a variable names an argument of librdkafka's Python client instead.
    """
    options = {
        name.removeprefix(_KAFKA).lower().replace("_", "."): value
        for name, value in environ.items()
        if name.startswith(_KAFKA) and value.strip() and not _SERVICE_LINK.fullmatch(name)
    }
    for name in sorted(_CLIENT_ARGUMENTS & options.keys()):
        variable = _KAFKA + name.upper().replace(".", "_")
        raise SettingsError(f"{variable} cannot be set: no text can be its value. Remove it.")
    return options


def _require_brokers(options: Mapping[str, str]) -> Mapping[str, str]:
    if "bootstrap.servers" not in options:
        raise ValueError("is not set")
    return MappingProxyType(dict(options))


KafkaOptions = Annotated[
    Mapping[str, str],
    AfterValidator(_require_brokers),
    # The options include passwords.
    Field(
        alias=_BROKERS,
        repr=False,
        description="host:port of one or more brokers; KAFKA_X_Y is librdkafka's x.y",
    ),
]
"""The type of a field `kafka`: the options of librdkafka, including the brokers."""


def _problems(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        # A default that depends on a wrong field is not an error of its own.
        if detail["type"] != "default_factory_not_called":
            yield _problem(model, detail)


def _problem(model: type[BaseModel], detail: ErrorDetails) -> str:
    problem = (
        "is not set" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
    )
    if not detail["loc"]:
        return problem
    variable = str(detail["loc"][0])
    expected = next(
        field.description for field in model.model_fields.values() if field.alias == variable
    )
    return f"{variable}: {problem} (expected: {expected})"
