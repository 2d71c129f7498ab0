"""Watermarks of a cluster in which a partition has no leader, which one broker cannot show."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from classwaves_ingestor.errors import TopicMissing
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.topics import TopicReader


class Cluster:
    """The two requests of a reader, as the admin client answers them."""

    def __init__(self, leaders, error=None):
        partitions = {
            partition: SimpleNamespace(leader=leader) for partition, leader in leaders.items()
        }
        self.topics = {"t": SimpleNamespace(error=error, partitions=partitions)}
        self.asked = []

    def list_topics(self, topic, timeout):
        return self

    def list_offsets(self, specs, **_options):
        self.asked.append({each.partition for each in specs})
        return {each: self._answer() for each in specs}

    def _answer(self):
        future = Future()
        future.set_result(SimpleNamespace(offset=7))
        return future


def test_a_partition_without_a_leader_is_left_out_and_not_asked_for():
    cluster = Cluster({0: 1, 1: -1, 2: 3})
    reader = TopicReader(cluster, "t")
    assert reader.watermarks([0, 1, 2, 9]) == {0: Watermarks(7, 7), 2: Watermarks(7, 7)}
    assert cluster.asked == [{0, 2}, {0, 2}]


def test_a_missing_topic_is_an_error():
    cluster = Cluster({}, KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    with pytest.raises(TopicMissing, match="the watermarks of topic t"):
        TopicReader(cluster, "t").watermarks([0])
