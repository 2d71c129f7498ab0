"""The consumer options that the environment may set."""

import pytest
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


def test_under_the_new_group_protocol_the_brokers_assign():
    options = consumer_options({"group.protocol": "consumer"}, "group", 1 << 20)
    assert options["group.protocol"] == "consumer"
    assert "partition.assignment.strategy" not in options
    assert options["auto.offset.reset"] == "error"
    with pytest.raises(SettingsError, match="KAFKA_PARTITION_ASSIGNMENT_STRATEGY cannot be set"):
        consumer_options(
            {"group.protocol": "consumer", "partition.assignment.strategy": "range"}, "group", 1
        )


def test_the_prefetch_is_capped_in_bytes():
    assert consumer_options({}, "group", 64 << 20)["queued.max.messages.kbytes"] == 64 * 1024
