import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_ROOT = Path(__file__).parents[2]
_LOCK = (_ROOT / "requirements" / "dev.txt").read_text()
_PYPROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_PINS = [Requirement(line) for line in re.findall(r"^([a-z0-9].*?) \\$", _LOCK, re.MULTILINE)]
_WANTED = [
    *_PYPROJECT["build-system"]["requires"],
    *_PYPROJECT["project"]["dependencies"],
    *(
        wanted
        for extra in _PYPROJECT["project"]["optional-dependencies"].values()
        for wanted in extra
    ),
]


@pytest.mark.parametrize(
    "wanted", [wanted for wanted in _WANTED if not wanted.startswith("classwaves-ingestor")]
)
def test_what_the_project_wants_is_pinned_within_its_range(wanted: str):
    requirement = Requirement(wanted)
    pins = [pin for pin in _PINS if pin.name == requirement.name]
    assert pins
    assert all(
        requirement.specifier.contains(str(pin.specifier).removeprefix("==")) for pin in pins
    )


def test_the_lock_names_no_host():
    assert "://" not in _LOCK
    assert not re.search(r"^-", _LOCK, re.MULTILINE)


def test_every_pin_has_a_hash():
    blocks = re.split(r"\n(?=\S)", _LOCK)
    assert len(blocks) == len(_PINS)
    assert all("--hash=sha256:" in block for block in blocks)
