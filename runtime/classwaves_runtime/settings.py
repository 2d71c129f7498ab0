"""How a process reads its settings: from the environment, once, into a frozen object."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from classwaves_runtime.errors import SettingsError

_KAFKA = "KAFKA_"
_BROKERS = "KAFKA_BOOTSTRAP_SERVERS"
# What Kubernetes adds to a pod's environment for each service near it, one called "kafka" or "kafka-ui" too.
_SERVICE_LINK = re.compile(r"KAFKA_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")


MIB = 1024 * 1024

TopicName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
"""A valid name of a Kafka topic."""


class Settings(BaseModel):
    """Base of a process's settings. The field `batch_max_rows` is read from the variable BATCH_MAX_ROWS.

    A field's description says what is expected of its value. A variable that is empty counts as one that is not set.
    """

    model_config = ConfigDict(
        alias_generator=str.upper,
        validate_by_name=True,
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """The settings that these variables hold.

        Raises:
            SettingsError: lists every variable that is missing or wrong. It holds no value, which may be a secret.
        """
        given: dict[str, Any] = {name: value for name, value in environ.items() if value.strip()}
        given[_BROKERS] = kafka_options(environ)
        try:
            return cls.model_validate(given, by_name=False)
        except ValidationError as error:
            raise SettingsError("; ".join(_complaints(cls, error))) from None


def kafka_options(environ: Mapping[str, str]) -> dict[str, str]:
    """The options for librdkafka: KAFKA_X_Y is its x.y (KAFKA_BOOTSTRAP_SERVERS its bootstrap.servers)."""
    return {
        name.removeprefix(_KAFKA).lower().replace("_", "."): value
        for name, value in environ.items()
        if name.startswith(_KAFKA) and value.strip() and not _SERVICE_LINK.fullmatch(name)
    }


def _reachable(options: Mapping[str, str]) -> Mapping[str, str]:
    if "bootstrap.servers" not in options:
        raise ValueError("is not set")
    return MappingProxyType(dict(options))


KafkaOptions = Annotated[
    Mapping[str, str],
    AfterValidator(_reachable),
    # Passwords are among them.
    Field(
        alias=_BROKERS,
        repr=False,
        description="host:port of one or more brokers; KAFKA_X_Y is librdkafka's x.y",
    ),
]
"""The type of a field `kafka`: librdkafka's options, among them the brokers."""


def _complaints(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        # A default that waits for a wrong field is no fault of its own.
        if detail["type"] != "default_factory_not_called":
            yield _complaint(model, detail)


def _complaint(model: type[BaseModel], detail: ErrorDetails) -> str:
    wrong = (
        "is not set" if detail["type"] == "missing" else detail["msg"].removeprefix("Value error, ")
    )
    if not detail["loc"]:
        return wrong
    variable = str(detail["loc"][0])
    expected = next(
        field.description for field in model.model_fields.values() if field.alias == variable
    )
    return f"{variable}: {wrong} (expected: {expected})"
