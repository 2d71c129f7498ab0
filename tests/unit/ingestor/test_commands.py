"""Commands of `ingestor` that need no service."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from classwaves_ingestor.cli import app
from classwaves_schemas.tables import DATABRICKS_TABLES

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
