import pytest

from classwaves_ingestor.settings import IngestorSettings, StreamSettings, TopicSettings
from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.settings import WarehouseSettings

REQUIRED = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "WAREHOUSE": "memory:"}


def test_only_brokers_and_warehouse_are_required():
    settings = IngestorSettings.from_environment(REQUIRED)
    assert settings.kafka == {"bootstrap.servers": "localhost:9092"}
    assert settings.session_events_topic == "classwaves.session-events.v1"
    assert settings.dead_letter_topic == "classwaves.session-events.v1.dead-letters"
    assert settings.ingestor_group == "session-events-ingestor"
    assert settings.memory_budget_bytes == 64 * 1024 * 1024


def test_the_default_dead_letter_topic_is_derived_from_the_topic():
    assert (
        TopicSettings.from_environment(REQUIRED | {"SESSION_EVENTS_TOPIC": "t"}).dead_letter_topic
        == "t.dead-letters"
    )


def test_the_clock_topic_is_derived_from_the_topic():
    settings = IngestorSettings.from_environment(REQUIRED | {"SESSION_EVENTS_TOPIC": "t"})
    assert (settings.clock_topic, settings.broker_clock_skew_seconds) == ("t.clock", 5)


def test_a_negative_clock_skew_is_refused():
    with pytest.raises(SettingsError, match=r"^BROKER_CLOCK_SKEW_SECONDS: "):
        IngestorSettings.from_environment(REQUIRED | {"BROKER_CLOCK_SKEW_SECONDS": "-1"})


def test_bytes_accept_a_unit():
    assert (
        IngestorSettings.from_environment(REQUIRED | {"BATCH_MAX_BYTES": "8MiB"}).batch_max_bytes
        == 8 * 1024 * 1024
    )


@pytest.mark.parametrize(
    ("warehouse", "mib"), [("memory:", 8), ("delta:/x", 8), ("databricks:", 2)]
)
def test_the_default_batch_size_depends_on_the_warehouse(warehouse, mib):
    assert (
        IngestorSettings.from_environment(REQUIRED | {"WAREHOUSE": warehouse}).batch_max_bytes
        == mib * 1024 * 1024
    )


@pytest.mark.parametrize(("warehouse", "seconds"), [("delta:/w", 0.5), ("databricks:", 5)])
def test_the_default_age_of_a_batch_depends_on_the_warehouse(warehouse, seconds):
    settings = IngestorSettings.from_environment({**REQUIRED, "WAREHOUSE": warehouse})
    assert settings.batch_max_seconds == seconds


@pytest.mark.parametrize(("warehouse", "seconds"), [("delta:/w", 60), ("databricks:", 3600)])
def test_an_idle_consumer_lets_a_sql_warehouse_stop(warehouse, seconds):
    settings = IngestorSettings.from_environment({**REQUIRED, "WAREHOUSE": warehouse})
    assert settings.idle_commit_seconds == seconds


def test_an_invalid_topic_is_the_only_error_although_another_default_derives_from_it():
    with pytest.raises(SettingsError, match=r"^SESSION_EVENTS_TOPIC: [^;]*$"):
        StreamSettings.from_environment(REQUIRED | {"SESSION_EVENTS_TOPIC": "no spaces"})


def test_the_dead_letter_topic_cannot_be_the_topic_itself():
    with pytest.raises(SettingsError, match="DEAD_LETTER_TOPIC is SESSION_EVENTS_TOPIC"):
        TopicSettings.from_environment(
            REQUIRED | {"SESSION_EVENTS_TOPIC": "t", "DEAD_LETTER_TOPIC": "t"}
        )


def test_a_budget_below_seven_batches_is_refused_with_the_needed_value():
    with pytest.raises(
        SettingsError,
        match=r"MEMORY_BUDGET_BYTES is less than 70000000, seven times BATCH_MAX_BYTES",
    ):
        IngestorSettings.from_environment(
            REQUIRED | {"MEMORY_BUDGET_BYTES": "69999999", "BATCH_MAX_BYTES": "10000000"}
        )


@pytest.mark.parametrize(
    "variable",
    [
        "BATCH_MAX_ROWS",
        "BATCH_MAX_BYTES",
        "BATCH_MAX_SECONDS",
        "DRAIN_SECONDS",
        "DEAD_LETTER_LIMIT",
    ],
)
def test_a_limit_of_zero_is_refused(variable):
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        IngestorSettings.from_environment(REQUIRED | {variable: "0"})


@pytest.mark.parametrize(
    ("warehouse", "seconds"), [("delta:/tables", 30), ("databricks:", 0), ("memory:", 0)]
)
def test_only_delta_tables_have_upkeep_by_default(warehouse, seconds):
    environ = REQUIRED | {"WAREHOUSE": warehouse}
    assert IngestorSettings.from_environment(environ).upkeep_seconds == seconds
    given = IngestorSettings.from_environment(environ | {"UPKEEP_SECONDS": "7"})
    assert given.upkeep_seconds == 7


def test_a_command_for_tables_needs_no_broker():
    assert WarehouseSettings.from_environment({"WAREHOUSE": "memory:"}).warehouse == "memory:"
