"""The decode stage: messages → columns of session_events, and rejects that carry a reason.

An accepted message becomes a row with its declared fields only. A refused message becomes a reject
and does not affect the others. No content of a message is logged.
"""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

import msgspec
import pyarrow as pa

from classwaves_ingestor.kafka.headers import read_headers
from classwaves_ingestor.kafka.interface import Message
from classwaves_schemas.dropped import undeclared
from classwaves_schemas.envelope import EARLIEST_EVENT_TIME, MAX_AHEAD, Envelope
from classwaves_schemas.fastpath import Event, parse
from classwaves_schemas.redaction import redact
from classwaves_schemas.validation import Reason, Rejection, explain
from classwaves_warehouse.batch import ROWS

_NAMES = tuple(name for name in Envelope.model_fields if name != "payload")
_FIELDS = attrgetter(*_NAMES)
_REJECT_BYTES = 1024
"""An upper bound of what a reject takes beside its key, value, headers and detail."""
_HEADER_BYTES = 80
"""An upper bound of what a header takes beside its name and value."""
_UNEXPLAINED = Rejection(Reason.INVALID_VALUE, "The message does not match the contract.")


@dataclass(frozen=True, slots=True)
class Reject:
    """A message that the contract refuses, with the reason."""

    message: Message
    rejection: Rejection

    @property
    def bytes(self) -> int:
        """An upper bound of its memory, with the message's key, value and headers."""
        message = self.message
        parts: list[object] = [message.key(), message.value(), self.rejection.detail]
        headers = read_headers(message) or ()
        for header in headers:
            parts += header
        return _REJECT_BYTES + _HEADER_BYTES * len(headers) + sum(map(sys.getsizeof, parts))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded messages: each is a row or a reject.

    Args:
        rows: Arrow schema of session_events, in the messages' order.
        rejects: in the messages' order.
        dropped: by declared path, the fields that are undeclared or not stored.
    """

    rows: pa.Table
    rejects: Sequence[Reject] = ()
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def bytes(self) -> int:
        """An upper bound of the memory of rows and rejects."""
        # Columns without rows have small buffers too, and a table without rows is not kept.
        columns = int(self.rows.get_total_buffer_size()) if self.rows.num_rows else 0
        return columns + sum(each.bytes for each in self.rejects)


class Decoder:
    """Decodes the messages of one topic.

    Args:
        topic_id: id of the topic, written to each row.
        pseudonymise: replaces a pupil's id. None without a key: such ids are dropped and counted.
    """

    def __init__(self, topic_id: str, pseudonymise: Callable[[str], str] | None) -> None:
        self._topic_id = topic_id
        self._pseudonymise = pseudonymise
        self._encode = msgspec.json.Encoder().encode

    def decode(self, messages: Sequence[Message], now: datetime) -> Decoded:
        """Decode messages; each becomes a row or a reject.

        Args:
            messages: of any partitions, in order of arrival.
            now: aware time; the limit for future event times, and the rows' created_at.
        """
        kept: list[Message] = []
        events: list[Event] = []
        payloads: list[bytes] = []
        rejects: list[Reject] = []
        dropped: Counter[str] = Counter()
        latest = now + MAX_AHEAD
        for message in messages:
            value = message.value()
            found = parse(value) if value else None
            if found is None or not EARLIEST_EVENT_TIME <= found[0].event_time <= latest:
                rejects.append(Reject(message, explain(value, now) or _UNEXPLAINED))
                continue
            event, whole = found
            if whole is not None:
                dropped.update(undeclared(event.event_type, whole))
            payload = redact(event.payload, self._pseudonymise)
            if payload.dropped:
                dropped.update(payload.dropped)
            kept.append(message)
            events.append(event)
            payloads.append(self._encode(payload.payload))
        return Decoded(self._rows(kept, events, payloads, now), rejects, dropped)

    def _rows(
        self,
        messages: Sequence[Message],
        events: Sequence[Event],
        payloads: Sequence[bytes],
        now: datetime,
    ) -> pa.Table:
        columns = zip(*map(_FIELDS, events), strict=True) if events else ((),) * len(_NAMES)
        return pa.table(
            {
                **dict(zip(_NAMES, columns, strict=True)),
                "payload": payloads,
                "created_at": pa.repeat(pa.scalar(now, ROWS.field("created_at").type), len(events)),
                "kafka_topic_id": pa.repeat(self._topic_id, len(events)),
                "kafka_partition": [message.partition() for message in messages],
                "kafka_offset": [message.offset() for message in messages],
            },
            schema=ROWS,
        )
