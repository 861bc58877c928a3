"""Filters, paths, values and bodies that nobody means to send, half of them almost right.

Each function makes its choices with the `Random` that it is given, so a seed makes the same input again.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import quote

from scim.protocol.attributes import ENTERPRISE_USER, RESOURCE_TYPES, Attribute, Target
from scim.protocol.conditions import OPERATORS

TARGETS = {known.name: list(known.targets()) for known in RESOURCE_TYPES}
NAMES = sorted({str(target) for known in TARGETS.values() for target in known})
SOUND: dict[str, list[Any]] = {
    "string": ["a", "A", "é%", "work", "x" * 300],
    "boolean": [True, False],
    "integer": [0, -7, 10**6],
    "decimal": [0, 1.5],
    "dateTime": ["2026-01-01T00:00:00Z", "1999-12-31T23:59:59.5+02:00"],
    "binary": ["aGk=", ""],
    "reference": ["https://example.com/a", "b"],
}
SUBS = ["value", "type", "primary", "display", "$ref", "x"]
OPS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "pr", "is"]
LITERALS = [
    *(json.dumps(value) for values in SOUND.values() for value in values),
    *('"\\u0000"', '"\\ud800"', "'a'", "NaN", "[]", "null", "1e999", "9" * 26, '"True"', '"' + "x" * 3_000 + '"'),
]
NOISE = [
    "(",
    ")",
    "[",
    "]",
    '"',
    "\\",
    " and ",
    " or ",
    "not ",
    ".",
    ":",
    "\0",
    "%",
    "\u202e",
    "💥",
    "{",
    "}",
    "''",
    "$",
    ",",
]
PIECES = [*NAMES, *SUBS, *OPS, *LITERALS, *NOISE]


class Choices(Random):
    """Choices that the bytes of an input make, one after the other; 0 when there are none left.

    A fuzzer that changes a byte changes one choice. An input that begins with `TEXT` is a text: its second byte makes
    the first choice, and the text follows.
    """

    TEXT = b"="

    def __new__(cls, data: bytes) -> "Choices":
        return super().__new__(cls)

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.is_text = data.startswith(self.TEXT)
        self.text = data[2:].decode("utf-8", "replace") if self.is_text else ""
        self._bytes = iter(data[1:2] if self.is_text else data)

    def random(self) -> float:
        return next(self._bytes, 0) / 256

    def getrandbits(self, k: int, /) -> int:
        return int.from_bytes(bytes(next(self._bytes, 0) for _ in range(-(-k // 8))), "big") & ((1 << k) - 1)

    def _randbelow(self, n: int) -> int:
        return self.getrandbits(8 if n <= 256 else n.bit_length()) % n


def _attribute(random: Random) -> str:
    name = random.choice(NAMES)
    dotted = ".".join(name.rsplit(":", 1))
    return random.choice([name, name, name.upper(), name + ".value", name[:-1], f"{ENTERPRISE_USER}:{name}", dotted])


def _sound_test(random: Random, target: Target, name: str) -> str:
    leaf = target.leaf
    if leaf.is_complex:
        return f"{name} pr"
    op = random.choice([*sorted(OPERATORS[leaf.type]), "pr"])
    return f"{name} pr" if op == "pr" else f"{name} {op} {json.dumps(random.choice(SOUND[leaf.type]))}"


def sound_filter(random: Random, targets: Sequence[Target], depth: int = 3) -> str:
    """A filter that is right about each name, operator and type."""
    if depth and random.random() < 0.4:
        one, two = (sound_filter(random, targets, depth - 1) for _ in range(2))
        return random.choice([f"{one} and {two}", f"{one} or {two}", f"not ({one})", f"({one} or {two}) and {two}"])
    target = random.choice(targets)
    if target.attribute is None or target.attribute.returned == "never":
        return "id pr"
    if target.sub and target.attribute.multi_valued and random.random() < 0.5:
        return f"{Target(target.schema, target.attribute)}[{_sound_test(random, target, target.sub.name)}]"
    return _sound_test(random, target, str(target))


def filter_text(random: Random, kind: str, depth: int = 3) -> str:
    """A filter about users or groups (`kind`), half of the time a sound one."""
    if random.random() < 0.5:
        return sound_filter(random, TARGETS[kind], depth)
    match random.randrange(7) if depth else 6:
        case 0 | 1:
            word = random.choice(["and", "or", "AND", "xor"])
            return f"{filter_text(random, kind, depth - 1)} {word} {filter_text(random, kind, depth - 1)}"
        case 2:
            return f"not ({filter_text(random, kind, depth - 1)})"
        case 3:
            return f"({filter_text(random, kind, depth - 1)})"
        case 4:
            return f"{_attribute(random)}[{_inner(random)}]"
        case 5:
            return f"{_attribute(random)}[{_inner(random)}].{random.choice(SUBS)} {_tail(random)}"
    return f"{_attribute(random)} {_tail(random)}"


def _inner(random: Random) -> str:
    terms = [f"{random.choice(SUBS)} {_tail(random)}" for _ in range(random.randint(1, 3))]
    return random.choice([" and ", " or "]).join(terms)


def _tail(random: Random) -> str:
    op = random.choice(OPS)
    return op if op == "pr" else f"{op} {random.choice(LITERALS)}"


def mutated(random: Random, text: str, share: float = 0.3) -> str:
    """The text, in `share` of all cases with a few pieces of others in it or characters cut out."""
    if random.random() > share:
        return text
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(text))
        cut = random.randint(0, 4) if random.random() < 0.5 else 0
        text = text[:place] + random.choice(PIECES) + text[place + cut :]
    return text


def path_text(random: Random) -> str:
    """A path of a PATCH operation, perhaps of an attribute that does not exist."""
    path = random.choice([_attribute(random), f"{_attribute(random)}[{_inner(random)}]"])
    return path + random.choice(["", "", f".{random.choice(SUBS)}"])


def sound_value(random: Random, attribute: Attribute) -> Any:
    """A value that is right for an attribute."""
    if attribute.multi_valued:
        return [_sound_single(random, attribute) for _ in range(random.randint(0, 3))]
    return _sound_single(random, attribute)


def _sound_single(random: Random, attribute: Attribute) -> Any:
    if not attribute.is_complex:
        return random.choice(SOUND[attribute.type])
    subs = random.sample(attribute.sub_attributes, random.randint(1, len(attribute.sub_attributes)))
    return {sub.name: _sound_single(random, sub) for sub in subs}


def _sound_operation(random: Random, kind: str, ids: list[str]) -> Any:
    writable = [target for target in TARGETS[kind] if target.leaf.mutability == "readWrite" and target.attribute]
    target = random.choice(writable)
    op = random.choice(["add", "replace", "replace", "remove"])
    path = str(target)
    if target.attribute and target.attribute.multi_valued and target.sub and random.random() < 0.7:
        path = f'{Target(target.schema, target.attribute)}[type eq "work"].{target.sub.name}'
    if path == "members":
        return {"op": op, "path": path, "value": [{"value": random.choice(ids)}]}
    return {"op": op, "path": path, "value": sound_value(random, target.leaf)}


def value(random: Random, ids: list[str], depth: int = 3) -> Any:
    """Any JSON value; `ids` are those of resources."""
    kind = random.randrange(12) if depth else random.randrange(8)
    if kind < 8:
        simple = [None, True, False, 0, -7, 1.5, 10**30, "", "a", "True", "2026-01-01T00:00:00Z", "\x00", "é" * 50,
                  "x" * 5_000, random.choice(ids), "urn:x:y", "[]", "7", "1e999", "null", '{"a',
                  '[{"value": "a", "type": "work"}]', random.choice(ids).upper()]  # fmt: skip
        return random.choice(simple)
    if kind < 10:
        return [value(random, ids, depth - 1) for _ in range(random.randint(0, 3))]
    names = [random.choice([*NAMES, *SUBS, random.choice(PIECES)]) for _ in range(random.randint(0, 4))]
    return {name: value(random, ids, depth - 1) for name in names}


def operation(random: Random, kind: str, ids: list[str]) -> Any:
    """A PATCH operation, more often sound than not."""
    if random.random() < 0.6:
        return _sound_operation(random, kind, ids)
    if random.random() < 0.05:
        return value(random, ids)
    made: dict[str, Any] = {"op": random.choice(["add", "replace", "remove", "Add", "Remove", "move", None])}
    if random.random() < 0.8:
        made["path"] = mutated(random, path_text(random))
    if random.random() < 0.85:
        sent = value(random, ids)
        made["value"] = json.dumps(sent) if random.random() < 0.1 else sent
    return made


def resource_body(random: Random, kind: str, ids: list[str]) -> Any:
    """A user or group as a POST or PUT sends it, or another JSON value."""
    if random.random() < 0.3:
        return value(random, ids)
    body: dict[str, Any] = {"userName" if kind == "User" else "displayName": f"new{random.random()}"}
    for target in random.sample(TARGETS[kind], 5):
        if target.attribute and not target.sub and not target.schema and target.attribute.name != "members":
            body.setdefault(target.attribute.name, sound_value(random, target.attribute))
    if random.random() < 0.2:
        body[_attribute(random)] = value(random, ids)
    return body


def body_bytes(random: Random, document: Any) -> bytes:
    """A document as JSON, now and then damaged."""
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    return mutated(random, text, 0.15).encode("utf-8", "surrogatepass")


PARAMETERS = [
    *("attributes", "excludedAttributes", "sortBy", "sortOrder", "count", "startIndex"),
    *("cursor", "membersCursor", "membersCount"),
]


def query_string(random: Random) -> str:
    """Parameters of a list, but for the filter."""
    chosen = []
    for _ in range(random.randint(1, 4)):
        text = random.choice([_attribute(random), "", "0", "-5", "7", "descending", "9" * 30])
        chosen.append(f"{random.choice(PARAMETERS)}={quote(mutated(random, text), errors='surrogatepass')}")
    return "&".join(chosen)


def bulk_body(random: Random, kind: str, ids: list[str], methods: Sequence[str] = ("PATCH", "PUT", "GET")) -> Any:
    """A bulk request with writes of one type; `methods` are those of operations on what exists."""
    operations = []
    for _ in range(random.randint(0, 3)):
        path = random.choice([f"/{kind}s", f"/{kind}s", f"/{kind}s/{random.choice(ids)}", "/x"])
        method = "POST" if path.count("/") == 1 else random.choice(methods)
        data = resource_body(random, kind, ids)
        if method == "PATCH":
            data = {"Operations": [operation(random, kind, ids)]}
        operations.append({"method": method, "bulkId": random.choice(["a", "b", "c"]), "path": path, "data": data})
    return {"Operations": operations} | ({"failOnErrors": value(random, ids, 0)} if random.random() < 0.2 else {})
