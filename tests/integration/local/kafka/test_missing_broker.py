import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]
_NEEDS_A_BROKER = [
    "tests/integration/local/kafka/test_broker.py::test_what_is_produced_is_consumed",
    "tests/integration/local/kafka/test_broker.py::test_closing_removes_the_data",
]


@pytest.fixture
def run_without_broker(tmp_path: Path):
    """Run tests that need a broker where there is no Docker, no Java and no named Kafka."""

    def run(ci: str) -> "subprocess.CompletedProcess[str]":
        hidden = {"JAVA_HOME", "KAFKA_BOOTSTRAP_SERVERS", "CI"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *_NEEDS_A_BROKER],
            env={**environment, "PATH": str(tmp_path), "CI": ci},
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_in_ci_a_missing_real_broker_is_a_failure_that_says_why(run_without_broker):
    answer = run_without_broker(ci="true")
    assert answer.returncode == 1
    assert "2 errors" in answer.stdout
    assert "CI requires a real Kafka. No docker in PATH. No java in PATH" in answer.stdout


def test_elsewhere_a_missing_real_broker_skips_the_test_and_says_why(run_without_broker):
    answer = run_without_broker(ci="")
    assert answer.returncode == 0
    assert "2 skipped" in answer.stdout
    assert "Needs a real Kafka. No docker in PATH. No java in PATH" in answer.stdout
