import pytest

from classwaves_ingestor.producer import PublisherSettings, SettingsError

LEAST = {"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "SPOOL_FOLDER": "/var/lib/spool"}


def test_only_brokers_and_a_spool_folder_are_required():
    settings = PublisherSettings.from_environment(LEAST)
    assert settings.session_events_topic == "classwaves.session-events.v1"
    assert settings.spool_max_bytes == 256 * 1024 * 1024
    assert settings.max_event_bytes == 64 * 1024
    assert settings.pseudonym_key_file is None


def test_the_error_for_a_missing_folder_names_and_explains_the_variable():
    with pytest.raises(
        SettingsError, match=r"^SPOOL_FOLDER: is not set \(expected: a folder on a local disk"
    ):
        PublisherSettings.from_environment({"KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"})


@pytest.mark.parametrize("variable", ["SPOOL_MAX_BYTES", "MAX_EVENT_BYTES"])
def test_a_limit_of_zero_is_refused(variable):
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        PublisherSettings.from_environment(LEAST | {variable: "0"})
