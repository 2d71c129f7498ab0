"""Memory during an outage of the warehouse with a large backlog."""

from itertools import islice

from tests.faults.outage import Outage
from tests.support.mixture import mixture

_MIB = 1024 * 1024
_BUDGET = 6 * _MIB
_BACKLOG = 300_000
"""Messages; about 150 MiB of them."""
_LARGE_BACKLOG = 5_000
"""Messages with 40 kB of headers each, 200 MiB of them."""

# Memory beyond the budget, with a margin. Measured: 37 MiB during the outage and 112 MiB after it.
# A consumer that ignored the budget would need 237 and 584 MiB.
_OUTAGE_MARGIN = 64 * _MIB
_STORING_MARGIN = 192 * _MIB

# Measured beyond ordinary use: 35 to 78 MiB; 173 MiB if keys and headers do not count.
_HEADERS_MARGIN = 112 * _MIB


def test_memory_stays_bounded_and_the_membership_is_kept_while_a_backlog_waits_for_the_warehouse(
    scenario,
):
    traffic = scenario.traffic()
    consumer = scenario.consumer(
        MEMORY_BUDGET_BYTES=str(_BUDGET),
        BATCH_MAX_BYTES=str(_BUDGET // 8),
    )
    traffic.send(islice(mixture(seed=101, bad=0), 5_000))
    scenario.wait_until_stored()
    ordinary = consumer.memory("VmRSS")
    with Outage(scenario.table):
        traffic.send(islice(mixture(seed=102, bad=0, first_session=100), _BACKLOG))
        consumer.wait_for("Intake is paused")
        assert consumer.memory("VmHWM") < ordinary + _BUDGET + _OUTAGE_MARGIN
        assert len(scenario.owned(consumer)) == 4
    scenario.wait_until_stored()
    assert consumer.memory("VmHWM") < ordinary + _BUDGET + _STORING_MARGIN
    assert len(list(consumer.records("Partitions assigned"))) == 1
    scenario.prove()


def test_keys_headers_and_rejects_are_in_the_budget(scenario):
    """librdkafka counts neither keys nor headers in the bytes of its queue."""
    traffic = scenario.traffic(headers=[("baggage", b"b" * 40_000), ("trace", b"t" * 55)])
    consumer = scenario.consumer(
        MEMORY_BUDGET_BYTES=str(_BUDGET),
        BATCH_MAX_BYTES=str(_BUDGET // 8),
        DEAD_LETTER_LIMIT="1",
    )
    messages = mixture(seed=103, bad=0.5)
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    ordinary = consumer.memory("VmRSS")
    consumer.freeze()
    traffic.send(islice(messages, _LARGE_BACKLOG))
    consumer.thaw()
    scenario.wait_until_stored()
    assert consumer.memory("VmHWM") < ordinary + _BUDGET + _HEADERS_MARGIN
    scenario.prove()
