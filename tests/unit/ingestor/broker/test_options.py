"""Which options of a member the environment may set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.broker.kafka import consumer_options
from classwaves_runtime.errors import SettingsError

GUARANTEED = [
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.partition.eof",
    "isolation.level",
    "partition.assignment.strategy",
    "group.id",
]


@pytest.mark.parametrize("name", GUARANTEED)
def test_an_option_that_a_guarantee_rests_on_is_refused_by_the_name_of_its_variable(name):
    with pytest.raises(
        SettingsError, match="^KAFKA_" + name.upper().replace(".", "_") + " cannot be set"
    ):
        consumer_options({"bootstrap.servers": "here:9092", name: "false"}, "group", 1 << 20)


def test_a_position_is_never_guessed_and_an_aborted_message_never_read():
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
def test_every_other_option_wins_over_our_default(given_options):
    options = consumer_options(given_options, "group", 1 << 20)
    assert {name: options[name] for name in given_options} == given_options
    assert options["group.id"] == "group"


def test_the_prefetch_is_capped_in_bytes():
    assert consumer_options({}, "group", 64 << 20)["queued.max.messages.kbytes"] == 64 * 1024
