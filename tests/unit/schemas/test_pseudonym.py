import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_schemas.errors import PseudonymKeyError
from classwaves_schemas.pseudonym import Pseudonymiser, is_pseudonym

KEY = bytes(range(32))


def test_a_pseudonym_is_the_first_half_of_an_hmac():
    assert (
        Pseudonymiser(KEY)("pupil")
        == f"p1_{hmac.new(KEY, b'pupil', hashlib.sha256).hexdigest()[:32]}"
    )


@given(st.text(max_size=20), st.text(max_size=20))
def test_pseudonyms_are_equal_exactly_if_the_ids_are(one, other):
    pseudonymise = Pseudonymiser(KEY)
    assert is_pseudonym(pseudonymise(one))
    assert (pseudonymise(one) == pseudonymise(other)) == (one == other)


def test_another_key_makes_another_pseudonym():
    assert Pseudonymiser(KEY)("pupil") != Pseudonymiser(KEY[::-1])("pupil")


def test_a_pseudonym_is_kept_and_a_lookalike_is_not():
    pseudonymise = Pseudonymiser(KEY)
    made = pseudonymise("pupil")
    assert pseudonymise(made) == made
    for other in (made + "\n", made.upper(), made[:-1], "p1_" + "g" * 32):
        assert pseudonymise(other) != other


def test_a_short_key_is_refused_with_its_length():
    with pytest.raises(PseudonymKeyError, match="31 bytes"):
        Pseudonymiser(KEY[:31])


def test_a_key_file_may_end_with_a_newline(tmp_path):
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32 + b"\n")
    assert Pseudonymiser.from_file(file)("pupil") == Pseudonymiser(b"k" * 32)("pupil")


@pytest.mark.parametrize("content", [b"", b" " * 40, b"k" * 31 + b"\n"])
def test_a_short_key_file_is_refused_by_its_path(tmp_path, content):
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(PseudonymKeyError, match=str(file)):
        Pseudonymiser.from_file(file)


def test_a_key_file_that_cannot_be_read_is_refused_by_its_path(tmp_path):
    for file in (tmp_path, tmp_path / "none"):
        with pytest.raises(PseudonymKeyError, match=f"{file} cannot be read"):
            Pseudonymiser.from_file(file)


def test_the_repr_shows_neither_the_key_nor_an_id():
    pseudonymise = Pseudonymiser(b"k" * 32)
    pseudonymise("pupil")
    assert "kkkk" not in repr(pseudonymise)
    assert "pupil" not in repr(pseudonymise)
    with pytest.raises(PseudonymKeyError) as refused:
        Pseudonymiser(b"kkkk")
    assert "kkkk" not in str(refused.value)


def test_the_default_message_of_an_error_says_what_to_do():
    assert "32 random bytes" in str(PseudonymKeyError())
