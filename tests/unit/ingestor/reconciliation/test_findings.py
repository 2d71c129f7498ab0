from dataclasses import replace

import pytest

from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.reconciliation.findings import findings
from classwaves_ingestor.reconciliation.inspection import Inspection
from classwaves_ingestor.reconciliation.snapshot import PartitionSnapshot
from classwaves_warehouse.checkpoint import Checkpoint, StopReason
from classwaves_warehouse.interface import PartitionRows
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums


def sentences(snapshot: PartitionSnapshot, inspection: Inspection | None = None) -> list[str]:
    return [str(each) for each in findings(0, snapshot, snapshot.balance, inspection)]


def snapshot(
    *,
    stored: int,
    position: int = 10,
    low: int = 0,
    high: int = 10,
    dead_letters=frozenset(),
    repeats=0,
    **counts,
):
    checkpoint = Checkpoint(position=position, first_offset=0, **counts)
    others = [*checkpoint.dead_lettered.values(), checkpoint.erased]
    rows = OffsetSums.of_range(0, position) - sum(others, NO_OFFSETS)
    return PartitionSnapshot(
        checkpoint,
        Watermarks(low, high),
        PartitionRows(replace(rows, count=stored + repeats), stored),
        dead_letters,
    )


def test_a_balanced_partition_has_no_findings():
    assert sentences(snapshot(stored=10)) == []


def test_a_stopped_partition_is_a_finding():
    (finding,) = sentences(snapshot(stored=10, high=7))
    assert finding.startswith(
        "stopped: partition 0: the log ends at offset 7, below position 10: the brokers lost "
        "messages that are stored."
    )
    (finding,) = sentences(snapshot(stored=10, stopped=StopReason.CORRUPT_BATCH))
    assert finding.startswith("stopped: partition 0: the batch at or after offset 10 is corrupt")
    (finding,) = sentences(snapshot(stored=10, stopped=StopReason.LOG_LOST_ITS_TAIL))
    assert finding.startswith("stopped: partition 0: the brokers lost messages before position 10")


def test_expired_offsets_are_a_finding_until_they_are_acknowledged():
    (finding,) = sentences(snapshot(stored=10, low=12, high=15))
    assert finding == (
        "expired: partition 0 offsets 10-11: retention deleted 2 offsets before they were read; "
        "`ingestor partitions acknowledge` records that you know of them"
    )
    assert sentences(snapshot(stored=10, low=12, high=15, acknowledged=2)) == []


def test_expired_dead_letters_are_a_note_if_any_were_counted():
    assert sentences(snapshot(stored=10, dead_letters=None)) == []
    (note,) = sentences(
        snapshot(stored=9, dead_letters=None, dead_lettered={"not_json": OffsetSums.of([4])})
    )
    assert "retention has deleted dead letters" in note


def test_erased_events_are_not_missing():
    (finding,) = sentences(
        snapshot(stored=7, erased=OffsetSums.of([2, 3])), Inspection(unstored=[2, 3, 4])
    )
    assert finding == (
        "missing: partition 0 offsets 2-4: valid events that are not stored; 2 of them belong to "
        "erased persons"
    )


@pytest.mark.parametrize("low", [0, 5])
def test_messages_that_cannot_be_listed_are_reported(low):
    (finding,) = sentences(snapshot(stored=9, low=low), Inspection())
    assert ("cannot be listed" in finding) == (low > 0)


def test_a_stored_message_with_a_dead_letter_is_listed():
    found = snapshot(
        stored=10, dead_letters=frozenset({4}), dead_lettered={"not_json": OffsetSums.of([4])}
    )
    named, counted = sentences(found, Inspection())
    assert named == "twice: partition 0 offsets 4: stored, with a dead letter as well"
    assert counted.startswith("twice: partition 0: 1 messages are counted more than once")


def test_rows_that_repeat_an_offset_are_one_finding():
    assert sentences(snapshot(stored=10, repeats=3), Inspection()) == [
        "twice: partition 0: 3 rows repeat the offset of another row"
    ]
