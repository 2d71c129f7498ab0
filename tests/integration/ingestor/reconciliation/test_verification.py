import threading

import pytest
from deltalake import write_deltalake

from classwaves_ingestor.reconciliation.balance import Balance
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress, StopReason
from classwaves_warehouse.errors import TopicRecreated
from classwaves_warehouse.offset_sums import OffsetSums
from tests.integration.ingestor.reconciliation.conftest import message
from tests.support.raw_producer import produce_raw
from tests.support.rows import timeline


def test_every_sent_message_is_in_one_class(scenario):
    scenario.send(message(1), message(2), message(1), b"not json", None)
    scenario.send(message(3), message(4), partition=1)
    scenario.store(0)
    scenario.send(message(5))
    result = scenario.verify()
    assert result.partitions == {
        0: Balance(
            sent=6,
            stored=2,
            duplicates=1,
            dead_lettered=2,
            erased=0,
            expired=0,
            kafka_holes=0,
            in_flight=1,
            missing=0,
            twice=0,
            unacknowledged=0,
        ),
        1: Balance(
            sent=2,
            stored=0,
            duplicates=0,
            dead_lettered=0,
            erased=0,
            expired=0,
            kafka_holes=0,
            in_flight=2,
            missing=0,
            twice=0,
            unacknowledged=0,
        ),
    }
    assert result.total.sent == 8
    assert result.findings == ()
    assert result.passed


def test_a_skipped_event_is_reported_missing_with_its_offset(scenario):
    scenario.send(message(1), message(2), message(1), b"not json", message(3), message(4))
    scenario.store(lost={1, 4, 5})
    assert scenario.verify().total.missing == 3
    assert scenario.findings() == [
        "missing: partition 0 offsets 1, 4-5: valid events that are not stored"
    ]


def test_a_counted_dead_letter_that_was_not_written_is_reported_missing_with_its_offset(scenario):
    scenario.send(b"bad", message(1), b"worse")
    scenario.store(without_dead_letter={2})
    result = scenario.verify()
    assert (result.total.missing, result.total.dead_lettered, result.total.twice) == (1, 1, 0)
    assert scenario.findings() == [
        "missing: partition 0 offsets 2: refused messages without a dead letter"
    ]


def test_a_dead_letter_that_was_written_twice_counts_once(scenario):
    scenario.send(b"bad", message(1))
    scenario.store(0)
    other = scenario.as_group("another")
    other.store(0)  # writes a second dead letter of the same message
    assert scenario.verify().total.dead_lettered == 1
    assert scenario.verify().total.missing == 0


def test_expired_dead_letters_are_a_note_and_not_missing(scenario):
    scenario.send(b"bad", message(1))
    scenario.store()
    for partition in (0, 1):
        scenario.delete_before(-1, topic=scenario.settings.dead_letter_topic, partition=partition)
    assert scenario.verify().total.missing == 0
    assert scenario.findings() == [
        "note: partition 0: retention has deleted dead letters: the counters are trusted"
    ]


def test_a_row_written_without_the_ledger_counts_as_twice(scenario, tmp_path):
    scenario.send(message(1), message(2))
    scenario.store()
    rows = timeline(scenario.warehouse, "s1").slice(0, 1)
    write_deltalake(tmp_path / "analytics" / "session_events", rows, mode="append")
    result = scenario.verify()
    assert (result.total.twice, result.total.missing) == (1, 0)
    assert scenario.findings() == [
        "twice: partition 0: 1 rows repeat the offset of another row",
        "twice: the table has 1 rows beyond one per session_id/id: s1/e1",
    ]


def test_a_second_group_that_reads_the_same_topic_counts_the_stored_rows_as_its_own(scenario):
    scenario.send(message(1), message(2), message(1))
    scenario.store()
    other = scenario.as_group("another")
    other.store()
    for group in (scenario, other):
        result = group.verify(deep=True)
        assert (result.total.stored, result.total.duplicates) == (2, 1)
        assert result.passed


def test_a_lost_row_and_an_overcounted_message_do_not_hide_each_other(scenario):
    scenario.send(message(1), message(2), message(3))
    scenario.store(lost={1}, counted={2})
    result = scenario.verify()
    assert (result.total.missing, result.total.twice) == (1, 1)
    assert not result.passed
    assert str(result.findings[0]) == (
        "missing: partition 0 offsets 1: valid events that are not stored"
    )
    assert "1 messages are counted more than once" in str(result.findings[1])


def test_only_a_deep_proof_finds_an_event_that_was_wrongly_called_a_duplicate(scenario):
    scenario.send(message(1), message(2), message(3))
    scenario.store(lost={1}, counted={1})
    assert scenario.verify().passed
    result = scenario.verify(deep=True)
    assert not result.passed
    assert result.total.missing == 1
    assert [str(each) for each in result.findings] == [
        "missing: partition 0 offsets 1: valid events that are not stored"
    ]


def test_a_deep_proof_of_a_sound_partition_passes(scenario):
    scenario.send(message(1), b"bad", message(1), message(2))
    scenario.store()
    assert scenario.verify(deep=True) == scenario.verify()
    for partition in (0, 1):
        scenario.delete_before(-1, topic=scenario.settings.dead_letter_topic, partition=partition)
    assert scenario.verify(deep=True).total == scenario.verify().total


def test_messages_that_retention_deleted_after_they_were_stored_still_count_as_stored(scenario):
    scenario.send(*map(message, range(10)))
    scenario.store()
    scenario.delete_before(7)
    result = scenario.verify()
    assert (result.total.sent, result.total.stored, result.total.missing) == (10, 10, 0)
    assert result.findings == ()


def test_a_lost_event_that_retention_deleted_is_missing_without_an_offset(scenario):
    scenario.send(*map(message, range(10)))
    scenario.store(lost={3})
    scenario.delete_before(7)
    assert scenario.verify().total.missing == 1
    assert scenario.findings() == [
        "missing: partition 0: retention deleted the messages below offset 7; they cannot be listed"
    ]


def test_messages_that_retention_deleted_unread_are_expired_until_they_are_acknowledged(scenario):
    scenario.send(message(1))
    scenario.store()
    scenario.send(*map(message, range(2, 10)))
    scenario.delete_before(4)
    result = scenario.verify()
    assert (result.total.missing, result.total.expired, result.total.in_flight) == (0, 3, 5)
    assert not result.passed
    assert [str(each) for each in result.findings] == [
        "expired: partition 0 offsets 1-3: retention deleted 3 offsets before they were read; "
        "`ingestor partitions acknowledge` records that you know of them"
    ]
    assert scenario.acknowledge() == ["partition 0: 3 expired offsets are acknowledged"]
    assert scenario.acknowledge() == []
    assert scenario.verify().passed


def test_a_log_that_ends_below_the_position_stops_until_it_is_acknowledged(scenario):
    scenario.send(*map(message, range(5)))
    empty = Batch(ROWS.empty_table())
    lost_tail = Progress(position=9, holes=OffsetSums.of_range(0, 9))
    scenario.ledger.append(empty, {0: None}, {0: lost_tail})
    result = scenario.verify()
    assert (result.total.missing, result.total.twice, result.passed) == (0, 0, False)
    assert "the log ends at offset 5, below position 9" in str(result.findings[0])
    assert scenario.acknowledge() == [
        "partition 0: goes on at offset 5, where the log parted from what is stored; 4 offsets are "
        "read again"
    ]
    scenario.send(*map(message, range(5, 20)))
    scenario.continue_at(5)
    scenario.store()
    result = scenario.verify()
    assert result.passed
    assert (result.total.sent, result.total.stored, result.total.kafka_holes) == (24, 15, 9)


def test_bad_messages_are_released_up_to_the_end_of_the_log(scenario):
    scenario.send(message(1))
    scenario.store()
    scenario.send(b"bad", b"worse")
    assert scenario.release() == []
    bad = Progress(1, stopped=StopReason.MOST_MESSAGES_BAD)
    scenario.ledger.append(Batch(ROWS.empty_table()), {0: 1}, {0: bad})
    assert "ingestor dead-letters release" in str(scenario.verify().findings[0])
    assert scenario.release() == ["partition 0: bad messages of offsets 1 to 2 are dead-lettered"]
    assert scenario.ledger.checkpoints()[0].released_until == 3
    assert scenario.verify().passed


def test_a_partition_that_its_owner_stopped_fails_the_proof(scenario):
    scenario.send(message(1))
    scenario.store()
    corrupt = Progress(1, stopped=StopReason.CORRUPT_BATCH)
    scenario.ledger.append(Batch(ROWS.empty_table()), {0: 1}, {0: corrupt})
    (finding,) = scenario.verify().findings
    assert str(finding).startswith(
        "stopped: partition 0: the batch at or after offset 1 is corrupt"
    )
    assert not scenario.verify().passed
    assert scenario.acknowledge() == []


def test_transaction_markers_and_aborted_messages_are_holes(scenario):
    scenario.send(message(1))
    scenario.send_and_abort(message(2), message(3))
    scenario.send(message(4))
    scenario.store(counted=(1, 2, 3))
    result = scenario.verify()
    assert (result.total.sent, result.total.stored, result.total.kafka_holes) == (5, 2, 3)
    assert result.total.missing == result.total.twice == 0


def test_uncounted_holes_are_not_reported_as_events(scenario):
    scenario.send(message(1))
    scenario.send_and_abort(message(2))
    scenario.store()
    (finding,) = scenario.findings()
    assert "2 messages are in no counter, though each is stored or has a dead letter" in finding


def test_an_event_whose_identity_is_stored_from_another_partition_is_not_missing(scenario):
    scenario.send(message(1), message(2))
    scenario.send(message(1), message(3), partition=1)
    scenario.store(0)
    scenario.store(1, lost={0, 1})
    assert "missing: partition 1 offsets 1: valid events that are not stored" in scenario.findings()


def test_a_recreated_topic_is_an_error_and_not_a_loss(scenario):
    scenario.send(message(1))
    scenario.store()
    scenario.recreate()
    with pytest.raises(TopicRecreated, match="ingestor topics accept"):
        scenario.verify()


def test_commits_between_the_reads_never_look_like_a_fault(scenario):
    scenario.send(message(0))
    scenario.store()
    done = threading.Event()

    def keep_storing():
        for round_ in range(1, 40):
            scenario.send(message(round_ * 10), message(round_ * 10 + 1), message(0), b"bad")
            scenario.store()
        done.set()

    writer = threading.Thread(target=keep_storing)
    writer.start()
    results = []
    while not done.is_set():
        result = scenario.verify()
        results.append((result.total.missing, result.total.twice, result.findings))
    writer.join()
    assert set(results) == {(0, 0, ())}
    assert scenario.verify().total.stored == 1 + 39 * 2


@pytest.mark.parametrize(
    "headers",
    [
        [(b"zur\xfcck", b"1")],
        [(b"dead-letter-partition", b"0"), (b"zur\xfcck", b"1")],
        "coordinates with 5,000 digits",
        "coordinates that are no numbers",
    ],
)
def test_foreign_messages_in_the_dead_letter_topic_are_ignored(scenario, headers):
    if isinstance(headers, str):
        number = b"9" * 5_000 if "digits" in headers else b"\xc2\xb2"
        headers = [
            (b"dead-letter-topic-id", scenario.topic.topic_id.encode()),
            (b"dead-letter-partition", number),
            (b"dead-letter-offset", number),
        ]
    scenario.send(b"bad", message(1))
    scenario.store()
    servers = scenario.settings.kafka["bootstrap.servers"]
    for partition in (0, 1):
        produce_raw(
            servers, scenario.settings.dead_letter_topic, partition, b"foreign", None, headers
        )
    result = scenario.verify()
    assert (result.total.missing, result.total.twice, result.total.dead_lettered) == (0, 0, 1)
    assert result.findings == ()
