import pytest

from classwaves_ingestor.ledger.balance import Held
from classwaves_ingestor.ledger.findings import findings
from classwaves_ingestor.ledger.inspection import Inspection
from classwaves_ingestor.ledger.reading import PartitionReading
from classwaves_ingestor.topics.watermarks import Watermarks
from classwaves_warehouse.checkpoint import Checkpoint


def said(reading: PartitionReading, inspection: Inspection | None = None) -> list[str]:
    return [str(each) for each in findings(0, reading, inspection)]


def reading(
    *,
    stored: int,
    position: int = 10,
    low: int = 0,
    high: int = 10,
    letters=frozenset(),
    repeats=0,
    **counts,
):
    checkpoint = Checkpoint(position=position, first_offset=0, **counts)
    return PartitionReading(checkpoint, Watermarks(low, high), Held(stored, repeats), letters)


def test_there_is_nothing_to_say_of_a_sound_partition():
    assert said(reading(stored=10)) == []


def test_a_log_that_ends_below_the_position_is_a_note():
    assert said(reading(stored=10, high=7)) == [
        "note: partition 0: the log ends at 7, below position 10: the brokers lost what is stored here"
    ]


def test_letters_that_cannot_be_counted_are_a_note_only_where_there_are_any():
    assert said(reading(stored=10, letters=None)) == []
    (note,) = said(reading(stored=9, letters=None, dead_lettered={"not_json": 1}))
    assert "no longer holds its beginning" in note


def test_erased_persons_are_not_taken_for_losses():
    (finding,) = said(reading(stored=7, erased=2), Inspection(unstored=[2, 3, 4]))
    assert finding == (
        "missing: partition 0 offsets 2-4: valid events that are not stored; 2 of them belong to erased persons"
    )


@pytest.mark.parametrize("low", [0, 5])
def test_what_cannot_be_named_is_said_to_be_so(low):
    (finding,) = said(reading(stored=9, low=low), Inspection())
    assert ("cannot be named" in finding) == (low > 0)


def test_a_message_that_is_stored_and_a_dead_letter_is_named():
    found = reading(stored=10, letters=frozenset({4}), dead_lettered={"not_json": 1})
    named, counted = said(found, Inspection())
    assert named == "twice: partition 0 offsets 4: stored, and a dead letter too"
    assert counted.startswith("twice: partition 0: 1 more messages are counted than were read")


def test_rows_that_repeat_an_offset_are_counted_and_no_more_is_said():
    assert said(reading(stored=10, repeats=3), Inspection()) == [
        "twice: partition 0: 3 rows repeat the offset of another"
    ]
