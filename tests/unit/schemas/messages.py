"""Nearly valid messages: hypothesis mutates real payloads in the ways that JSON allows."""

import json

from hypothesis import strategies as st

from tests.support.events import MISSING, event
from tests.support.payloads import EMITTED

EDGE_CASES = [
    *(
        "null",
        "true",
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1e2",
        "0.5",
        "1e400",
        "-1e400",
        "1e-400",
        "NaN",
        "Infinity",
        "01",
    ),
    *(
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "9" * 400,
    ),
    *(
        "9" * 5000,
        '""',
        '" "',
        '"x"',
        '"other"',
        '"ended"',
        '"use"',
        "[]",
        "{}",
        "[null]",
        "[1]",
        '[""]',
        "[{}]",
    ),
    *(
        r'"\ud800"',
        r'"\udc00\ud800"',
        r'"\ud83d\ude00"',
        r'"a\u0000b"',
        r'"a\nb"',
        '"a\nb"',
        '"a\x7fb"',
        '"a\x85b"',
    ),
    *(
        r'"a\u0085b"',
        '"Zoë"',
        '"x\\n"',
        '"x\\\\"',
        r'"\q"',
        f'"{"x" * 256}"',
        f'"{"x" * 257}"',
        f'"{"é" * 256}"',
    ),
    *(
        "[" * 40 + "]" * 40,
        "[" * 5000 + "]" * 5000,
        '{"a":' * 31 + "1" + "}" * 31,
        "[" * 29 + "]" * 29,
    ),
    '{"leaderId":"a","leaderId":1}',
    '{"groups":[{"memberIds":["a","a"],"leaderId":null},{"name":"A"}]}',
]
TIMES = [
    *(
        "2025-09-15T13:58:02Z",
        "2025-09-15t13:58:02z",
        "2025-09-15 13:58:02+02:00",
        "2025-09-15T13:58:02+0200",
    ),
    *(
        "2025-09-15T13:58:02.1234565Z",
        "2025-09-15T13:58:02.1234564999Z",
        "2025-09-15T13:58:59.9999999-23:59",
    ),
    *(
        "2025-09-15T13:58:02",
        "2025-09-15T13:58Z",
        "2025-09-15",
        "1757944682",
        "2025-09-15T13:58:02.Z",
    ),
    *(
        "2025-09-15T13:58:60Z",
        "2025-09-15T24:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-09-15T13:58:02+24:00",
    ),
    *(
        "2025-09-15T13:58:02+05:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "1999-12-31T23:59:59Z",
    ),
    *(
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-10:00",
        "2000-01-01T00:00:00+00:01",
        " 2025-09-15T13:58:02Z",
    ),
    *(
        "2025-W38-1T00:00:00Z",
        "20250915T135802Z",
        "2025-09-15T13:58:02,5Z",
        "\N{FULLWIDTH DIGIT TWO}025-09-15T13:58:02Z",
        "2025-09-15T13:58:02-00:00",
    ),
    "2025-09-15T13:58:02Z\\n",
]

type_name = st.sampled_from(sorted({name for name, _ in EMITTED}))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
times = st.sampled_from(TIMES) | st.from_regex(
    r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9][T t][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-][0-2][0-9]:?[0-6][0-9])?\Z"
)
edge_cases = (
    st.sampled_from(EDGE_CASES)
    | times.map(lambda text: f'"{text}"')
    | any_json.map(lambda value: json.dumps(value, ensure_ascii=False))
)


def message(event_type: str, payload: object, /, **changes: object) -> dict[str, object]:
    """A message with this payload, without trace id and schema version."""
    fields = {"event_type": event_type, "payload": payload, "number": 12}
    return event(**{**fields, "trace_id": MISSING, "schema_version": MISSING, **changes})


class Node:
    """JSON beyond a dict: repeated keys, and values that are not JSON."""

    def __init__(self, value: object) -> None:
        self.raw: str | None = None
        self.fields: list[tuple[str, Node]] = []
        self.items: list[Node] = []
        if isinstance(value, dict):
            self.fields = [(key, Node(each)) for key, each in value.items()]
        elif isinstance(value, list):
            self.items = [Node(each) for each in value]
        else:
            self.raw = json.dumps(value)
        self.is_object = isinstance(value, dict)

    def __str__(self) -> str:
        if self.raw is not None:
            return self.raw
        if self.is_object:
            return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in self.fields) + "}"
        return "[" + ",".join(map(str, self.items)) + "]"

    def descendants(self) -> list["Node"]:
        children = [value for _, value in self.fields] + self.items
        return [self, *(each for child in children for each in child.descendants())]


def _raw(text: str) -> Node:
    node = Node(None)
    node.raw = text
    return node


def _mutate(draw: st.DrawFn, root: Node) -> None:
    nodes = root.descendants()
    kind = draw(st.sampled_from(["replace", "remove", "add", "add", "repeat", "reorder", "rename"]))
    if kind == "replace":
        draw(st.sampled_from(nodes[1:] or nodes)).raw = draw(edge_cases)
        return
    node = draw(st.sampled_from([each for each in nodes if each.fields] or [root]))
    if not node.fields:
        node.raw = draw(edge_cases)
    elif kind == "remove":
        node.fields.pop(draw(st.integers(0, len(node.fields) - 1)))
    elif kind == "add":
        node.fields.append(
            (draw(st.sampled_from(["teacherNotes", "x", "name"])), _raw(draw(edge_cases)))
        )
    elif kind == "reorder":
        node.fields = draw(st.permutations(node.fields))
    else:
        index = draw(st.integers(0, len(node.fields) - 1))
        key, value = node.fields[index]
        if kind == "repeat":
            again = draw(edge_cases.map(_raw) | st.just(value))
            node.fields.insert(draw(st.integers(0, len(node.fields))), (key, again))
        else:
            node.fields[index] = (draw(st.sampled_from([key.upper(), key + " ", ""])), value)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message with up to three structural mutations and sometimes one of its bytes."""
    event_type, payload = draw(st.sampled_from(EMITTED))
    root = Node(message(event_type, payload))
    for _ in range(draw(st.integers(0, 3))):
        _mutate(draw, root)
    value = str(root).encode()
    if draw(st.integers(0, 9)) < 8:
        return value
    match draw(st.sampled_from(["insert", "cut", "before", "after"])):
        case "insert":
            at = draw(st.integers(0, len(value)))
            return value[:at] + draw(st.binary(min_size=1, max_size=2)) + value[at:]
        case "cut":
            return value[: draw(st.integers(0, len(value)))]
        case "before":
            return draw(st.sampled_from([b"\xef\xbb\xbf", b" \t\r\n", b"\x0b", b"x"])) + value
        case _:
            return value + draw(st.sampled_from([b" \n", b"{}", b"x", b"\x00", b","]))
