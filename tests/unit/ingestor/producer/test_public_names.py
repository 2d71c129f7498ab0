import inspect
import re
import subprocess
import sys

import classwaves_ingestor.producer
from classwaves_schemas import emit_types
from classwaves_schemas.envelope import EventType
from classwaves_schemas.payloads import PAYLOADS

IMPORT = """
import sys

import classwaves_ingestor.producer

heavy = "msgspec pyarrow numpy deltalake duckdb typer rich tenacity xxhash"
print(*sorted({name.partition(".")[0] for name in sys.modules}.intersection(heavy.split())))
"""


def test_the_public_names_are_as_listed():
    assert set(classwaves_ingestor.producer.__all__) == {
        "AsyncEventPublisher",
        "Configured",
        "ConfiguredFields",
        "DeliveryPolicy",
        "Ended",
        "EndedFields",
        "EventPublisher",
        "EventTooLarge",
        "EventType",
        "InvalidEvent",
        "LeaderReady",
        "LeaderReadyFields",
        "MemberJoin",
        "MemberJoinFields",
        "MemberLeave",
        "MemberLeaveFields",
        "MemoryTransport",
        "PromptInteraction",
        "PromptInteractionFields",
        "PseudonymKeyError",
        "PublisherClosed",
        "PublisherError",
        "PublisherSettings",
        "QueueFull",
        "SettingsError",
        "SpoolFull",
        "SpoolUnavailable",
        "Started",
        "StartedFields",
    }
    assert all(
        hasattr(classwaves_ingestor.producer, name) for name in classwaves_ingestor.producer.__all__
    )


def test_every_payload_is_a_public_name():
    assert {payload.__name__ for payload in PAYLOADS.values()} <= set(
        classwaves_ingestor.producer.__all__
    )


def test_a_type_checker_knows_every_event_type():
    overloads = re.findall(r'event_type: Literal\["(\w+)", ', inspect.getsource(emit_types))
    assert overloads == list(EventType)


def test_the_import_of_the_sdk_loads_no_heavy_packages():
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == []
