"""The memory budget: its parts, and that what is accounted is an upper bound of what is held."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.memory_budget import MemoryBudget
from classwaves_ingestor.settings import LEAST_BATCHES
from tests.support.events import BAD, NOW, wire
from tests.support.memory import held_bytes
from tests.unit.ingestor.consumer.messages import message

MIB = 1024 * 1024
PADDING = 256
"""Arrow allocates multiples of 64 bytes for each of the up to three buffers of a column."""
contents = st.builds(
    lambda byte, count: byte * count, st.sampled_from([b"{", b"\xff"]), st.integers(0, 20_000)
)
headers = st.lists(
    st.tuples(st.text(max_size=100) | st.binary(max_size=100), st.none() | contents), max_size=5
)
messages = st.builds(
    lambda value, key, own: message(0, 0, value, key, own),
    st.none() | contents | st.just(wire()) | st.sampled_from([*BAD.values()]),
    st.none() | contents,
    st.none() | headers,
)


@given(st.integers(1, 512 * MIB), st.floats(LEAST_BATCHES, 1_000))
def test_the_parts_are_the_budget_and_hold_a_batch_in_flight_and_one_that_fills(batch, factor):
    budget = int(batch * factor) + 1
    parts = MemoryBudget.of(budget, batch)
    copies_of_dead_letters, copies_of_batch, decoded = 4, 2 * batch, parts.prefetch
    assert (
        parts.prefetch
        + decoded
        + parts.sequences
        + copies_of_dead_letters * parts.dead_letters
        + parts.held
        + copies_of_batch
        <= budget
    )
    assert parts.held >= 2 * batch


@given(st.lists(messages, max_size=20))
def test_the_bytes_of_a_poll_are_at_least_what_its_rows_and_rejects_hold(polled):
    before = pa.total_allocated_bytes()
    decoded = Decoder("topic-1", None).decode(polled, NOW)
    columns = pa.total_allocated_bytes() - before
    assert columns <= decoded.rows.get_total_buffer_size() + PADDING * decoded.rows.num_columns
    accounted = decoded.bytes  # headers that cannot be read are dropped by this first look
    assert decoded.rows.nbytes + held_bytes(*decoded.rejects) <= accounted


def test_a_poll_without_messages_holds_nothing():
    """Otherwise an idle consumer would fill its budget with polls."""
    assert Decoder("topic-1", None).decode([], NOW).bytes == 0


def test_a_tombstone_with_a_large_key_and_headers_is_accounted_with_them():
    large = message(0, 0, None, b"k" * 5_000, [("trace", b"t" * 50_000), ("é" * 100, None)])
    assert Decoder("topic-1", None).decode([large], NOW).bytes > 55_000
