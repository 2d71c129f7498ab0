"""Finding damage in SQLite's write-ahead log that SQLite itself ignores.

https://www.sqlite.org/fileformat2.html#walformat
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the byte order of the checksums' words
_HEADER = struct.Struct(">IIII8sII")
_FRAME = struct.Struct(">II8sII")
_CHECKED_OF_HEADER = 24
_CHECKED_OF_FRAME = 8
_WORD = 0xFFFF_FFFF

_Checksum = tuple[int, int]


class _Frame(NamedTuple):
    commits: bool
    salts: bytes
    checksum: _Checksum
    checked: bytes


def wal_of(database: Path) -> Path:
    """The path of a database's log."""
    return Path(f"{database}-wal")


def is_damaged(wal: Path) -> bool:
    """Whether the log has complete transactions after the position where SQLite's recovery ends.

    A killed process leaves at most its last transaction incomplete, with nothing of the same log
    after it. Frames of a failed transaction may follow, but never its commit frame.

    Raises:
        OSError: the log cannot be read.
    """
    try:
        with wal.open("rb") as file:
            return _is_damaged(file)
    except FileNotFoundError:
        return False


def _is_damaged(file: BinaryIO) -> bool:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, _, page_size, _, salts, *expected = _HEADER.unpack(header)
    order = _MAGIC.get(magic)
    checksum = _sum(header[:_CHECKED_OF_HEADER], order, (0, 0)) if order else None
    if order is None or checksum != tuple(expected):
        return bool(file.read(_FRAME.size))
    sound = True
    for frame in _frames(file, page_size):
        ours = frame.salts == salts
        if sound:
            checksum = _sum(frame.checked, order, checksum) if ours else checksum
            sound = ours and checksum == frame.checksum
        elif ours and frame.commits:
            return True
    return False


def _frames(file: BinaryIO, page_size: int) -> Iterator[_Frame]:
    size = _FRAME.size + page_size
    while len(frame := file.read(size)) == size:
        _, pages, salts, *checksum = _FRAME.unpack_from(frame)
        yield _Frame(
            pages > 0,
            salts,
            (checksum[0], checksum[1]),
            frame[:_CHECKED_OF_FRAME] + frame[_FRAME.size :],
        )


def _sum(data: bytes, order: str, before: _Checksum) -> _Checksum:
    first, second = before
    for even, odd in struct.iter_unpack(f"{order}II", data):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second
