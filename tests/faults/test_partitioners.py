"""One session in two partitions: different partitioners, and added partitions."""

from classwaves_warehouse.open import open_warehouse
from tests.support import events
from tests.support.mixture import mixture, valid
from tests.support.rows import timeline
from tests.support.waiting import wait_until

_SESSIONS = 30


def test_the_same_events_from_two_partitioners_are_stored_once_while_partitions_are_added(scenario):
    murmur2, crc32 = scenario.traffic("murmur2_random"), scenario.traffic("consistent_random")
    for _ in range(2):
        scenario.consumer()
    with (
        murmur2.flowing(mixture(seed=41, sessions=_SESSIONS), per_second=200),
        crc32.flowing(mixture(seed=41, sessions=_SESSIONS), per_second=200),
    ):
        wait_until(scenario.stored, "the consumers have begun")
        scenario.add_partitions(7)
        wait_until(lambda: _used(scenario) > {4, 5, 6}, "the new partitions are used")
    scenario.wait_until_stored()
    scenario.prove()
    warehouse = open_warehouse(scenario.environment.settings.warehouse)
    for session in range(_SESSIONS):
        stored = timeline(warehouse, events.session_id(session)).column("id").to_pylist()
        assert stored == [
            valid(session, number).identity[1] for number in range(1, len(stored) + 1)
        ]


def _used(scenario) -> set[int]:
    return {
        partition for sent in list(scenario.sent.events.values()) for partition, _ in list(sent)
    }
