"""A type checker finds mistakes in code that uses the SDK."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).parents[3] / "support" / "sdk_snippets"
MISTAKES = ("misspelt_event_type", "wrong_payload_type", "unknown_payload_field")


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, set[int]]:
    """By snippet, the lines with an error of `mypy --strict`."""
    cache = tmp_path_factory.mktemp("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--cache-dir", cache]
    names = ("good", *MISTAKES)
    checked = subprocess.run(
        [*command, "--config-file", "", *(SNIPPETS / f"{name}.py" for name in names)],
        check=False,
        capture_output=True,
        text=True,
    )
    errors = re.findall(r"(\w+)\.py:(\d+): error: ", checked.stdout)
    return {name: {int(line) for each, line in errors if each == name} for name in names}


def test_correct_code_has_no_errors(found):
    assert found["good"] == set()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_an_error(found, mistake):
    functions = [
        range(each.lineno, each.end_lineno + 1)
        for each in ast.parse((SNIPPETS / f"{mistake}.py").read_text()).body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(functions) == 3
    assert all(found[mistake].intersection(lines) for lines in functions)
    assert all(any(line in lines for lines in functions) for line in found[mistake])
