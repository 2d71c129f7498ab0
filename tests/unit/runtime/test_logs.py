import io
import json
import logging

import pytest

from classwaves_runtime.errors import SettingsError
from classwaves_runtime.logs import PlainFormatter, configure, redaction

SECRETS = {
    "KAFKA_SASL_PASSWORD": 'pass"word',
    "DATABRICKS_TOKEN": "dapi-1",
    "KAFKA_SASL_JAAS_CONFIG": "jaas-1",
}


@pytest.fixture(autouse=True)
def _restore_root_logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_record_is_one_line_of_json_with_its_fields():
    stream = io.StringIO()
    configure({}, stream)
    logging.getLogger("ingestor").info(
        "Committed %d\nrows", 5, extra={"partition": 3, "rate": 0.5, "new": None}
    )
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "info",
        "logger": "ingestor",
        "message": "Committed 5\nrows",
        "partition": 3,
        "rate": 0.5,
        "new": None,
    }


def test_an_exception_is_one_field():
    stream = io.StringIO()
    configure({}, stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("ingestor").exception("Failed")
    assert "ValueError: invalid literal" in json.loads(stream.getvalue())["exception"]


def test_a_terminal_gets_plain_text():
    stream = Terminal()
    configure({}, stream)
    logging.getLogger("ingestor").warning("Paused", extra={"partition": 3})
    assert stream.getvalue().endswith("Z WARNING ingestor: Paused partition=3\n")


def test_the_level_decides_what_is_written():
    stream = io.StringIO()
    configure({"LOG_LEVEL": "warning"}, stream)
    logging.getLogger("ingestor").info("quiet")
    logging.getLogger("ingestor").warning("loud")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loud"]


def test_a_level_that_does_not_exist_is_a_settings_error():
    with pytest.raises(SettingsError, match=r"LOG_LEVEL: .*DEBUG, INFO, WARNING, ERROR"):
        configure({"LOG_LEVEL": "loud"})


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_the_value_of_a_secret_setting_is_not_written(stream):
    configure(SECRETS, stream)
    log = logging.getLogger("ingestor")
    try:
        int('no login with pass"word')
    except ValueError:
        log.exception(
            "bad %s", "dapi-1", extra={"config": {"password": 'pass"word'}, "all": ["jaas-1"]}
        )
    assert 'pass"word' not in stream.getvalue()
    assert 'pass\\"word' not in stream.getvalue()
    assert "dapi-1" not in stream.getvalue()
    assert "jaas-1" not in stream.getvalue()
    assert stream.getvalue().count("***") == 5  # the traceback quotes its source line


def test_the_location_of_a_secret_is_not_secret():
    assert redaction({"PSEUDONYM_SECRET_FILE": "/etc/key", "KAFKA_TOKEN_ENDPOINT_URL": "there"})(
        "/etc/key there"
    ) == ("/etc/key there")


def test_a_secret_that_contains_another_is_replaced_whole():
    redact = redaction({"A_TOKEN": "abcd", "B_TOKEN": "abcdefgh"})
    assert redact("abcdefgh abcd") == "*** ***"


def test_a_plain_record_keeps_its_traceback():
    try:
        int("broken")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "Failed", "exc_info": (ValueError, error, error.__traceback__)}
        )
    assert "Traceback" in PlainFormatter(str).format(record)
