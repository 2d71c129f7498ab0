"""Every command: its help, its version and the line that it logs at its start."""

import logging
from importlib.metadata import version

import pytest
from pydantic import Field, SecretStr
from typer.testing import CliRunner

from classwaves_analytics.cli import app as analytics
from classwaves_ingestor.cli import app as ingestor
from classwaves_ingestor.producer import PublisherSettings
from classwaves_ingestor.settings import IngestorSettings, StreamSettings, TopicSettings
from classwaves_rollup.cli import app as rollup
from classwaves_rollup.settings import RollupSettings, WorkerSettings
from classwaves_runtime.logs import LogSettings
from classwaves_runtime.settings import Settings, log_start
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.settings import WarehouseSettings

APPS = {"ingestor": ingestor, "rollup": rollup, "analytics": analytics}
COMMANDS = {
    "ingestor run": (IngestorSettings, DatabricksSettings),
    "ingestor verify": (StreamSettings, DatabricksSettings),
    "ingestor status": (StreamSettings, DatabricksSettings),
    "ingestor topics create": (TopicSettings,),
    "ingestor topics accept": (StreamSettings, DatabricksSettings),
    "ingestor tables check": (WarehouseSettings, DatabricksSettings),
    "ingestor tables migrate": (WarehouseSettings, DatabricksSettings),
    "ingestor tables ddl": (),
    "rollup run": (WorkerSettings, DatabricksSettings),
    "rollup once": (RollupSettings, DatabricksSettings),
    "rollup backfill": (RollupSettings, DatabricksSettings),
    "rollup status": (RollupSettings, DatabricksSettings),
    "analytics timeline": (WarehouseSettings, DatabricksSettings),
    "analytics hours": (WarehouseSettings, DatabricksSettings),
}
SECRETS = {"KAFKA_SASL_PASSWORD", "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET"}


def all_settings():
    """Return every settings class of the installed packages."""
    found, queue = [], [Settings]
    while queue:
        for each in queue.pop().__subclasses__():
            queue.append(each)
            if each.__module__.startswith("classwaves_"):
                found.append(each)
    return sorted(set(found), key=lambda each: each.__name__)


def run(command):
    name, *arguments = command.split()
    return CliRunner().invoke(APPS[name], arguments)


@pytest.mark.parametrize("name", APPS)
def test_each_command_prints_the_version(name):
    result = run(f"{name} --version")
    assert (result.exit_code, result.output) == (0, f"{version('classwaves-ingestor')}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_lists_each_variable_with_its_default_and_description(command):
    lines = [line.strip() for line in run(f"{command} --help").output.splitlines()]
    for settings in (*COMMANDS[command], LogSettings):
        for variable in settings.variables():
            line = lines.index(f"{variable.name} ({variable.default})")
            assert lines[line + 1] == variable.description


@pytest.mark.parametrize("name", APPS)
def test_the_help_of_all_commands_says_where_the_variables_are(name):
    assert "lists the environment variables that it reads" in run(f"{name} --help").output


def test_the_variables_of_databricks_have_a_heading_of_their_own():
    general, databricks = run("ingestor verify --help").output.split("of a databricks: warehouse:")
    assert "WAREHOUSE (required)" in general
    assert "DATABRICKS_HOST (required)" in databricks
    assert "DATABRICKS_HOST" not in general


def test_the_help_of_ingestor_run_shows_required_and_default_values():
    output = run("ingestor run --help").output
    assert "KAFKA_BOOTSTRAP_SERVERS (required)" in output
    assert "BATCH_MAX_ROWS (default: 50000)" in output
    assert "PSEUDONYM_KEY_FILE (default: unset)" in output


@pytest.mark.parametrize("settings", all_settings(), ids=lambda each: each.__name__)
def test_every_field_has_a_description_and_a_derived_default_is_described(settings):
    for variable in settings.variables():
        assert variable.description
        assert variable.default != "default: derived" or "by default" in variable.description


@pytest.mark.parametrize("settings", all_settings(), ids=lambda each: each.__name__)
def test_every_field_is_public_or_declared_secret(settings):
    values = {name: f"value of {name}" for name in settings.model_fields}
    if "kafka" in values:
        values["kafka"] = {"bootstrap.servers": "b:9092", "sasl.password": "s3cret"}
    public = settings.model_construct(**values).public()
    for (name, field), variable in zip(
        settings.model_fields.items(), settings.variables(), strict=True
    ):
        if name == "kafka":
            assert public[variable.name] == "b:9092"
        else:
            assert (variable.name in public) is field.repr
        assert field.repr or name == "kafka" or variable.name in SECRETS
    assert "s3cret" not in str(public)
    assert not SECRETS & public.keys()


@pytest.mark.parametrize("settings", all_settings(), ids=lambda each: each.__name__)
def test_a_field_whose_name_says_that_it_is_secret_is_declared_secret(settings):
    for name, field in settings.model_fields.items():
        if name.endswith(("token", "secret", "password", "key")):
            assert not field.repr


class Oven(Settings):
    oven_address: str = Field(description="a URL")
    oven_pin: SecretStr = Field(description="8 digits")


def test_the_start_is_logged_with_version_and_settings(caplog):
    caplog.set_level(logging.INFO)
    oven = Oven(oven_address="s3://ann:s3cret@kitchen/oven", oven_pin="12345678")
    log_start("oven run", oven)
    (record,) = caplog.records
    assert record.message == "Started oven run"
    assert record.version == version("classwaves-ingestor")
    assert record.settings == {
        "OVEN_ADDRESS": "s3://***@kitchen/oven",
        "OVEN_PIN": "**********",
    }


def test_the_publisher_has_settings_too():
    assert PublisherSettings in all_settings()
