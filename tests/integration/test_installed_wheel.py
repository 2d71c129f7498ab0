"""The built wheel in an application that has packages named as our folders."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "tests" / "support" / "sdk_snippets"
PACKAGES = {
    f"classwaves_{name}"
    for name in ("schemas", "runtime", "warehouse", "ingestor", "rollup", "analytics")
}
OWN_PACKAGES = ("service", "warehouse", "rollup", "analytics", "schemas", "ingestor", "runtime")
# What pip installs for the base dependencies, as files of site-packages.
BASE_DEPENDENCIES = (
    "confluent_kafka",
    "confluent_kafka.libs",
    "pydantic",
    "pydantic_core",
    "prometheus_client",
    "annotated_types",
    "typing_extensions.py",
    "typing_inspection",
)
EXTRAS_ONLY = ("pyarrow", "msgspec", "deltalake", "duckdb", "numpy", "typer", "rich", "tenacity")
SERVICE = """
import importlib
import importlib.util
import json

from classwaves_ingestor.producer import EventPublisher, MemoryTransport, PublisherSettings

topic = MemoryTransport()
settings = PublisherSettings(kafka={"bootstrap.servers": "x"}, spool_folder="spool")
with EventPublisher(settings, component="service", connect=topic.connect) as publisher:
    publisher.emit("started", session_id="s", teacher_id="t", payload={"readyGroupsAtStart": 4})
print(json.dumps({
    "events": [json.loads(value)["event_type"] for _, value in topic.messages],
    "own": {name: importlib.import_module(name).OWNER for name in %(own)r},
    "extras": [name for name in %(extras)r if importlib.util.find_spec(name)],
}))
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """An environment with the wheel, and an application's folder."""

    python: Path
    wheel: Path
    application: Path

    def run(self, *command):
        # PYTHONPATH would make the environment import the checkout.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command,
            cwd=self.application,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def check_types(self, code):
        """Check code of the application with mypy --strict. Return the lines of errors."""
        file = self.application / "application.py"
        file.write_text(code)
        result = self.run(
            *(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--no-error-summary"),
            *("--python-executable", self.python, file.name),
        )
        assert not result.stderr
        return result.stdout.splitlines()


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Install the wheel with the base dependencies of the lock, without any extra."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = folder.glob("*.whl")
    install = ["--python", python, "install", "--no-index", "--no-deps", wheel]
    subprocess.run([*pip, *install], check=True)
    (site_packages,) = (folder / "venv").glob("lib/python*/site-packages")
    here = Path(sysconfig.get_path("purelib"))
    for name in BASE_DEPENDENCIES:
        if (here / name).exists():
            (site_packages / name).symlink_to(here / name)
    application = folder / "application"
    for name in OWN_PACKAGES:
        (application / name).mkdir(parents=True)
        (application / name / "__init__.py").write_text('OWNER = "application"\n')
    return Installation(python, wheel, application)


def test_an_application_with_packages_of_our_folder_names_emits(installation):
    script = installation.application / "emit.py"
    script.write_text(SERVICE % {"own": OWN_PACKAGES, "extras": EXTRAS_ONLY})
    result = installation.run(installation.python, script)
    assert not result.stderr
    assert json.loads(result.stdout) == {
        "events": ["started"],
        "own": dict.fromkeys(OWN_PACKAGES, "application"),
        "extras": [],
    }


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (
            "ingestor",
            "ingestor needs the extra 'consumer': pip install 'classwaves-ingestor[consumer]'",
        ),
        (
            "rollup",
            "rollup needs the extras 'consumer' and 'rollup': "
            "pip install 'classwaves-ingestor[consumer,rollup]'",
        ),
        (
            "analytics",
            "analytics needs the extra 'consumer': pip install 'classwaves-ingestor[consumer]'",
        ),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--help"], ["status"]])
def test_a_command_without_its_extra_prints_one_line(installation, command, line, arguments):
    result = installation.run(installation.python.parent / command, *arguments)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"{line}\n")


def test_a_type_checker_accepts_correct_code(installation):
    assert installation.check_types((SNIPPETS / "good.py").read_text()) == []


@pytest.mark.parametrize(
    "mistake", ["misspelt_event_type", "wrong_payload_type", "unknown_payload_field"]
)
def test_a_type_checker_finds_each_mistake(installation, mistake):
    code = (SNIPPETS / f"{mistake}.py").read_text()
    calls = sum(".emit(" in line for line in code.splitlines())
    errors = [line for line in installation.check_types(code) if ": error: " in line]
    assert len({error.split(":")[1] for error in errors}) >= calls > 0


def test_the_wheel_contains_the_six_packages_and_the_licence(installation):
    with zipfile.ZipFile(installation.wheel) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = wheel.read(metadata).decode()
    info = metadata.removesuffix("/METADATA")
    assert {name.split("/")[0] for name in names} == {*PACKAGES, info}
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert f"{info}/licenses/LICENSE" in names
    assert f"Version: {version('classwaves-ingestor')}\n" in text
    assert "License-Expression: Apache-2.0\n" in text
    assert "Project-URL: Changelog, " in text


def test_the_source_distribution_contains_the_six_packages_and_the_licence(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    folders = {package: package.removeprefix("classwaves_") for package in PACKAGES}
    assert {f"{folder}/{package}/py.typed" for package, folder in folders.items()} <= names
    assert {"LICENSE", "CHANGELOG.md", "README.md", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "demo/", "local/", "bench/"))]
