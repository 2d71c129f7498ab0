import json

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from typer.testing import CliRunner

from classwaves_analytics.cli import app as analytics
from classwaves_ingestor.cli import app as ingestor
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress, StopReason
from tests.integration.ingestor.reconciliation.conftest import message
from tests.support.waiting import wait_until


@pytest.fixture
def run(scenario, monkeypatch):
    for name, value in scenario.environ.items():
        monkeypatch.setenv(name, value)

    def invoke(app, *arguments):
        return CliRunner().invoke(app, arguments)

    return invoke


def test_verify_ends_with_the_summary_line_and_exits_with_zero(scenario, run):
    scenario.send(message(1), b"bad")
    scenario.store()
    done = run(ingestor, "verify")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "missing 0, twice 0"


def test_verify_prints_each_partition_and_the_total_as_json(scenario, run):
    scenario.send(message(1), message(1), b"bad")
    scenario.store()
    scenario.send(message(2))
    printed = json.loads(run(ingestor, "verify", "--json").stdout)
    assert printed["partitions"][0] == {
        "partition": 0,
        "sent": 4,
        "stored": 1,
        "duplicates": 1,
        "dead_lettered": 1,
        "erased": 0,
        "expired": 0,
        "kafka_holes": 0,
        "in_flight": 1,
        "missing": 0,
        "twice": 0,
        "unacknowledged": 0,
    }
    assert printed["total"]["sent"] == 4
    assert printed["findings"] == []


def test_verify_exits_with_one_and_names_what_is_missing(scenario, run):
    scenario.send(message(1), message(2), message(3))
    scenario.store(lost={1, 2})
    done = run(ingestor, "verify")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "missing: partition 0 offsets 1-2: valid events that are not stored",
        "missing 2, twice 0",
    ]
    printed = json.loads(run(ingestor, "verify", "--json").stdout)
    assert printed["findings"][0]["offsets"] == [[1, 2]]


def test_status_prints_positions_ends_lag_and_size(scenario, run):
    scenario.send(message(1), message(2))
    scenario.store()
    scenario.send(message(3), message(4), message(5))
    printed = json.loads(run(ingestor, "status", "--json").stdout)
    assert printed["partitions"] == [
        {
            "partition": 0,
            "position": 2,
            "end": 5,
            "lag": 3,
            "stored_until": "2026-03-02T08:00:00.000Z",
            "open_transaction": None,
            "expired": 0,
            "stopped": None,
        },
        {
            "partition": 1,
            "position": 0,
            "end": 0,
            "lag": 0,
            "stored_until": None,
            "open_transaction": None,
            "expired": 0,
            "stopped": None,
        },
    ]
    assert printed["broker_time"] == {"source": "clock-topic", "problem": None}
    assert (printed["lag"], printed["stored_until"], printed["table"]["rows"]) == (3, None, 2)
    assert "session_events: 2 rows in 1 files" in run(ingestor, "status").stdout


def test_status_names_an_open_transaction_until_it_ends(scenario, run):
    scenario.send(message(1))
    settings = {**scenario.settings.kafka, "transactional.id": scenario.topic.name}
    producer = Producer(settings)
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(scenario.topic.name, message(2), partition=0)
    assert producer.flush(30) == 0
    scenario.send(message(3))
    printed = json.loads(run(ingestor, "status", "--json").stdout)
    assert [each["open_transaction"] for each in printed["partitions"]] == [1, None]
    assert "partition 0 delivers nothing from offset 1 on" in run(ingestor, "status").stdout
    producer.abort_transaction()
    wait_until(
        lambda: "open transaction" not in run(ingestor, "status").stdout, "the transaction ends"
    )


@pytest.mark.parametrize(
    ("timestamp_type", "source", "line"),
    [
        ("LogAppendTime", "messages", "broker time: taken from the messages"),
        ("CreateTime", "unknown", "broker time: unknown, no hour becomes complete: "),
    ],
)
def test_status_says_when_the_clock_topic_cannot_be_read(
    scenario, run, timestamp_type, source, line
):
    admin, clock = scenario.admin, scenario.settings.clock_topic
    entry = ConfigEntry(
        "message.timestamp.type", timestamp_type, incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, scenario.topic.name, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result()
    admin.delete_topics([clock], operation_timeout=30)[clock].result()
    wait_until(lambda: clock not in admin.list_topics(timeout=10).topics, "the topic is gone")
    found = json.loads(run(ingestor, "status", "--json").stdout)["broker_time"]
    assert found["source"] == source
    assert "ingestor topics create" in found["problem"]
    assert line in run(ingestor, "status").stdout


def test_what_the_brokers_lost_is_shown_until_it_is_acknowledged(scenario, run):
    scenario.send(message(1))
    scenario.store()
    scenario.send(message(2))
    scenario.delete_before(2)
    corrupt = Progress(1, stopped=StopReason.CORRUPT_BATCH)
    scenario.ledger.append(Batch(ROWS.empty_table()), {0: 1}, {0: corrupt})
    assert "stopped: partition 0: the batch at or after offset 1" in run(ingestor, "status").stdout
    failed = run(ingestor, "verify")
    assert (failed.exit_code, failed.stdout.splitlines()[-1]) == (1, "missing 0, twice 0")
    assert run(ingestor, "partitions", "acknowledge").stdout == (
        "partition 0: 1 expired offsets are acknowledged\n"
    )
    assert run(ingestor, "partitions", "acknowledge").stdout == "Nothing to acknowledge.\n"
    assert run(ingestor, "verify", "--deep").exit_code == 1
    scenario.ledger.append(Batch(ROWS.empty_table()), {0: 1}, {0: Progress(1)})
    assert run(ingestor, "verify", "--deep").exit_code == 0


def test_topics_create_describes_existing_topics(scenario, run):
    done = run(ingestor, "topics", "create", "--partitions", "2")
    assert done.exit_code == 0
    assert f"{scenario.topic.name}: exists, 2 partitions" in done.stdout


def test_accepting_a_topic_prints_its_id(scenario, run):
    assert scenario.topic.topic_id in run(ingestor, "topics", "accept").stdout


def test_a_second_migration_changes_nothing_and_the_check_succeeds(run, tmp_path, monkeypatch):
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path / 'empty'}")
    assert run(ingestor, "tables", "check").exit_code == 1
    assert run(ingestor, "tables", "migrate").exit_code == 0
    assert run(ingestor, "tables", "migrate").stdout == "Nothing to do.\n"
    assert run(ingestor, "tables", "check").exit_code == 0


def test_an_error_of_the_product_is_one_line_on_stderr_without_a_traceback(run, monkeypatch):
    monkeypatch.setenv("SESSION_EVENTS_TOPIC", "no-such-topic")
    done = run(ingestor, "verify")
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("Create it with `ingestor topics create`.")


def test_a_missing_setting_is_wrong_use(run, monkeypatch):
    monkeypatch.delenv("WAREHOUSE")
    done = run(ingestor, "status")
    assert done.exit_code == 2
    assert done.stderr.startswith("WAREHOUSE: is not set")


def test_the_timeline_of_a_session_is_shown_in_both_shapes(scenario, run):
    scenario.send(message(2), message(1), message(3, session="s2"))
    scenario.store()
    printed = json.loads(run(analytics, "timeline", "s1", "--json").stdout)
    assert [event["id"] for event in printed["timeline"]] == ["e1", "e2"]
    classic = json.loads(run(analytics, "timeline", "s1", "--json", "--shape", "classic").stdout)
    assert set(classic["timeline"][0]) == {"timestamp", "type", "description", "impact", "groupId"}
    assert run(analytics, "timeline", "s1").stdout.endswith("2 events, 0 gaps\n")


def test_a_session_that_is_not_stored_is_a_clear_error(scenario, run, monkeypatch):
    warehouse = scenario.environ["WAREHOUSE"]
    monkeypatch.delenv("WAREHOUSE")
    done = run(analytics, "timeline", "nobody", "--warehouse", warehouse)
    assert done.exit_code == 1
    assert "session_events has no event of session nobody." in done.stderr
