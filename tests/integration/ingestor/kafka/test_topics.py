import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType

from classwaves_ingestor.errors import (
    BrokerRefused,
    BrokerUnavailable,
    DeadLetterTopicTooSmall,
    TopicMissing,
)
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.topic_creation import HEADER_BYTES, TopicLayout, create_topics
from classwaves_ingestor.kafka.topics import describe, describe_topic, watermarks
from classwaves_ingestor.settings import TopicSettings
from classwaves_runtime.errors import SettingsError
from local.kafka.choice import start_mock


@pytest.fixture
def admin(kafka) -> AdminClient:
    return connect({"bootstrap.servers": kafka.bootstrap_servers})


@pytest.fixture
def settings(kafka, topic_name) -> TopicSettings:
    return TopicSettings.from_environment(
        {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "SESSION_EVENTS_TOPIC": topic_name}
    )


def configuration(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {
        name: entry.value
        for name, entry in admin.describe_configs([resource])[resource].result().items()
    }


def test_the_topics_are_created_with_the_configuration_that_the_guarantees_need(
    admin, settings, topic_name
):
    assert [
        line.split(",")[0] for line in create_topics(admin, settings, TopicLayout(partitions=3))
    ] == [
        f"{topic_name}: created",
        f"{topic_name}.dead-letters: created",
        f"{topic_name}.clock: created",
    ]
    events, dead_letters, clock = (
        describe_topic(admin, each)
        for each in (topic_name, settings.dead_letter_topic, settings.clock_topic)
    )
    assert events.partitions == dead_letters.partitions == (0, 1, 2)
    assert clock.partitions == (0,)
    assert {each.timestamp_type for each in (events, dead_letters, clock)} == {"LogAppendTime"}
    assert dead_letters.max_message_bytes == events.max_message_bytes + HEADER_BYTES
    assert configuration(admin, topic_name)["cleanup.policy"] == "delete"
    assert configuration(admin, settings.dead_letter_topic)["retention.ms"] == str(
        14 * 24 * 3600 * 1000
    )
    assert configuration(admin, settings.clock_topic)["retention.ms"] == str(3600 * 1000)


def test_creating_again_changes_nothing_and_describes_the_existing_topics(
    admin, settings, topic_name
):
    list(create_topics(admin, settings, TopicLayout(partitions=2)))
    before = describe_topic(admin, topic_name)
    lines = list(create_topics(admin, settings, TopicLayout(partitions=5)))
    assert lines[0].startswith(f"{topic_name}: exists, 2 partitions, id {before.topic_id}")
    assert describe_topic(admin, topic_name) == before


def test_a_topic_with_create_time_is_reported(admin, settings, topic_name):
    admin.create_topics([NewTopic(topic_name, 1, 1)])[topic_name].result()
    assert "message.timestamp.type is CreateTime" in next(
        create_topics(admin, settings, TopicLayout())
    )


def test_an_existing_dead_letter_topic_that_is_too_small_is_an_error(admin, settings):
    dead_letters = NewTopic(settings.dead_letter_topic, 1, 1, config={"max.message.bytes": "1000"})
    admin.create_topics([dead_letters])[settings.dead_letter_topic].result()
    with pytest.raises(DeadLetterTopicTooSmall):
        list(create_topics(admin, settings, TopicLayout(partitions=1)))


def test_more_replicas_than_brokers_are_refused_with_the_brokers_message(admin, settings):
    with pytest.raises(BrokerRefused, match=r"creation of topic .*replicat"):
        list(create_topics(admin, settings, TopicLayout(replication_factor=3)))


def test_a_recreated_topic_has_another_id(admin, settings, topic_name):
    list(create_topics(admin, settings, TopicLayout(partitions=1)))
    first = describe_topic(admin, topic_name).topic_id
    admin.delete_topics([topic_name])[topic_name].result()
    while True:
        try:
            list(create_topics(admin, settings, TopicLayout(partitions=1)))
            break
        except BrokerRefused:  # the deletion is still under way
            continue
    assert describe_topic(admin, topic_name).topic_id != first


def test_the_error_for_a_missing_topic_names_it_and_the_command_that_creates_it(kafka, topic_name):
    with pytest.raises(TopicMissing, match=rf"{topic_name}.*ingestor topics create"):
        describe({"bootstrap.servers": kafka.bootstrap_servers}, topic_name)


def test_a_cluster_that_does_not_answer_is_unavailable():
    with pytest.raises(BrokerUnavailable, match="KAFKA_BOOTSTRAP_SERVERS"):
        describe({"bootstrap.servers": "127.0.0.1:1"}, "any", seconds=0.2)


def test_an_unknown_librdkafka_option_is_a_settings_error():
    with pytest.raises(SettingsError, match=r"foo\.bar"):
        connect({"bootstrap.servers": "127.0.0.1:1", "foo.bar": "x"})


def test_watermarks_are_the_first_kept_and_the_next_offset(kafka, admin, settings, topic_name):
    list(create_topics(admin, settings, TopicLayout(partitions=2)))
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for _ in range(5):
        producer.produce(topic_name, b"{}", partition=1)
    producer.flush()
    assert watermarks(admin, topic_name, [0, 1]) == {0: Watermarks(0, 0), 1: Watermarks(0, 5)}
    assert watermarks(admin, topic_name, []) == {}


def test_watermarks_of_new_partitions_are_awaited(admin, settings, topic_name):
    list(create_topics(admin, settings, TopicLayout(partitions=1)))
    admin.create_partitions([NewPartitions(topic_name, 12)])[topic_name].result()
    assert watermarks(admin, topic_name, range(12)) == {
        partition: Watermarks(0, 0) for partition in range(12)
    }


def test_a_mock_cluster_is_described_as_a_mock(topic_name):
    with start_mock() as cluster:
        admin = connect({"bootstrap.servers": cluster.bootstrap_servers})
        settings = TopicSettings.from_environment(
            {
                "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
                "SESSION_EVENTS_TOPIC": topic_name,
            }
        )
        lines = list(create_topics(admin, settings, TopicLayout()))
        assert all("mock cluster" in line for line in lines)
        topic = describe_topic(admin, topic_name)
        assert topic.mock
        assert topic.partitions == (0, 1, 2, 3)
        assert watermarks(admin, topic_name, topic.partitions)[3] == Watermarks(0, 0)
