import re

import pytest

from classwaves_schemas.tables import INGESTOR_POSITIONS, SESSION_EVENTS
from classwaves_warehouse.databricks import statements

TEXTS = [
    statements.insert_rows(2),
    statements.row_outcomes(1),
    statements.UPDATE_POSITIONS,
    statements.SELECT_POSITIONS,
    statements.ACCEPT_TOPIC_ID,
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_part_is_filled_in_and_json_is_parsed_strictly(text):
    assert "$" not in text
    tolerant = re.findall(r"from_json\(:(?!partitions)\w+, '[^']*'\)", text)
    assert tolerant == []


def test_each_time_range_has_its_own_pair_of_parameters():
    assert set(re.findall(r":((?:from|until)_\d)", statements.insert_rows(2))) == {
        "from_0",
        "until_0",
        "from_1",
        "until_1",
    }
    assert set(re.findall(r":((?:from|until)_\d)", statements.row_outcomes(1))) == {
        "from_0",
        "until_0",
    }


def test_rows_are_inserted_by_the_column_names_of_the_contract():
    names = ", ".join(SESSION_EVENTS.column_names)
    assert f"INSERT ({names})" in statements.insert_rows(1)
    inserted = re.search(r"THEN INSERT \((.*?)\)", statements.UPDATE_POSITIONS, re.DOTALL)
    assert sorted(re.findall(r"\w+", inserted[1])) == sorted(INGESTOR_POSITIONS.column_names)
