"""The admin client, and the meaning of its errors."""

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # missing in its stubs

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.client_log import ClientLog
from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
"""Timeout of one request to the cluster."""

_LOGIN_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
_UNANSWERED = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._FAIL,
        KafkaError._RESOLVE,
        KafkaError._DESTROY_BROKER,  # the client has replaced its connection to the broker
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_CACHE,
        KafkaError._NOENT,  # the leader is not known yet
        KafkaError._UNKNOWN_PARTITION,  # the client's metadata is older than the partition
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,  # client and broker have metadata of different ages
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.NOT_CONTROLLER,
    }
)


class ClusterAdmin(AdminClient):
    """An admin client that remembers why brokers refuse it.

    Args:
        options: librdkafka options from the environment.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._refusal: str | None = None
        configuration: dict[str, Any] = {
            "client.id": "classwaves-ingestor-admin",
            **options,
            "error_cb": self._on_error,
        }
        super().__init__(configuration, logger=ClientLog(log))

    def refusal(self) -> str | None:
        """Why brokers refuse the client and what to check; None if none has refused it."""
        self.poll(0)
        return self._refusal

    def _on_error(self, error: KafkaError) -> None:
        self._refusal = explain_refusal(error) or self._refusal


def explain_refusal(error: KafkaError) -> str | None:
    """A refused login or TLS handshake, with the variables to check; None for other errors."""
    if error.code() == KafkaError._SSL or "SSL_HANDSHAKE" in error.str():
        variables = "KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_LOCATION and the other KAFKA_SSL_ ones"
    elif error.code() in _LOGIN_REFUSALS:
        variables = (
            "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD, KAFKA_SASL_MECHANISM and "
            "KAFKA_SECURITY_PROTOCOL"
        )
    else:
        return None
    return f"The brokers refuse this client: {error.str()}. Check the variables {variables}."


def connect(options: Mapping[str, str]) -> AdminClient:
    """An admin client. No request is sent yet.

    Args:
        options: librdkafka options from the environment.

    Raises:
        SettingsError: librdkafka refuses an option or its value.
    """
    with refused_options():
        return ClusterAdmin(options)


@contextmanager
def refused_options() -> Iterator[None]:
    """Turn librdkafka's refusal to create a client into an error of the settings.

    Raises:
        SettingsError: librdkafka refuses an option or its value.
    """
    try:
        yield
    except KafkaException as error:
        raise SettingsError(
            f"librdkafka refuses the KAFKA_ settings: {error.args[0].str()}. Correct the variable "
            "KAFKA_X_Y of its option x.y, or remove it."
        ) from error


def metadata(
    admin: AdminClient, topic: str | None = None, seconds: float = REQUEST_SECONDS
) -> ClusterMetadata:
    """Metadata of the cluster, or of one topic. The client caches it.

    Raises:
        BrokerUnavailable, BrokerRefused: the request failed.
    """
    try:
        return (
            admin.list_topics(topic, timeout=seconds)
            if topic
            else admin.list_topics(timeout=seconds)
        )
    except KafkaException as error:
        refusal = admin.refusal() if isinstance(admin, ClusterAdmin) else None
        if refusal is not None:
            raise BrokerUnavailable(refusal) from error
        raise map_error(error, "the list of topics") from error


def result(future: "Future[Any]", request: str) -> Any:  # noqa: ANN401 - confluent_kafka has no types
    """The result of an admin request.

    Args:
        future: from confluent_kafka's admin client.
        request: what was requested, for error messages: "No answer to: <request>".

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused: the request failed.
    """
    try:
        return future.result()
    except KafkaException as error:
        raise map_error(error, request) from error


def map_error(
    error: KafkaException, request: str
) -> TopicMissing | BrokerUnavailable | BrokerRefused:
    """The exception of this room for an error of the client."""
    why: KafkaError = error.args[0]
    if why.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return TopicMissing(
            f"The topic does not exist: {request}. Create it with `ingestor topics create`."
        )
    if why.code() in _UNANSWERED:
        return BrokerUnavailable(
            f"No answer to: {request} ({why.str()}). Is KAFKA_BOOTSTRAP_SERVERS right, and up?"
        )
    return BrokerRefused(f"Refused: {request} ({why.str()}).")
