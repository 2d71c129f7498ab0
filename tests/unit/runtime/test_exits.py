import pytest

from classwaves_runtime.errors import ServiceError, SettingsError
from classwaves_runtime.exits import one_line_errors


@pytest.mark.parametrize(
    ("error", "code"), [(ServiceError("no\nluck"), 1), (SettingsError("no\nluck"), 2)]
)
def test_an_error_of_ours_is_one_line_and_an_exit(capsys, error, code):
    with pytest.raises(SystemExit) as exit_, one_line_errors():
        raise error
    assert exit_.value.code == code
    assert capsys.readouterr().err == "no luck\n"


def test_an_error_of_others_is_left_alone():
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError


def test_an_error_without_a_message_says_what_its_class_says():
    assert str(SettingsError()) == "A setting is missing or wrong."
