import subprocess
import sys

from local.kafka import mock

_OTHER_PROCESS = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
producer.produce("events", b"from elsewhere")
sys.exit(producer.flush(30))
"""


def test_another_process_can_produce_to_the_mock():
    with mock.start() as kafka:
        other = subprocess.run(
            [sys.executable, "-c", _OTHER_PROCESS, kafka.bootstrap_servers], check=False
        )
    assert other.returncode == 0


def test_the_mock_says_that_it_is_no_real_broker():
    with mock.start() as kafka:
        assert not kafka.real
        assert "no real broker" in kafka.describe()
