"""Writes the contracts in other languages, or checks that the written ones are current.

`python -m classwaves_schemas.generate [--check]`, in a checkout.
"""

import argparse
import json
import sys
from pathlib import Path

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.ddl import create_table
from classwaves_schemas.envelope import SCHEMA_VERSION, EventType
from classwaves_schemas.generators.asyncapi import document
from classwaves_schemas.generators.json_schema import event_schema
from classwaves_schemas.generators.python_types import python_types
from classwaves_schemas.generators.typescript import declarations
from classwaves_schemas.tables import DATABRICKS_TABLES, TABLES, Table

ROOT = Path(__file__).parent.parent
_GENERATED = "generated"
"""The folder that holds generated files only."""


def artefacts() -> dict[str, str]:
    """Every generated text by its path below `schemas`."""
    return (
        {
            f"{_GENERATED}/json-schema/{each}.v{SCHEMA_VERSION}.json": _json(event_schema(each))
            for each in EventType
        }
        | {
            f"{_GENERATED}/asyncapi.json": _json(document()),
            f"{_GENERATED}/typescript/events.d.ts": declarations(),
            "classwaves_schemas/emit_types.py": python_types(),
        }
        | {f"{_GENERATED}/arrow/{table.name}.json": _json(_arrow(table)) for table in TABLES}
        | {
            f"{_GENERATED}/ddl/{table.name}.sql": f"{create_table(table)};\n"
            for table in DATABRICKS_TABLES
        }
    )


def drifted(folder: Path) -> list[str]:
    """Paths below a folder that are missing, differ, or are no longer generated."""
    current = artefacts()
    written = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in [*(folder / _GENERATED).rglob("*"), *(folder / name for name in current)]
        if path.is_file()
    }
    return sorted(
        name for name in current.keys() | written.keys() if current.get(name) != written.get(name)
    )


def write(folder: Path) -> None:
    """Write the generated texts below a folder, and delete files that are no longer generated."""
    current = artefacts()
    for name in drifted(folder):
        path = folder / name
        if name in current:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(current[name], encoding="utf-8")
        else:
            path.unlink()


def main(arguments: list[str] | None = None, folder: Path = ROOT) -> int:
    """The command; 1 if --check found a drift."""
    parser = argparse.ArgumentParser(
        prog="python -m classwaves_schemas.generate", description=__doc__
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file differs"
    )
    if not parser.parse_args(arguments).check:
        write(folder)
        return 0
    names = drifted(folder)
    for name in names:
        sys.stderr.write(f"{folder / name} differs from the contract; run `make schemas`.\n")
    return 1 if names else 0


def _arrow(table: Table) -> list[dict[str, object]]:
    return [
        {"name": each.name, "type": str(each.type), "nullable": each.nullable}
        for each in arrow_schema(table)
    ]


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
