"""A Kafka that somebody else runs."""

from local.kafka.errors import StartError
from local.kafka.kafka import Kafka
from local.kafka.readiness import answers

VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"


def use(bootstrap_servers: str) -> Kafka:
    """That Kafka, if it answers. Raises StartError otherwise: who names one does not want another."""
    if not answers(bootstrap_servers, within=5.0):
        where = f"{VARIABLE}={bootstrap_servers}"
        raise StartError(
            f"No Kafka answers at {where}: start it, or unset the variable for a local one."
        )
    return Kafka("given", f"the one of {VARIABLE}", bootstrap_servers, lambda: None)
