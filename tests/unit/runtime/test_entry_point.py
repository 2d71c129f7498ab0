import os
import subprocess
import sys
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classwaves_runtime.entry_point import ALLOCATORS, needs_extras, one_line_errors, run_command
from classwaves_runtime.errors import ClassWavesError, ExtraMissing, SettingsError

RUN_OVEN = """
import sys
from classwaves_runtime.entry_point import run_command
sys.path.insert(0, sys.argv[1])
run_command("oven", "oven_cli", ())
"""
READ_A_FILE = """
import sys
import pyarrow as pa
import pyarrow.dataset as ds
def app():
    rows = ds.dataset(sys.argv[1] + "/numbers.parquet").to_table()
    name = pa.default_memory_pool().backend_name
    print(name, pa.mimalloc_memory_pool().max_memory())
"""


@pytest.mark.parametrize(
    ("error", "code"), [(ClassWavesError("no\nluck"), 1), (SettingsError("no\nluck"), 2)]
)
def test_a_classwaves_error_is_one_line_and_an_exit_code(capsys, error, code):
    with pytest.raises(SystemExit) as exit_, one_line_errors():
        raise error
    assert exit_.value.code == code
    assert capsys.readouterr().err == "no luck\n"


def test_another_error_is_not_caught():
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError


def test_the_default_message_of_an_error_is_its_docstring():
    assert str(SettingsError()) == "A setting is missing or wrong."


@pytest.mark.parametrize(
    ("extras", "line"),
    [
        (
            ["consumer"],
            "oven needs the extra 'consumer': pip install 'classwaves-ingestor[consumer]'",
        ),
        (
            ["consumer", "rollup"],
            "oven needs the extras 'consumer' and 'rollup': "
            "pip install 'classwaves-ingestor[consumer,rollup]'",
        ),
    ],
)
def test_a_command_without_its_extras_prints_one_line(capsys, tmp_path, monkeypatch, extras, line):
    (tmp_path / "oven_cli.py").write_text("import a_package_of_no_one")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        run_command("oven", "oven_cli", extras)
    assert exit_.value.code == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_a_missing_module_of_ours_is_not_a_missing_extra():
    with pytest.raises(ModuleNotFoundError), needs_extras("oven", ["consumer"]):
        raise ModuleNotFoundError(name="classwaves_runtime.oven")


def test_a_missing_extra_is_an_error_of_ours():
    with pytest.raises(ExtraMissing), needs_extras("oven", ["consumer"]):
        raise ModuleNotFoundError(name="typer")


def test_arrow_allocates_with_malloc_everywhere_in_a_command(tmp_path):
    """The pool of Python's own calls is another one than that of Arrow's readers of files."""
    pq.write_table(pa.table({"number": range(1_000_000)}), tmp_path / "numbers.parquet")
    (tmp_path / "oven_cli.py").write_text(READ_A_FILE)
    result = subprocess.run(
        [sys.executable, "-c", RUN_OVEN, str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name not in ALLOCATORS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "system 0\n"


def test_an_allocator_that_an_operator_chose_stays(monkeypatch):
    """Whatever the value, and processes that the command starts have it too."""
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    monkeypatch.setitem(sys.modules, "oven_cli", SimpleNamespace(app=lambda: None))
    run_command("oven", "oven_cli", ())
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "jemalloc"
