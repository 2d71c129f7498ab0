import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]
_NEEDS_AN_ENDPOINT = (
    "tests/integration/local/databricks/test_statements.py::test_parameters_also_bind_by_position"
)


@pytest.mark.parametrize(
    ("ci", "code", "words"),
    [
        ("true", 1, "CI requires a real Databricks endpoint. No java in PATH"),
        ("", 0, "Needs a real Databricks endpoint. No java in PATH"),
    ],
)
def test_without_java_a_test_is_skipped_and_in_ci_it_fails(tmp_path, ci, code, words):
    environment = {
        name: value for name, value in os.environ.items() if name not in {"JAVA_HOME", "CI"}
    }
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", _NEEDS_AN_ENDPOINT],
        env={**environment, "PATH": str(tmp_path), "CI": ci},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == code
    assert words in answer.stdout
