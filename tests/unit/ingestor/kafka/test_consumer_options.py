"""The consumer options that the environment may set."""

import pytest
from confluent_kafka import Consumer
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.kafka.consumer import consumer_options
from classwaves_runtime.errors import SettingsError

REQUIRED = [
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.partition.eof",
    "isolation.level",
    "partition.assignment.strategy",
    "group.id",
    "transactional.id",
]


@pytest.mark.parametrize("name", REQUIRED)
def test_an_option_that_would_break_a_guarantee_is_refused_by_its_variable(name):
    with pytest.raises(
        SettingsError, match="^KAFKA_" + name.upper().replace(".", "_") + " cannot be set"
    ):
        consumer_options({"bootstrap.servers": "here:9092", name: "false"}, "group", 1 << 20)


def test_offsets_are_never_reset_and_aborted_messages_never_read():
    options = consumer_options({"bootstrap.servers": "here:9092"}, "group", 1 << 20)
    assert options["auto.offset.reset"] == "error"
    assert options["isolation.level"] == "read_committed"
    assert options["enable.partition.eof"] is True
    assert options["enable.auto.commit"] is False


@given(
    st.dictionaries(
        st.sampled_from(["security.protocol", "sasl.username", "fetch.wait.max.ms", "client.id"]),
        st.text(),
    )
)
def test_every_other_option_overrides_the_default(given_options):
    options = consumer_options(given_options, "group", 1 << 20)
    assert {name: options[name] for name in given_options} == given_options
    assert options["group.id"] == "group"


def test_a_killed_consumer_is_noticed_within_ten_seconds_and_a_frozen_heartbeat_may_be_late():
    options = consumer_options({}, "group", 1 << 20)
    session, heartbeat = options["session.timeout.ms"], options["heartbeat.interval.ms"]
    assert session + 2 * heartbeat < 10_000
    assert 3 * heartbeat <= session
    given = consumer_options({"session.timeout.ms": "45000"}, "group", 1 << 20)
    assert given["session.timeout.ms"] == "45000"


def test_under_the_new_group_protocol_the_brokers_assign():
    options = consumer_options({"group.protocol": "consumer"}, "group", 1 << 20)
    assert options["group.protocol"] == "consumer"
    assert "partition.assignment.strategy" not in options
    assert "session.timeout.ms" not in options
    assert "heartbeat.interval.ms" not in options
    assert options["auto.offset.reset"] == "error"
    with pytest.raises(SettingsError, match="KAFKA_PARTITION_ASSIGNMENT_STRATEGY cannot be set"):
        consumer_options(
            {"group.protocol": "consumer", "partition.assignment.strategy": "range"}, "group", 1
        )


@pytest.mark.parametrize("prefetch", [1, 1 << 20, 8 << 20, 64 << 20])
@pytest.mark.parametrize("largest", [{}, {"message.max.bytes": "20000000"}])
def test_the_prefetch_is_one_response_which_is_capped_in_bytes(prefetch, largest):
    options = consumer_options(largest, "group", prefetch)
    assert options["queued.min.messages"] == 1
    response = int(largest.get("message.max.bytes", 1_000_000))
    assert options["fetch.max.bytes"] == max(prefetch // 4, response)
    Consumer(options | {"test.mock.num.brokers": 1}).close()


def test_a_largest_message_that_is_no_number_is_left_to_librdkafka():
    options = consumer_options({"message.max.bytes": "many"}, "group", 8 << 20)
    assert options["message.max.bytes"] == "many"
    assert options["fetch.max.bytes"] == 2 << 20
