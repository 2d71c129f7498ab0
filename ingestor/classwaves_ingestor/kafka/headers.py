"""Reading the headers of a message, whose names may be any bytes.

Kafka defines a name as UTF-8 and does not check it; clients in C and Go send what they are given.
"""

from operator import methodcaller
from typing import Final

from classwaves_ingestor.kafka.interface import Headers, Message

_UNREADABLE: Final[Headers] = []

# Not `message.headers()`. confluent_kafka returns a list and sets an exception as well. CPython
# notices that only in a call from C: the interpreter's own, once specialised, raises the exception
# at any later instruction.
_headers = methodcaller("headers")


def read_headers(message: Message) -> Headers | None:
    """The headers of a message, empty if it has none; None if the name of one is not UTF-8.

    confluent_kafka fails at the first read of such headers. At the next read it returns a list
    with null pointers, whose use can end the process. The list is therefore replaced after the
    first read.
    """
    try:
        headers: Headers | None = _headers(message)
    except (SystemError, UnicodeDecodeError):
        message.set_headers(_UNREADABLE)
        return None
    return None if headers is _UNREADABLE else headers or ()
