"""A Kafka on this machine for tests, the demo and trials: the best that the machine can run.

    with localkafka.start() as kafka:
        print(kafka.describe())
        Producer({"bootstrap.servers": kafka.bootstrap_servers})

`KRaftBroker` is the same real broker with its faults at hand: kill, restart on the same data, pause, resume.
"""

from localkafka.broker import KRaftBroker
from localkafka.choice import start
from localkafka.errors import LocalKafkaError, StartError, UnavailableError
from localkafka.kafka import Kafka

__all__ = ["KRaftBroker", "Kafka", "LocalKafkaError", "StartError", "UnavailableError", "start"]
