import pytest

from classwaves_runtime.entry_point import needs_extras, one_line_errors, run_command
from classwaves_runtime.errors import ClassWavesError, ExtraMissing, SettingsError


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
