"""Errors of finding or starting a local Kafka."""

from classwaves_runtime.errors import ClassWavesError


class LocalKafkaError(ClassWavesError):
    """No Kafka is available on this machine."""


class UnavailableError(LocalKafkaError):
    """One kind of Kafka cannot run on this machine; the next kind is tried."""


class StartError(LocalKafkaError):
    """A Kafka that should run here did not become ready."""
