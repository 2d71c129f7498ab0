"""Where figures are kept: one JSON file a benchmark, beside the conditions under which they were measured."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")


def record(name: str, conditions: Mapping[str, str], figures: Mapping[str, Any]) -> None:
    """Write the latest figures of a benchmark in place of the earlier ones; the history of the file keeps those."""
    FOLDER.mkdir(exist_ok=True)
    document = {"conditions": conditions, **figures}
    (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")
