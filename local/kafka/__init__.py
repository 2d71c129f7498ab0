"""A Kafka on this machine for tests, the demo and trials: the most real kind available.

    with local_kafka.start() as kafka:
        print(kafka.describe())
        Producer({"bootstrap.servers": kafka.bootstrap_servers})

`KRaftBroker` is the broker process itself, for fault injection: kill, restart on the same data,
pause, resume.
"""

from local.kafka.broker import KRaftBroker
from local.kafka.choice import start
from local.kafka.errors import LocalKafkaError, StartError, UnavailableError
from local.kafka.kafka import Kafka

__all__ = ["KRaftBroker", "Kafka", "LocalKafkaError", "StartError", "UnavailableError", "start"]
