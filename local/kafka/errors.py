"""What can go wrong while a local Kafka is found or started."""

from classwaves_runtime.errors import ServiceError


class LocalKafkaError(ServiceError):
    """No Kafka could be had on this machine."""


class UnavailableError(LocalKafkaError):
    """One kind of Kafka cannot run on this machine; another may."""


class StartError(LocalKafkaError):
    """A Kafka that should run here did not become ready."""
