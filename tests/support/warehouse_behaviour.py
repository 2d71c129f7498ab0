"""The behaviour suite of warehouses: a test class inherits it and adds a `warehouse` fixture."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from classwaves_warehouse.batch import in_table_order
from classwaves_warehouse.checkpoint import (
    NO_MESSAGES,
    Checkpoint,
    Progress,
    RecentMessages,
    StopReason,
)
from classwaves_warehouse.errors import TopicRecreated
from classwaves_warehouse.interface import Fenced, PartitionRows, Stored, Warehouse
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.ledger_model import first_try
from tests.support.rows import MORNING, STREAM, batch, event, table, timeline


class WarehouseBehaviour:
    """The behaviour suite.

    `turns` is how often racing writers append; more turns find more conflicts and take longer.
    """

    turns = 8

    # --- Rows and identities

    def test_stored_rows_are_read_unchanged(self, warehouse: Warehouse) -> None:
        given = table(
            event(
                "b",
                source="ws/1",
                sequence=2,
                school_id="school",
                payload='{"x":"ü"}',
                trace_id="t",
                offset=7,
            ),
            event("a", payload=None, minutes=0.000001, offset=9),
        )
        assert warehouse.ledger(STREAM).append(
            batch(*given.to_pylist()), {0: None}, {0: Progress(10)}
        ) == Stored(rows=2)
        assert timeline(warehouse, "s1").equals(in_table_order(given))

    def test_a_prepared_ledger_finds_what_is_stored(self, warehouse: Warehouse) -> None:
        warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
        ledger = warehouse.ledger(STREAM)
        ledger.prepare(MORNING)
        answer = ledger.append(batch(event("a"), event("b")), {0: 1}, {0: Progress(3)})
        assert answer == Stored(rows=1, duplicates={0: 1})

    def test_a_timeline_is_ordered_by_time_then_source_then_sequence_then_id_with_nulls_first(
        self, warehouse: Warehouse
    ) -> None:
        in_order = [
            event("9", minutes=1),
            event("8", minutes=1, source="a"),
            event("7", minutes=1, source="a", sequence=1),
            event("5", minutes=1, source="a", sequence=2),
            event("6", minutes=1, source="a", sequence=2),
            event("4", minutes=1, source="b", sequence=1),
            event("3", minutes=2),
        ]
        other = event("1", session_id="s2")
        warehouse.ledger(STREAM).append(
            batch(*reversed(in_order), other), {0: None}, {0: Progress(8)}
        )
        assert [row["id"] for row in timeline(warehouse, "s1").to_pylist()] == list("9875643")

    def test_an_unknown_session_has_an_empty_timeline(self, warehouse: Warehouse) -> None:
        assert timeline(warehouse, "unknown").num_rows == 0

    def test_a_repeat_of_a_stored_event_is_a_duplicate(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(event("a"), event("b", offset=1)), {0: None}, {0: Progress(2)})
        repeated = batch(event("a", offset=2), event("c", offset=3))
        assert ledger.append(repeated, {0: 2}, {0: Progress(4)}) == Stored(1, duplicates={0: 1})
        assert warehouse.events.repeated(limit=9) == (0, [])

    def test_a_repeat_within_a_batch_is_a_duplicate_and_the_first_one_wins(
        self, warehouse: Warehouse
    ) -> None:
        rows = batch(
            event("a", minutes=5, partition=1), event("a", minutes=4), event("a", minutes=5)
        )
        answer = warehouse.ledger(STREAM).append(
            rows, {0: None, 1: None}, {0: Progress(2), 1: Progress(1)}
        )
        assert answer == Stored(1, duplicates={0: 2}, conflicting={0: 1})
        assert timeline(warehouse, "s1")["event_time"].to_pylist() == [
            MORNING + timedelta(minutes=5)
        ]

    def test_repeats_in_one_batch_are_duplicates_with_any_times(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        assert ledger.append(batch(event("x")), {0: None}, {0: Progress(1)}) == Stored(1)
        two_days = 2 * 24 * 60
        rows = batch(
            event("a", offset=1), event("a", minutes=two_days, offset=2), event("x", offset=3)
        )
        answer = ledger.append(rows, {0: 1}, {0: Progress(4)})
        assert answer == Stored(1, duplicates={0: 2}, conflicting={0: 1})
        assert warehouse.events.repeated(limit=9) == (0, [])

    @pytest.mark.parametrize("change", [{"payload": '{"x":1}'}, {"payload": None}, {"minutes": 1}])
    def test_a_repeat_with_another_payload_or_time_is_conflicting(
        self, warehouse: Warehouse, change
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(event("a")), {0: None}, {0: Progress(1)})
        answer = ledger.append(batch(event("a", offset=1, **change)), {0: 1}, {0: Progress(2)})
        assert answer == Stored(0, duplicates={0: 1}, conflicting={0: 1})

    def test_one_id_in_two_sessions_is_two_events(self, warehouse: Warehouse) -> None:
        rows = batch(event("a"), event("a", session_id="s2"), event("1a", session_id="s"))
        assert warehouse.ledger(STREAM).append(rows, {0: None}, {0: Progress(3)}) == Stored(3)

    def test_a_repeat_24_hours_later_is_a_duplicate_even_after_a_restart(
        self, warehouse: Warehouse
    ) -> None:
        day = 24 * 60
        warehouse.ledger(STREAM).append(
            batch(event("a"), event("b", minutes=day)), {0: None}, {0: Progress(2)}
        )
        again = batch(event("a", minutes=day, offset=2), event("b", offset=3))
        answer = warehouse.ledger(STREAM).append(again, {0: 2}, {0: Progress(4)})
        assert answer == Stored(0, duplicates={0: 2}, conflicting={0: 2})

    def test_a_distant_event_time_is_stored_and_deduplicated(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        distant = event("distant", event_time=MORNING.replace(year=2000))
        assert ledger.append(batch(event("a"), distant), {0: None}, {0: Progress(2)}) == Stored(2)
        again = batch({**distant, "kafka_offset": 2}, event("a", offset=3))
        assert warehouse.ledger(STREAM).append(again, {0: 2}, {0: Progress(4)}) == Stored(0, {0: 2})

    # --- Positions and counters

    def test_a_new_stream_has_no_checkpoints(self, warehouse: Warehouse) -> None:
        assert warehouse.ledger(STREAM).checkpoints() == {}

    def test_a_checkpoint_accounts_for_every_offset(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        first = Progress(
            16,
            first_offset=10,
            dead_lettered={"not_json": OffsetSums.of([12, 13]), "too old/é": OffsetSums.of([14])},
            holes=OffsetSums.of([15]),
            leader_epoch=3,
            ingested_through_ms=5,
        )
        ledger.append(
            batch(event("a", offset=10), event("a", minutes=1, offset=11)), {0: None}, {0: first}
        )
        then = Progress(
            24,
            first_offset=99,
            dead_lettered={"not_json": OffsetSums.of([17])},
            erased=OffsetSums.of([18]),
            expired=OffsetSums.of_range(19, 24),
            ingested_through_ms=4,
        )
        ledger.append(batch(event("b", offset=16)), {0: 16}, {0: then})
        checkpoints = warehouse.ledger(STREAM).checkpoints()
        assert checkpoints == {
            0: Checkpoint(
                position=24,
                first_offset=10,
                summed_from=10,
                duplicates=OffsetSums.of([11]),
                conflicting=1,
                erased=OffsetSums.of([18]),
                holes=OffsetSums.of([15]),
                expired=OffsetSums.of_range(19, 24),
                dead_lettered={
                    "not_json": OffsetSums.of([12, 13, 17]),
                    "too old/é": OffsetSums.of([14]),
                },
                leader_epoch=3,
                ingested_through_ms=4,
            )
        }
        rows = warehouse.events.partition_rows(STREAM, checkpoints)
        assert rows == {0: PartitionRows(OffsetSums.of([10, 16]), 2)}

    def test_sums_of_offsets_wrap_at_2_to_61(self, warehouse: Warehouse) -> None:
        ledger, far = warehouse.ledger(STREAM), 2**60
        offsets = [far, far + 1, far + 2, far + 3, far + 4]
        ledger.append(
            batch(event("a", offset=far), event("a", minutes=1, offset=far + 1)),
            {0: None},
            {0: Progress(far + 2, far)},
        )
        ledger.append(
            batch(event("a", offset=far + 2), event("b", offset=far + 3)),
            {0: far + 2},
            {0: Progress(far + 5, holes=OffsetSums.of([far + 4]))},
        )
        checkpoints = warehouse.ledger(STREAM).checkpoints()
        stored = warehouse.events.partition_rows(STREAM, checkpoints)[0].rows
        assert checkpoints[0].duplicates == OffsetSums.of(offsets[1:3])
        assert stored + checkpoints[0].duplicates + checkpoints[0].holes == OffsetSums.of(offsets)
        assert OffsetSums.of(offsets) == OffsetSums.of_range(far, far + 5)

    def test_a_stop_is_stored_until_the_next_commit(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(), {0: None}, {0: Progress(0, stopped=StopReason.CORRUPT_BATCH)})
        assert ledger.checkpoints()[0].stopped is StopReason.CORRUPT_BATCH
        ledger.append(batch(), {0: 0}, {0: Progress(0)})
        assert ledger.checkpoints()[0].stopped is None

    def test_what_is_recent_and_released_is_stored_until_it_changes(
        self, warehouse: Warehouse
    ) -> None:
        ledger, recent = warehouse.ledger(STREAM), RecentMessages(7, 2)
        ledger.append(batch(), {0: None}, {0: Progress(9, recent=recent, released_until=20)})
        ledger.append(batch(), {0: 9}, {0: Progress(9)})
        found = ledger.checkpoints()[0]
        assert (found.recent, found.released_until) == (recent, 20)
        ledger.append(batch(), {0: 9}, {0: Progress(9, recent=NO_MESSAGES)})
        assert ledger.checkpoints()[0].recent == NO_MESSAGES

    def test_an_acknowledgement_fences_no_owner(self, warehouse: Warehouse) -> None:
        owner = warehouse.ledger(STREAM)
        expired = Progress(5, expired=OffsetSums.of_range(0, 5))
        owner.append(batch(), {0: None, 1: None}, {0: expired, 1: Progress(0)})
        warehouse.ledger(STREAM).acknowledge_expired({0: 5})
        warehouse.ledger(STREAM).acknowledge_expired({0: 5})
        assert owner.append(batch(event("a", offset=5)), {0: 5}, {0: Progress(6)}) == Stored(1)
        assert {p: each.acknowledged for p, each in owner.checkpoints().items()} == {0: 5, 1: 0}

    def test_a_new_group_counts_stored_events_as_its_own(self, warehouse: Warehouse) -> None:
        rows = [event("a", offset=0), event("b", offset=1), event("a", offset=2)]
        warehouse.ledger(STREAM).append(batch(*rows), {0: None}, {0: Progress(3)})
        stream = replace(STREAM, group="another")
        other = warehouse.ledger(stream)
        more = event("c", offset=3)
        answer = other.append(batch(*rows, more), {0: None}, {0: Progress(4)})
        assert first_try(answer) == Stored(3, duplicates={0: 1})
        checkpoints = other.checkpoints()
        assert checkpoints[0].duplicates == OffsetSums.of([2])
        assert warehouse.events.partition_rows(stream, checkpoints) == {
            0: PartitionRows(OffsetSums.of([0, 1, 3]), 3)
        }

    def test_a_position_returns_to_where_the_log_parted(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(
            batch(event("a", offset=0), event("b", offset=2)), {0: None}, {0: Progress(3)}
        )
        ledger.append(batch(), {0: 3}, {0: Progress(1, superseded=range(1, 3))})
        ledger.append(batch(event("c", offset=1)), {0: 1}, {0: Progress(2, leader_epoch=1)})
        found = ledger.checkpoints()
        assert found == {
            0: Checkpoint(
                position=2,
                first_offset=0,
                superseded=OffsetSums.of([1, 2]),
                superseded_until=3,
                leader_epoch=1,
            )
        }
        assert warehouse.events.partition_rows(STREAM, found) == {
            0: PartitionRows(OffsetSums.of([0, 1, 2]), 3)
        }

    def test_a_batch_of_duplicates_advances_the_position(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(event("a")), {0: None}, {0: Progress(1)})
        ledger.append(batch(event("a", offset=1)), {0: 1}, {0: Progress(2)})
        duplicates = OffsetSums.of([1])
        assert ledger.checkpoints() == {
            0: Checkpoint(position=2, first_offset=0, duplicates=duplicates)
        }

    def test_an_unmoved_commit_changes_only_the_ingested_through_time(
        self, warehouse: Warehouse
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        for time_ms in (1000, 2000):
            assert ledger.append(
                batch(),
                {0: 7 if time_ms > 1000 else None},
                {0: Progress(7, 7, ingested_through_ms=time_ms)},
            ) == (Stored(0))
        assert ledger.checkpoints() == {
            0: Checkpoint(position=7, first_offset=7, summed_from=7, ingested_through_ms=2000)
        }

    @pytest.mark.parametrize("corrected", [1500, None])
    def test_a_commit_corrects_an_ingested_through_time_that_was_too_late(
        self, warehouse: Warehouse, corrected: int | None
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(), {0: None}, {0: Progress(7, 7, ingested_through_ms=2000)})
        ledger.append(batch(), {0: 7}, {0: Progress(7, 7, ingested_through_ms=corrected)})
        expected = Checkpoint(7, 7, summed_from=7, ingested_through_ms=corrected)
        assert ledger.checkpoints() == {0: expected}
        assert warehouse.ledger(STREAM).checkpoints() == {0: expected}
        ledger.append(batch(event("a")), {0: 7}, {0: Progress(8, ingested_through_ms=3000)})
        assert warehouse.ledger(STREAM).checkpoints()[0].ingested_through_ms == 3000

    def test_a_commit_has_rows_of_one_partition_and_leaves_another_unmoved(
        self, warehouse: Warehouse
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(batch(event("a")), {0: None, 1: None}, {0: Progress(1), 1: Progress(0)})
        progress = {0: Progress(2), 1: Progress(0, ingested_through_ms=9)}
        assert ledger.append(batch(event("b")), {0: 1, 1: 0}, progress) == Stored(1)
        assert {p: each.position for p, each in ledger.checkpoints().items()} == {0: 2, 1: 0}

    def test_groups_have_their_own_positions_and_share_identities(
        self, warehouse: Warehouse
    ) -> None:
        warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
        other = warehouse.ledger(replace(STREAM, group="a/b %"))
        assert other.checkpoints() == {}
        repeat = batch(event("a", offset=1))
        assert other.append(repeat, {0: None}, {0: Progress(2, first_offset=1)}) == Stored(
            0, duplicates={0: 1}
        )
        assert warehouse.ledger(STREAM).checkpoints() == {0: Checkpoint(position=1, first_offset=0)}

    # --- Fencing

    def test_repeating_a_landed_call_stores_nothing(self, warehouse: Warehouse) -> None:
        for _ in range(2):
            answer = warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
            assert isinstance(answer, Stored)
        assert warehouse.ledger(STREAM).checkpoints() == {0: Checkpoint(position=1, first_offset=0)}
        assert warehouse.events.size().rows == 1

    def test_an_owner_with_old_positions_is_fenced_and_gets_the_new_ones(
        self, warehouse: Warehouse
    ) -> None:
        zombie, owner = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        owner.append(batch(event("a"), event("b")), {0: None}, {0: Progress(2)})
        assert zombie.append(batch(event("a")), {0: None}, {0: Progress(1)}) == Fenced({0: 2})
        assert warehouse.events.size().rows == 2

    def test_a_zombie_that_lost_one_of_two_partitions_cannot_overwrite_it(
        self, warehouse: Warehouse
    ) -> None:
        zombie, successor = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        zombie.append(batch(), {0: None, 1: None}, {0: Progress(0), 1: Progress(0)})
        successor.append(batch(event("a", partition=1)), {1: 0}, {1: Progress(5)})
        # With its own commit the zombie's handle moves past the commit of the new owner.
        assert isinstance(zombie.append(batch(event("b")), {0: 0}, {0: Progress(1)}), Stored)
        both = batch(event("c", offset=1), event("d", partition=1))
        assert zombie.append(both, {0: 1, 1: 0}, {0: Progress(2), 1: Progress(1)}) == Fenced({1: 5})
        assert isinstance(
            zombie.append(batch(event("c", offset=1)), {0: 1}, {0: Progress(2)}), Stored
        )
        assert {p: each.position for p, each in successor.checkpoints().items()} == {0: 2, 1: 5}
        assert {row["id"] for row in timeline(warehouse, "s1").to_pylist()} == {"a", "b", "c"}

    def test_a_zombies_unmoved_commit_is_fenced(self, warehouse: Warehouse) -> None:
        zombie, successor = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        zombie.append(batch(), {0: None}, {0: Progress(0, ingested_through_ms=5)})
        successor.append(batch(event("a")), {0: 0}, {0: Progress(1, ingested_through_ms=7)})
        for time_ms in (5, 9):
            assert zombie.append(
                batch(), {0: 0}, {0: Progress(0, ingested_through_ms=time_ms)}
            ) == Fenced({0: 1})
        assert successor.checkpoints()[0].ingested_through_ms == 7

    def test_writers_racing_with_the_same_events_on_two_partitions_store_each_once(
        self, warehouse: Warehouse
    ) -> None:
        def writer(partition: int) -> int:
            ledger = warehouse.ledger(STREAM)
            stored = 0
            for turn in range(self.turns):
                rows = batch(
                    *(
                        event(f"{turn}-{n}", partition=partition, offset=turn * 5 + n)
                        for n in range(5)
                    )
                )
                before = turn * 5 if turn else None
                answer = ledger.append(
                    rows, {partition: before}, {partition: Progress(turn * 5 + 5)}
                )
                assert isinstance(answer, Stored)
                stored += answer.rows
            return stored

        with ThreadPoolExecutor(2) as threads:
            assert sum(threads.map(writer, [0, 1])) == self.turns * 5
        assert warehouse.events.repeated(limit=1) == (0, [])
        duplicates = sum(
            each.duplicates.count for each in warehouse.ledger(STREAM).checkpoints().values()
        )
        assert (warehouse.events.size().rows, duplicates) == (self.turns * 5, self.turns * 5)

    # --- Topics

    def test_a_recreated_topic_is_refused_until_it_is_accepted(self, warehouse: Warehouse) -> None:
        warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
        recreated = warehouse.ledger(replace(STREAM, topic_id="topic-2"))
        with pytest.raises(
            TopicRecreated,
            match=r"session-events has id topic-2.*topic-1.*`ingestor topics accept`",
        ):
            recreated.checkpoints()
        recreated.accept_topic()
        recreated.accept_topic()
        assert recreated.checkpoints() == {}
        assert (
            warehouse.ledger(replace(STREAM, topic="another", topic_id="topic-3")).checkpoints()
            == {}
        )

    # --- Reading

    def test_partition_rows_are_those_of_one_topic_id(self, warehouse: Warehouse) -> None:
        ledger = warehouse.ledger(STREAM)
        rows = [event(f"e{offset}", offset=offset, partition=offset % 2) for offset in (3, 4, 5, 8)]
        elsewhere = event("x", offset=1, kafka_topic_id="topic-0")
        ledger.append(batch(*rows, elsewhere), {0: None, 1: None}, {0: Progress(9), 1: Progress(6)})
        covering = {0: Checkpoint(8, 0), 1: Checkpoint(6, 2, summed_from=4), 2: Checkpoint(9, 0)}
        assert warehouse.events.partition_rows(STREAM, covering) == {
            0: PartitionRows(OffsetSums.of([4]), 1),
            1: PartitionRows(OffsetSums(2, 5, 25), 2),
        }
        assert list(warehouse.events.offsets(STREAM, 0, 4, 8)) == [4]
        assert list(warehouse.events.offsets(STREAM, 1, 0, 99)) == [3, 5]

    def test_known_identities_are_separated_from_unknown_ones(self, warehouse: Warehouse) -> None:
        warehouse.ledger(STREAM).append(batch(event("a"), event("b")), {0: None}, {0: Progress(2)})
        asked = [("s1", "a"), ("s1", "c"), ("s2", "b")]
        assert warehouse.events.known(asked) == {("s1", "a")}
        assert warehouse.events.known([]) == set()

    def test_migrated_tables_have_no_mismatch(self, warehouse: Warehouse) -> None:
        assert list(warehouse.tables.migrate()) == []
        assert list(warehouse.tables.check()) == []
