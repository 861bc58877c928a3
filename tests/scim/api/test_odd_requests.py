"""Parameters and bodies that nobody means to send: no SCIM request is answered 5xx (L5)."""

from urllib.parse import quote, quote_from_bytes

import pytest

from providers import request_log
from providers.events import SYSTEM
from providers.schemas import add_schema
from tests.factories import make_group, make_user

URN = "urn:example:params:scim:schemas:extension:odd:1.0:User"
KINDS = ["integer", "decimal", "dateTime", "boolean", "string", "reference", "binary"]
NUMBERS = [
    "-1",
    "0",
    "9223372036854775808",
    "9" * 40,
    "9" * 5_000,
    "-" + "9" * 5_000,
    "1e999",
    "-1e999",
    "1e-999",
    "٣",
    "+7",
]
TIMES = [
    "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+14:00", "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z", "2026-01-01T00:00:00+99:99", "2026-02-30T00:00:00Z", "275760-09-13T00:00:00Z",
]  # fmt: skip
TEXTS = ["\0", "%", "\\", "'", "\u202e", "[]", "{}", "a" * 9_000, "a.b.c.d", "urn:", ".", "$ref"]
RAW = [b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x82", b"%2", b"\xff"]
PARAMETERS = ["startIndex", "count", "cursor", "sortBy", "sortOrder", "attributes", "excludedAttributes"]


@pytest.fixture
def person(provider):
    """A user of a provider whose schema extension has an attribute of each kind."""
    attributes = [{"name": f"odd{kind}", "type": kind} for kind in KINDS]
    add_schema(provider, {"id": URN, "name": "Odd", "attributes": attributes}, SYSTEM)
    found = make_user(provider, "jane@x", title="x")
    make_group(provider, "g", [found])
    return found


def is_answered(answer):
    assert answer.status_code < 500, answer.content
    request_log.writer.flush()
    return answer


@pytest.mark.parametrize("name", PARAMETERS)
def test_l5_odd_parameters_are_answered(client, person, name):
    for value in [*NUMBERS, *TIMES, *TEXTS]:
        is_answered(client.request("GET", f"/Users?{name}={quote(value)}"))
        is_answered(client.post("/Users/.search", {name: value}))
    for raw in RAW:
        is_answered(client.request("GET", f"/Users?{name}={quote_from_bytes(raw)}"))
    for value in (None, True, [], {}, [[]], [None], 2**70, 1e308, -1, [1], {"a": 1}):
        is_answered(
            client.post("/.search", {name: value} if value != 2**70 else b'{"%s": %d}' % (name.encode(), 2**70))
        )


def test_l5_odd_pages_of_members_are_answered(client, provider, person):
    group = make_group(provider, "h", [person])
    for name in ("membersCount", "membersCursor", "membersStartIndex"):
        for value in [*NUMBERS, *TEXTS]:
            is_answered(client.request("GET", f"/Groups/{group.pk}?{name}={quote(value)}"))


@pytest.mark.parametrize("op", ["eq", "ne", "gt", "le", "co", "sw"])
def test_l5_odd_values_in_a_filter_are_answered(client, person, op):
    paths = [
        "meta.created",
        "meta.lastModified",
        "meta.version",
        "id",
        "active",
        *(f"{URN}:odd{kind}" for kind in KINDS),
    ]
    for path in paths:
        for value in [*NUMBERS, *(f'"{text}"' for text in [*NUMBERS[:5], *TIMES, "\\ud800", "\\u0000"])]:
            is_answered(client.get("/Users", filter=f"{path} {op} {value}"))


def bodies(person):
    """Bodies as bytes, each with an odd value in the place of %s."""
    inner = b'"' + URN.encode() + b'": {"odd%s": %%s}'
    for kind in KINDS:
        part = inner % kind.encode()
        yield "PUT", f"/Users/{person.pk}", b'{"userName": "jane@x", ' + part + b"}"
        path = f"{URN}:odd{kind}".encode()
        operation = b'{"op": "replace", "path": "' + path + b'", "value": %s}'
        yield "PATCH", f"/Users/{person.pk}", b'{"Operations": [' + operation + b"]}"
    yield "PUT", f"/Users/{person.pk}", b'{"userName": %s}'
    yield "PUT", f"/Users/{person.pk}", b'{"userName": "jane@x", "unknown": %s, "emails": [{"value": %s, "type": "x"}]}'
    yield "PATCH", f"/Users/{person.pk}", b'{"Operations": [{"op": "add", "path": "title", "value": %s}]}'
    yield "PATCH", f"/Users/{person.pk}", b'{"Operations": [{"op": %s, "path": %s, "value": %s}]}'
    yield "PATCH", f"/Users/{person.pk}", b'{"Operations": %s}'
    yield "POST", "/Groups", b'{"displayName": "odd", "members": [{"value": %s}]}'
    yield (
        "POST",
        "/Bulk",
        b'{"failOnErrors": %s, "Operations": [{"method": %s, "path": "/Users", "bulkId": %s, "data": %s}]}',
    )
    yield "POST", "/.search", b'{"startIndex": %s, "count": %s, "filter": %s}'


VALUES = [
    *(number.encode() for number in NUMBERS if number.isascii()), *(f'"{text}"'.encode() for text in TIMES), b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xed\xa0\x80"', b"NaN", b"Infinity", b"[" * 2_000 + b"]" * 2_000, b"[" * 900 + b"]" * 900,
    b'{"a":' * 900 + b"1" + b"}" * 900, b'"' + b"9" * 5_000 + b'"', b'{"\\ud800": 1}', b'{"\\u0000": 1}', b'""', b"{}", b"[{}]", b"null",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_l5_odd_values_in_a_body_are_answered(client, person, value):
    for method, path, body in bodies(person):
        is_answered(client.request(method, path, body.replace(b"%s", value)))
