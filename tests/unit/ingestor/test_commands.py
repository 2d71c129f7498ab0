"""Commands of `ingestor` that need no service."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from classwaves_ingestor.cli import app
from classwaves_schemas.tables import DATABRICKS_TABLES, TABLES
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import TableUpkeep
from classwaves_warehouse.memory.upkeep import MemoryUpkeep
from tests.support.upkeep_behaviour import COMMITS, fill

ENVIRONMENT = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "WAREHOUSE": "memory:"}


def test_ddl_prints_a_statement_for_each_table_in_the_named_catalog():
    result = CliRunner().invoke(app, ["tables", "ddl", "--catalog", "school"])
    assert result.exit_code == 0
    for table in DATABRICKS_TABLES:
        assert f"CREATE TABLE IF NOT EXISTS school.{table.qualified_name} (" in result.output
    assert result.output.count(";\n") == len(DATABRICKS_TABLES)


@pytest.mark.parametrize("content", [None, b"too short"], ids=["missing", "too short"])
def test_run_refuses_an_unusable_pseudonym_key_before_it_asks_a_broker(tmp_path, content):
    key_file = tmp_path / "pseudonym.key"
    if content is not None:
        key_file.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "classwaves_ingestor", "run"],
        env={**os.environ, **ENVIRONMENT, "PSEUDONYM_KEY_FILE": str(key_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = [each for each in done.stderr.splitlines() if not each.startswith("{")]
    assert "PSEUDONYM_KEY_FILE: The pseudonym key file" in line
    assert str(key_file) in line


def test_upkeep_prints_a_line_for_each_table(monkeypatch, tmp_path):
    monkeypatch.setenv("WAREHOUSE", f"delta:{tmp_path}")
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    fill(warehouse)
    done = CliRunner().invoke(app, ["upkeep"])
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        f"analytics.session_events: {COMMITS} files before, 1 after; 1 groups with {2 * COMMITS} "
        "rows rewritten, 0 lost; 0 old files and 0 log entries deleted",
        *(
            f"{table.qualified_name}: 0 files before, 0 after; 0 groups with 0 rows rewritten, "
            "0 lost; 0 old files and 0 log entries deleted"
            for table in TABLES[1:]
        ),
    ]


@pytest.mark.parametrize(
    ("answer", "code", "last"),
    [
        (WarehouseUnavailable("the store did not answer"), 1, None),
        ([TableUpkeep("a.b", groups=1, rows=5)], 0, "a.b: 1 groups with 5 rows rewritten"),
        ([TableUpkeep("a.b", unfinished=True)], 0, "There is more to rewrite: run `ingestor upk"),
    ],
    ids=["failed", "files unknown", "unfinished"],
)
def test_upkeep_reports_what_it_could_do(monkeypatch, answer, code, last):
    def run_once(_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setenv("WAREHOUSE", "memory:")
    monkeypatch.setattr(MemoryUpkeep, "run_once", run_once)
    done = CliRunner().invoke(app, ["upkeep"])
    assert done.exit_code == code
    assert done.stderr.strip() == (str(answer) if code else "")
    if last is not None:
        assert done.stdout.splitlines()[-1].startswith(last)
    printed = json.loads(CliRunner().invoke(app, ["upkeep", "--json"]).stdout)
    assert printed["error"] == (str(answer) if code else None)
    assert len(printed["tables"]) == (0 if code else 1)
