"""Writes records that confluent_kafka refuses to write, as producers in C and Go can send them."""

import socket
import struct
import time
from collections.abc import Sequence

RawHeaders = Sequence[tuple[bytes, bytes | None]]
"""Headers whose names are any bytes: the protocol says UTF-8, but brokers do not check it."""

_SECONDS = 30.0
_PRODUCE, _VERSION, _ACKS_ALL = 0, 7, -1
_CASTAGNOLI = 0x82F63B78


def produce_raw(
    servers: str,
    topic: str,
    partition: int,
    value: bytes | None,
    key: bytes | None,
    headers: RawHeaders,
    timestamp_ms: int | None = None,
) -> int:
    """Append one record and return its offset.

    Args:
        servers: host:port of the only broker, which leads the partition.
        topic: name of the topic.
        partition: partition number.
        value, key, headers: of the record.
        timestamp_ms: creation time; by default now.
    """
    created_ms = int(time.time() * 1000) if timestamp_ms is None else timestamp_ms
    batch = _batch(_record(key, value, headers), created_ms)
    request = (
        struct.pack(">hhi", _PRODUCE, _VERSION, 1)
        + _text("raw-producer")
        + struct.pack(">hhi", -1, _ACKS_ALL, int(_SECONDS * 1000))
        + struct.pack(">i", 1)
        + _text(topic)
        + struct.pack(">iii", 1, partition, len(batch))
        + batch
    )
    host, _, port = servers.rpartition(":")
    with socket.create_connection((host, int(port)), _SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = _receive(connection, *struct.unpack(">i", _receive(connection, 4)))
    start = 4 + 4 + len(_text(topic)) + 4 + 4
    error, offset = struct.unpack(">hq", answer[start : start + 10])
    assert error == 0, f"the broker refuses the record: error {error}"
    return int(offset)


def _record(key: bytes | None, value: bytes | None, headers: RawHeaders) -> bytes:
    framed = b"".join(_sized(name) + _sized(text) for name, text in headers)
    body = b"\0" + _varint(0) * 2 + _sized(key) + _sized(value) + _varint(len(headers)) + framed
    return _varint(len(body)) + body


def _batch(record: bytes, created_ms: int) -> bytes:
    """A record batch of magic 2 with one record, without compression and producer id."""
    checked = struct.pack(">hiqqqhii", 0, 0, created_ms, created_ms, -1, -1, -1, 1) + record
    rest = struct.pack(">ibI", 0, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(rest)) + rest


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _sized(content: bytes | None) -> bytes:
    return _varint(-1) if content is None else _varint(len(content)) + content


def _varint(number: int) -> bytes:
    rest, encoded = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])


def _crc32c(content: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _receive(connection: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        assert part, "the broker closed the connection"
        received += part
    return received
