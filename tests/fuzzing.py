"""Requests that nobody means to send: filters, paths, bodies and queries, half of them almost right.

Everything follows from a seed, so what was found can be sent again.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from scim.protocol.attributes import ENTERPRISE_USER, RESOURCE_TYPES, Attribute, Target
from scim.protocol.conditions import OPERATORS
from scim.protocol.patch import PATCH_SCHEMA

TARGETS = {known.name: list(known.targets()) for known in RESOURCE_TYPES}
NAMES = sorted({str(target) for known in TARGETS.values() for target in known})
SOUND = {
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


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes | None


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


def _filter(random: Random, kind: str, depth: int = 3) -> str:
    if random.random() < 0.5:
        return sound_filter(random, TARGETS[kind], depth)
    match random.randrange(7) if depth else 6:
        case 0 | 1:
            word = random.choice(["and", "or", "AND", "xor"])
            return f"{_filter(random, kind, depth - 1)} {word} {_filter(random, kind, depth - 1)}"
        case 2:
            return f"not ({_filter(random, kind, depth - 1)})"
        case 3:
            return f"({_filter(random, kind, depth - 1)})"
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


def _mutated(random: Random, text: str, share: float = 0.3) -> str:
    if random.random() > share:
        return text
    for _ in range(random.randint(1, 3)):
        place = random.randint(0, len(text))
        cut = random.randint(0, 4) if random.random() < 0.5 else 0
        text = text[:place] + random.choice(PIECES) + text[place + cut :]
    return text


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


def _value(random: Random, ids: list[str], depth: int = 3) -> Any:
    kind = random.randrange(12) if depth else random.randrange(8)
    if kind < 8:
        simple = [None, True, False, 0, -7, 1.5, 10**30, "", "a", "True", "2026-01-01T00:00:00Z", "\x00", "é" * 50,
                  "x" * 5_000, random.choice(ids), "urn:x:y", "[]", "7", "1e999", "null", '{"a',
                  '[{"value": "a", "type": "work"}]', random.choice(ids).upper()]  # fmt: skip
        return random.choice(simple)
    if kind < 10:
        return [_value(random, ids, depth - 1) for _ in range(random.randint(0, 3))]
    names = [random.choice([*NAMES, *SUBS, random.choice(PIECES)]) for _ in range(random.randint(0, 4))]
    return {name: _value(random, ids, depth - 1) for name in names}


def _operation(random: Random, kind: str, ids: list[str]) -> Any:
    if random.random() < 0.6:
        return _sound_operation(random, kind, ids)
    if random.random() < 0.05:
        return _value(random, ids)
    operation: dict[str, Any] = {"op": random.choice(["add", "replace", "remove", "Add", "Remove", "move", None])}
    if random.random() < 0.8:
        path = random.choice([_attribute(random), f"{_attribute(random)}[{_inner(random)}]"])
        path += random.choice(["", "", f".{random.choice(SUBS)}"])
        operation["path"] = _mutated(random, path)
    if random.random() < 0.85:
        value = _value(random, ids)
        operation["value"] = json.dumps(value) if random.random() < 0.1 else value
    return operation


def _resource(random: Random, kind: str, ids: list[str]) -> Any:
    if random.random() < 0.3:
        return _value(random, ids)
    body: dict[str, Any] = {"userName" if kind == "User" else "displayName": f"new{random.random()}"}
    for target in random.sample(TARGETS[kind], 5):
        if target.attribute and not target.sub and not target.schema and target.attribute.name != "members":
            body.setdefault(target.attribute.name, sound_value(random, target.attribute))
    if random.random() < 0.2:
        body[_attribute(random)] = _value(random, ids)
    return body


def _body(random: Random, document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    return _mutated(random, text, 0.15).encode("utf-8", "surrogatepass")


PARAMETERS = [
    *("attributes", "excludedAttributes", "sortBy", "sortOrder", "count", "startIndex"),
    *("cursor", "membersCursor", "membersCount"),
]


def _query(random: Random) -> str:
    chosen = []
    for _ in range(random.randint(1, 4)):
        text = random.choice([_attribute(random), "", "0", "-5", "7", "descending", "9" * 30])
        chosen.append(f"{random.choice(PARAMETERS)}={quote(_mutated(random, text), errors='surrogatepass')}")
    return "&".join(chosen)


def _bulk(random: Random, kind: str, ids: list[str]) -> Any:
    operations = []
    for _ in range(random.randint(0, 3)):
        path = random.choice([f"/{kind}s", f"/{kind}s", f"/{kind}s/{random.choice(ids)}", "/x"])
        method = "POST" if path.count("/") == 1 else random.choice(["PATCH", "PUT", "GET"])
        data = _resource(random, kind, ids)
        if method == "PATCH":
            data = {"Operations": [_operation(random, kind, ids)]}
        operations.append({"method": method, "bulkId": random.choice(["a", "b", "c"]), "path": path, "data": data})
    return {"Operations": operations} | ({"failOnErrors": _value(random, ids, 0)} if random.random() < 0.2 else {})


def requests(seed: int, count: int, ids: dict[str, list[str]]) -> Iterator[Request]:
    """`count` requests about resources by the name of their type; nothing is deleted."""
    random = Random(seed)
    known = [*ids["User"], *ids["Group"], "none"]
    for _ in range(count):
        kind = random.choice(["User", "Group"])
        one = f"/{kind}s/{random.choice(ids[kind])}"
        match random.randrange(10):
            case 0 | 1 | 2:
                text = quote(_mutated(random, _filter(random, kind)), errors="surrogatepass")
                yield Request("GET", f"{random.choice([f'/{kind}s', f'/{kind}s', ''])}?filter={text}&count=5", None)
            case 3:
                yield Request("GET", f"{random.choice([f'/{kind}s', one, ''])}?{_query(random)}", None)
            case 4:
                yield Request("POST", f"/{kind}s", _body(random, _resource(random, kind, known)))
            case 5:
                body = {"filter": _filter(random, kind), "count": 2}
                body |= {random.choice(PARAMETERS): _value(random, known)} if random.random() < 0.3 else {}
                yield Request("POST", random.choice(["/.search", f"/{kind}s/.search"]), _body(random, body))
            case 6:
                yield Request("POST", "/Bulk", _body(random, _bulk(random, kind, known)))
            case 7:
                yield Request("PUT", one, _body(random, _resource(random, kind, known)))
            case _:
                operations = [_operation(random, kind, known) for _ in range(random.randint(0, 4))]
                yield Request("PATCH", one, _body(random, {"schemas": [PATCH_SCHEMA], "Operations": operations}))
