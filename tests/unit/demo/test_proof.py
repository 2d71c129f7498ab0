import csv
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest

from demo.producer import path_of
from demo.proof import Proof, prove

SENT = [
    ("s1", "a", "", "intended"),
    ("s1", "a", "", "returned"),
    ("s1", "b", "", "acknowledged"),
    ("s1", "b", "", "acknowledged"),
    ("s2", "c", "", "refused"),
    ("s2", "d", "", "intended"),
]
SPOILT = [("s1", "a", "tombstone", "acknowledged")]
STORED = [("s1", "a", '{"leaderId":"p1_0"}'), ("s1", "b", "{}")]
DEAD_LETTERS = Counter(tombstone=1)
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("session_id", "id", "event_type", "source", "payload")]
)


@pytest.fixture
def proof_of(tmp_path):
    def prove_it(stored=STORED, sent=SENT, dead_letters=DEAD_LETTERS) -> Proof:
        with path_of(tmp_path, "pod-1").open("w", newline="") as lines:
            csv.writer(lines).writerows([*sent, *SPOILT])
        rows = [
            {"session_id": session, "id": id_, "event_type": "started", "payload": payload}
            for session, id_, payload in stored
        ]
        return prove(tmp_path, pa.Table.from_pylist(rows, SCHEMA), dead_letters)

    return prove_it


def test_all_that_was_acknowledged_is_there_once(proof_of):
    proof = proof_of()
    assert proof.holds
    assert (proof.expected, proof.returned, proof.repeats) == (2, 1, 1)


@pytest.mark.parametrize("event_id", ["c", "d"])
def test_an_event_that_was_not_answered_may_be_there_or_not(proof_of, event_id):
    assert proof_of().unanswered == 0
    proof = proof_of(stored=[*STORED, ("s2", event_id, "{}")])
    assert proof.holds
    assert (proof.unknown, proof.unanswered) == (0, 1)


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (STORED[:1], {"missing": 1}),
        (STORED[1:], {"missing": 1}),
        ([*STORED, STORED[0]], {"twice": 1}),
        ([*STORED, ("s1", "z", "{}")], {"unknown": 1}),
        ([STORED[0], ("s1", "b", '{"name":"O\'Neil"}')], {"named": 1}),
        ([STORED[0], ("s1", "b", '{"leaderId":"7d0f1f0e"}')], {"bare": 1}),
    ],
)
def test_each_fault_of_the_table_is_counted_and_ends_the_proof(proof_of, stored, what):
    proof = proof_of(stored=stored)
    assert not proof.holds
    assert replace(proof, **dict.fromkeys(what, 0)).holds
    assert {name: getattr(proof, name) for name in what} == what


@pytest.mark.parametrize("dead_letters", [Counter(), Counter(tombstone=2), Counter(not_json=1)])
def test_a_letter_too_few_or_too_many_or_with_another_reason_ends_the_proof(proof_of, dead_letters):
    assert not proof_of(dead_letters=dead_letters).holds


def test_a_proof_of_nothing_does_not_hold(proof_of):
    assert not proof_of(stored=[], sent=[("s2", "c", "", "refused")]).holds
