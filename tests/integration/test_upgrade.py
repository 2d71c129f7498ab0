"""Tables, topics and spools of version 0.1.0; see `tests/fixtures/version_0_1/make.py`."""

import base64
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from classwaves_analytics.cli import app as analytics
from classwaves_ingestor.cli import app as ingestor
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.dead_letters.dead_letter import SourceTopic, dead_letter
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.memory import MemoryMessage, MemoryTopic
from classwaves_ingestor.producer import EventPublisher, MemoryTransport, PublisherSettings
from classwaves_ingestor.reconciliation.balance import balance
from classwaves_ingestor.reconciliation.dead_letter_offsets import coordinates
from classwaves_rollup.cli import app as rollup
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.rows import timeline
from tests.unit.ingestor.consumer.parts import Environment, StepConsumer

FILES = Path(__file__).parents[1] / "fixtures" / "version_0_1"
STREAM = Stream("session-events-ingestor", "classwaves.session-events.v1", "AAAAAAAAAAAAAAAAAAAAAQ")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TIMELINE = [f"event-{number}" for number in range(1, 9)]


class OldTopic(MemoryTopic):
    """The topic that version 0.1.0 read from, with its id."""

    @property
    def topic_id(self):
        return STREAM.topic_id


class OldEnvironment(Environment):
    """The stream of version 0.1.0."""

    @property
    def stream(self):
        return STREAM


def lines(name):
    return [json.loads(line) for line in (FILES / name).read_text().splitlines()]


def decoded(text):
    return None if text is None else base64.b64decode(text)


def old_messages():
    """The messages of the topic, in the order in which they were consumed."""
    return [
        MemoryMessage(
            (each["partition"], each["offset"]),
            each["timestamp"],
            decoded(each["key"]),
            decoded(each["value"]),
            [("trace", b"a1")],
        )
        for each in lines("messages.jsonl")
    ]


def old_dead_letters():
    """Key, value and headers of each dead letter."""
    return [
        (
            decoded(each["key"]),
            decoded(each["value"]),
            [(name, decoded(value)) for name, value in each["headers"]],
        )
        for each in lines("dead-letters.jsonl")
    ]


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A copy of the tables, which the environment of commands names."""
    shutil.copytree(FILES / "tables", tmp_path / "tables")
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path / 'tables'}")
    for name in ("INGESTOR_GROUP", "SESSION_EVENTS_TOPIC", "FAILPOINTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "tables"


@pytest.fixture
def warehouse(tables):
    return DeltaWarehouse(str(tables))


@pytest.fixture
def environment(warehouse):
    """The topic with its old messages, before the new version consumes."""
    topic = OldTopic(2)
    for each in old_messages():
        topic.produce(each.partition(), each.value(), each.key(), timestamp_ms=each.timestamp()[1])
    return OldEnvironment(topic, warehouse, clock=ManualClock(NOON))


def run(app, *arguments):
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def event(id_, **others):
    fields = {
        "id": id_,
        "event_type": "ended",
        "event_time": "2026-03-02T10:40:00Z",
        "session_id": "session-1",
        "teacher_id": "teacher-1",
        "payload": {},
    }
    return json.dumps(fields | others).encode()


def ids(warehouse):
    return timeline(warehouse, "session-1")["id"].to_pylist()


def test_migrate_makes_the_tables_as_their_contracts_say(tables, warehouse):
    run(ingestor, "tables", "migrate")
    run(ingestor, "tables", "check")
    assert ids(warehouse) == TIMELINE
    assert run(ingestor, "tables", "migrate") == "Nothing to do.\n"


def test_the_timeline_of_an_old_session_is_read(tables):
    timeline = json.loads(run(analytics, "timeline", "session-1", "--json"))
    assert len(timeline["timeline"]) == len(TIMELINE)
    assert timeline["gaps"] == []


def test_positions_and_counters_are_read(environment):
    first, second = environment.checkpoints[0], environment.checkpoints[1]
    assert (first.position, first.duplicates.count, first.conflicting) == (10, 1, 0)
    assert (second.position, second.duplicates.count, second.conflicting) == (6, 1, 1)
    assert first.dead_lettered == {"not_json": OffsetSums(1)}
    assert second.dead_lettered == {"newer_schema_version": OffsetSums(1)}
    assert (first.summed_from, second.summed_from) == (10, 6)


def test_a_consumer_continues_at_the_old_positions(environment):
    topic = environment.topic
    before = environment.checkpoints
    topic.produce(0, event("event-1", event_type="started", event_time="2026-03-02T10:01:00Z"))
    topic.produce(0, event("new-event"))
    topic.produce(1, b"not JSON either")
    StepConsumer(environment, eager=True).store_all()
    assert environment.positions == {0: 12, 1: 7}
    assert ids(environment.warehouse) == [*TIMELINE, "new-event"]
    assert environment.warehouse.events.repeated(limit=9) == (0, [])
    after = environment.checkpoints
    assert after[0].duplicates == before[0].duplicates + OffsetSums.of([10])
    assert after[1].dead_letters == before[1].dead_letters + OffsetSums.of([6])
    assert environment.dead_lettered == [(1, 6)]


def test_the_balance_of_an_old_partition_goes_on(environment):
    environment.topic.produce(0, event("new-event"))
    environment.topic.produce(0, event("new-event"))
    StepConsumer(environment, eager=True).store_all()
    found = environment.checkpoints
    rows = environment.warehouse.events.partition_rows(environment.stream, found)
    assert balance(found[0], Watermarks(0, 12), rows[0]).balanced
    lost = replace(rows[0], rows=replace(rows[0].rows, total=rows[0].rows.total - 1))
    assert not balance(found[0], Watermarks(0, 12), lost).balanced


def test_old_messages_that_are_read_again_are_duplicates(environment):
    for each in old_messages():
        environment.topic.produce(each.partition(), each.value())
    StepConsumer(environment, eager=True).store_all()
    assert environment.positions == {0: 20, 1: 12}
    assert ids(environment.warehouse) == TIMELINE
    assert environment.warehouse.events.repeated(limit=9) == (0, [])


def test_old_messages_decode_to_the_stored_rows(warehouse):
    rows = Decoder(STREAM.topic_id, None).decode(old_messages(), NOON).rows.to_pylist()
    first = {}
    for row in rows:
        row.pop("created_at")
        if row["session_id"] == "session-1":
            first.setdefault(row["id"], row)
    stored = timeline(warehouse, "session-1").to_pylist()
    for row in stored:
        row.pop("created_at")
    assert stored == [first[id_] for id_ in TIMELINE]


def test_old_dead_letters_are_found_by_their_coordinates():
    messages = [
        MemoryMessage((0, offset), 0, key, value, headers)
        for offset, (key, value, headers) in enumerate(old_dead_letters())
    ]
    assert list(coordinates(messages, STREAM.topic_id)) == [(0, 9), (1, 5)]


def test_a_dead_letter_is_written_as_before():
    source = SourceTopic(STREAM.topic, STREAM.topic_id)
    rejects = Decoder(STREAM.topic_id, None).decode(old_messages(), NOON).rejects
    written = [dead_letter(each.message, each.rejection.reason, "", source) for each in rejects]
    for new, (key, value, headers) in zip(written, old_dead_letters(), strict=True):
        assert (new.key, new.value) == (key, value)
        assert dict(new.headers) | {"dead-letter-detail": b""} == dict(headers) | {
            "dead-letter-detail": b""
        }
        assert [name for name, _ in new.headers] == [name for name, _ in headers]


def test_the_rollup_has_the_old_hour(tables):
    status = json.loads(run(rollup, "status", "--json"))
    (hour,) = status["hours"]
    assert (hour["hour"], hour["state"], hour["complete"]) == ("2026-03-02T10:00:00Z", "done", True)
    assert hour["rows"] == 1
    assert status["complete_through"] == "2026-03-02T10:00:00Z"


def test_a_backfill_computes_an_hour_of_other_statements_once(tables):
    range_ = ("--from", "2026-03-02T10", "--to", "2026-03-02T10")
    assert run(rollup, "backfill", *range_).startswith("1 hours, 0 of them are up to date.\n")
    assert run(rollup, "backfill", *range_).startswith("1 hours, 1 of them are up to date.\n")


def test_the_rollup_computes_the_old_hour_as_before(tables):
    def hourly_rows():
        rows = DeltaTable(tables / "analytics" / "dashboard_metrics_hourly").to_pyarrow_table()
        return [
            {name: value for name, value in row.items() if name not in written}
            for row in rows.to_pylist()
        ]

    written = {"id", "calculated_at", "created_at"}
    before = hourly_rows()
    run(rollup, "once", "--hour", "2026-03-02T10")
    assert len(before) == 1
    assert hourly_rows() == before


def test_a_publisher_sends_the_events_of_an_old_spool_to_its_own_topic(tmp_path):
    shutil.copytree(FILES / "spool", tmp_path / "spool")
    settings = PublisherSettings(
        kafka={"bootstrap.servers": "127.0.0.1:1"},
        session_events_topic="any.topic",
        spool_folder=tmp_path / "spool",
    )
    topic = MemoryTransport()
    with EventPublisher(settings, component="new-service", connect=topic.connect) as publisher:
        publisher.emit("started", session_id="spooled-0", teacher_id="teacher-1")
        assert publisher.flush(30) == 0
    sent = [json.loads(value) for _, value in topic.messages]
    assert [each["id"] for each in sent[:5]] == [f"spooled-event-{number}" for number in range(5)]
    assert [each["sequence"] for each in sent[:5]] == [1, 1, 2, 2, 3]
    assert len(sent) == 6
    assert [key for key, _ in topic.messages] == [each["session_id"] for each in sent]
    assert not [each for each in (tmp_path / "spool").iterdir() if each.stat().st_size > 10_000]
