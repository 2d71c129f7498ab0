import json
import re

import pytest
from jsonschema import Draft202012Validator

from classwaves_ingestor.dead_letters import headers
from classwaves_schemas.envelope import EventType
from classwaves_schemas.generate import ROOT, artefacts, drifted, main
from classwaves_schemas.topics import DEAD_LETTER_HEADERS, STUB_HEADERS
from classwaves_schemas.validation import Reason
from tests.support.payloads import EMITTED
from tests.unit.schemas.messages import message

GENERATED = ROOT / "generated"


def schema(event_type):
    return json.loads((GENERATED / f"json-schema/{event_type}.v1.json").read_text())


def test_the_generated_files_are_current(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_the_check_lists_drifted_files_and_generating_repairs_them(tmp_path, capsys):
    assert main([], folder=tmp_path) == 0
    (tmp_path / "generated/asyncapi.json").write_text("{}")
    (tmp_path / "generated/ddl/session_events.sql").unlink()
    (tmp_path / "generated/old.json").touch()
    assert drifted(tmp_path) == [
        "generated/asyncapi.json",
        "generated/ddl/session_events.sql",
        "generated/old.json",
    ]
    assert main(["--check"], folder=tmp_path) == 1
    assert "asyncapi.json differs from the contract" in capsys.readouterr().err
    assert main([], folder=tmp_path) == 0
    assert main(["--check"], folder=tmp_path) == 0


def test_generating_is_deterministic():
    assert artefacts() == artefacts()


@pytest.mark.parametrize("event_type", EventType)
def test_each_json_schema_is_valid(event_type):
    Draft202012Validator.check_schema(schema(event_type))


@pytest.mark.parametrize(("event_type", "payload"), EMITTED)
def test_every_known_payload_matches_its_json_schema(event_type, payload):
    validator = Draft202012Validator(schema(event_type))
    validator.validate(message(event_type, payload, displayName="Maya"))
    assert not validator.is_valid(message(event_type, "text"))
    assert not validator.is_valid(message("paused", payload))
    assert not validator.is_valid(message(event_type, payload, session_id=""))


def test_the_json_schema_marks_pseudonymised_ids():
    fields = schema("leader_ready")["$defs"]["LeaderReady"]["properties"]
    assert [name for name, field in fields.items() if "x-stored" in field] == ["leaderId"]


def test_the_asyncapi_document_resolves_and_has_every_type_and_reason():
    document = json.loads((GENERATED / "asyncapi.json").read_text())
    messages = document["components"]["messages"]
    assert messages.keys() == {*EventType, "dead_letter"}
    for event_type in EventType:
        assert (GENERATED / messages[event_type]["payload"]["$ref"]).is_file()
    assert set(
        messages["dead_letter"]["headers"]["properties"]["dead-letter-reason"]["enum"]
    ) == set(Reason)
    addresses = {name: channel["address"] for name, channel in document["channels"].items()}
    assert addresses == {
        "sessionEvents": "classwaves.session-events.v1",
        "deadLetters": "classwaves.session-events.v1.dead-letters",
    }


def test_the_documented_headers_are_the_written_ones():
    written = {
        value for name, value in vars(headers).items() if name.isupper() and name != "PREFIX"
    }
    assert written == {*DEAD_LETTER_HEADERS, *STUB_HEADERS}


def test_the_typescript_union_has_every_event_type():
    text = (GENERATED / "typescript/events.d.ts").read_text()
    assert re.findall(r'event_type: "(\w+)";', text) == list(EventType)
    assert "teacherNotes" not in text
