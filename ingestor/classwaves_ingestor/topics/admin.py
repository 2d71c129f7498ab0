"""Asking a cluster for something, and what its refusals mean."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # exported all the same

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_runtime.errors import SettingsError

SECONDS = 10.0
"""How long a cluster may take for an answer."""

_UNANSWERED = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._NOENT,  # no leader is known yet
        KafkaError._UNKNOWN_PARTITION,  # the client's metadata is older than the partition
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,  # our metadata and the broker's are not equally old
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.NOT_CONTROLLER,
    }
)


def connect(options: Mapping[str, str]) -> AdminClient:
    """A client for the cluster; whether the cluster answers is not known yet.

    Args:
        options: librdkafka's, from the environment.

    Raises:
        SettingsError: librdkafka does not know an option, or not its value.
    """
    try:
        return AdminClient(
            {"client.id": "classwaves-ingestor-admin", **options},
            logger=logging.getLogger(__name__),
        )
    except KafkaException as error:
        raise SettingsError(f"KAFKA_*: {error.args[0].str()}") from None


def metadata(admin: AdminClient, topic: str | None = None) -> ClusterMetadata:
    """What the cluster holds: everything, or one topic; the client remembers it.

    Raises:
        BrokerUnavailable, BrokerRefused: no cluster answers.
    """
    try:
        return (
            admin.list_topics(topic, timeout=SECONDS)
            if topic
            else admin.list_topics(timeout=SECONDS)
        )
    except KafkaException as error:
        raise failure(error, "the list of topics") from error


def answer(future: "Future[Any]", asked: str) -> Any:  # noqa: ANN401 - confluent_kafka does not tell
    """What the cluster answered.

    Args:
        future: as confluent_kafka's admin client gives it.
        asked: what the cluster was asked for, as in "No answer to: <asked>".

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused: what it answered instead.
    """
    try:
        return future.result()
    except KafkaException as error:
        raise failure(error, asked) from error


def failure(error: KafkaException, asked: str) -> TopicMissing | BrokerUnavailable | BrokerRefused:
    """The error of ours that says what a client's error means."""
    why: KafkaError = error.args[0]
    if why.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return TopicMissing(
            f"No such topic, asked for: {asked}. Create it with `ingestor topics create`."
        )
    if why.code() in _UNANSWERED:
        return BrokerUnavailable(
            f"No answer to: {asked} ({why.str()}). Is KAFKA_BOOTSTRAP_SERVERS right, and up?"
        )
    return BrokerRefused(f"Refused: {asked} ({why.str()}).")
