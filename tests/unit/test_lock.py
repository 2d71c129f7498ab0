import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

_ROOT = Path(__file__).parents[2]
_LOCK = (_ROOT / "requirements" / "dev.txt").read_text()
_PYPROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_PINS = [Requirement(line) for line in re.findall(r"^([a-z0-9].*?) \\$", _LOCK, re.MULTILINE)]
_REQUIREMENTS = [
    *_PYPROJECT["build-system"]["requires"],
    *_PYPROJECT["project"]["dependencies"],
    *(
        requirement
        for extra in _PYPROJECT["project"]["optional-dependencies"].values()
        for requirement in extra
    ),
]


@pytest.mark.parametrize(
    "text", [text for text in _REQUIREMENTS if not text.startswith("classwaves-ingestor")]
)
def test_each_requirement_is_pinned_within_its_range(text: str):
    requirement = Requirement(text)
    pins = [pin for pin in _PINS if pin.name == requirement.name]
    assert pins
    assert all(
        requirement.specifier.contains(str(pin.specifier).removeprefix("==")) for pin in pins
    )


def test_the_lock_contains_no_host():
    assert "://" not in _LOCK
    assert not re.search(r"^-", _LOCK, re.MULTILINE)


def test_every_pin_has_a_hash():
    blocks = re.split(r"\n(?=\S)", _LOCK)
    assert len(blocks) == len(_PINS)
    assert all("--hash=sha256:" in block for block in blocks)
