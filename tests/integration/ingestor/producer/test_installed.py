"""The publisher as a service gets it: the wheel without extras, beside a `schemas` package of the service's own."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SERVICE = """
import importlib.util
import schemas
from classwaves_ingestor.producer import EventPublisher, MemoryTransport, PublisherSettings

assert schemas.OURS == "the service's own"
for name in ("pyarrow", "msgspec", "deltalake", "numpy", "typer"):
    assert importlib.util.find_spec(name) is None, name
topic = MemoryTransport()
settings = PublisherSettings(kafka={"bootstrap.servers": "x"}, spool_folder="spool")
with EventPublisher(settings, component="service", connect=topic.connect) as publisher:
    publisher.emit("started", session_id="s", teacher_id="t", payload={"readyGroupsAtStart": 4})
assert len(topic.messages) == 1
print("emitted")
"""
LIGHT = (
    "confluent_kafka",
    "pydantic",
    "pydantic_core",
    "prometheus_client",
    "annotated_types",
    "typing_extensions",
)
ALSO = ("typing_inspection", "confluent_kafka.libs", "typing_extensions.py")


@pytest.fixture
def service(tmp_path):
    """A folder with the installed wheel, what it depends on, and a service's own `schemas`. Returns its python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(wheel, check=True)
    (built,) = tmp_path.glob("*.whl")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    subprocess.run([*pip, "install", "--no-deps", "--target", packages, built], check=True)
    # The very files that the lock has installed here, and none of the others.
    here = Path(sysconfig.get_path("purelib"))
    for name in (*LIGHT, *ALSO):
        if (here / name).exists():
            (packages / name).symlink_to(here / name)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text('OURS = "the service\'s own"\n')
    return tmp_path / "venv" / "bin" / "python"


def test_a_service_with_the_base_install_and_a_schemas_package_of_its_own_emits(service, tmp_path):
    script = tmp_path / "emits.py"
    script.write_text(SERVICE)
    answer = subprocess.run(
        [service, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.stdout == "emitted\n", answer.stderr
