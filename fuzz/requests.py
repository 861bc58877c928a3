"""Kinds of generated SCIM requests, as a table. Each kind has a function that makes one with choices of its own."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import quote

from fuzz.generated import (
    NAMES,
    NOISE,
    PARAMETERS,
    body_bytes,
    bulk_body,
    filter_text,
    mutated,
    operation,
    query_string,
    resource_body,
    value,
)
from fuzz.recorded import recorded_steps
from fuzz.wire import Request
from scim.protocol.patch import PATCH_SCHEMA

MAX_TARGET = 8_000  # gunicorn refuses a longer request line, before the product sees it
JSON = "application/scim+json"


@dataclass
class Cast:
    """Whom a client's requests are about: its token, resources of its provider, and what is not its own.

    `users` and `groups` are the ids of some resources. What a request creates joins them, and what is deleted leaves.
    """

    token: str
    users: list[str]
    groups: list[str]
    foreign: list[str] = field(default_factory=lambda: ["0197a3a4-0000-7000-8000-000000000001"])
    other_tokens: list[str] = field(default_factory=list)

    MOST = {"users": 60, "groups": 20}

    def one(self, random: Random) -> tuple[str, str]:
        """A resource type and the id of a resource of it, in rare cases of another provider."""
        kind = random.choice(["User", "User", "Group"])
        known = self.ids(kind)
        return kind, random.choice(self.foreign if not known or random.random() < 0.03 else known)

    def ids(self, kind: str) -> list[str]:
        return self.users if kind == "User" else self.groups

    def all_ids(self) -> list[str]:
        return [*self.users, *self.groups, self.foreign[0], "none"]

    def learn(self, body: bytes) -> None:
        """Add the resources whose addresses are in the response to a request that creates some."""
        for kind, found in _LOCATION.findall(body):
            ids = self.users if kind == b"Users" else self.groups
            if (one := found.decode()) not in ids:
                ids.append(one)

    def is_full(self) -> bool:
        return any(len(getattr(self, name)) > most for name, most in self.MOST.items())


_LOCATION = re.compile(rb"/(Users|Groups)/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})")


def _request(cast: Cast, method: str, path: str, body: bytes | None = None, **headers: str) -> Request:
    own = {"Authorization": f"Bearer {cast.token}"} | ({"Content-Type": JSON} if body is not None else {})
    sent = own | {name.replace("_", "-"): text for name, text in headers.items()}
    return Request(method, f"/scim{path}"[:MAX_TARGET], tuple(sent.items()), body)


def by_filter(random: Random, cast: Cast) -> Request:
    kind = random.choice(["User", "Group"])
    text = quote(mutated(random, filter_text(random, kind)), errors="surrogatepass")
    return _request(cast, "GET", f"{random.choice([f'/{kind}s', f'/{kind}s', ''])}?filter={text}&count=5")


def by_query(random: Random, cast: Cast) -> Request:
    kind, one = cast.one(random)
    return _request(cast, "GET", f"{random.choice([f'/{kind}s', f'/{kind}s/{one}', ''])}?{query_string(random)}")


def create(random: Random, cast: Cast) -> Request:
    kind = random.choice(["User", "User", "Group"])
    return _request(cast, "POST", f"/{kind}s", body_bytes(random, _resource(random, cast, kind)))


def _resource(random: Random, cast: Cast, kind: str) -> Any:
    """A user or group as `resource_body` makes it, a group in most cases with members."""
    body = resource_body(random, kind, cast.all_ids())
    if kind == "Group" and isinstance(body, dict) and cast.users and random.random() < 0.7:
        body["members"] = [{"value": random.choice(cast.users)} for _ in range(random.choice((0, 1, 3, 30)))]
    return body


def search(random: Random, cast: Cast) -> Request:
    kind = random.choice(["User", "Group"])
    body = {"filter": filter_text(random, kind), "count": 2}
    body |= {random.choice(PARAMETERS): value(random, cast.all_ids())} if random.random() < 0.3 else {}
    return _request(cast, "POST", random.choice(["/.search", f"/{kind}s/.search"]), body_bytes(random, body))


def bulk(random: Random, cast: Cast) -> Request:
    return _bulk(random, cast, "PATCH", "PUT", "GET")


def bulk_with_deletions(random: Random, cast: Cast) -> Request:
    return _bulk(random, cast, "PATCH", "PUT", "GET", "DELETE")


def _bulk(random: Random, cast: Cast, *methods: str) -> Request:
    kind = random.choice(["User", "Group"])
    return _request(cast, "POST", "/Bulk", body_bytes(random, bulk_body(random, kind, cast.all_ids(), methods)))


def put(random: Random, cast: Cast) -> Request:
    kind, one = cast.one(random)
    return _request(cast, "PUT", f"/{kind}s/{one}", body_bytes(random, _resource(random, cast, kind)))


def patch(random: Random, cast: Cast) -> Request:
    kind, one = cast.one(random)
    operations = [operation(random, kind, cast.all_ids()) for _ in range(random.randint(0, 4))]
    body = body_bytes(random, {"schemas": [PATCH_SCHEMA], "Operations": operations})
    headers = {"If_Match": random.choice(_TAGS)} if random.random() < 0.1 else {}
    return _request(cast, "PATCH", f"/{kind}s/{one}", body, **headers)


def delete(random: Random, cast: Cast) -> Request:
    """Delete the oldest resource of a full cast, otherwise in most cases one that does not exist."""
    for kind, name in (("User", "users"), ("Group", "groups")):
        ids = getattr(cast, name)
        if len(ids) > cast.MOST[name]:
            return _request(cast, "DELETE", f"/{kind}s/{ids.pop(0)}")
    kind, one = cast.one(random)
    if random.random() < 0.8 or len(cast.ids(kind)) < 5:
        one = random.choice([*cast.foreign, mutated(random, "none", 1)])
    elif one in cast.ids(kind):
        cast.ids(kind).remove(one)
    return _request(cast, "DELETE", f"/{kind}s/{quote(one, errors='surrogatepass')}")


def recorded(random: Random, cast: Cast) -> Request:
    """A request of a real client, in most cases with a part of its body or query changed."""
    step = random.choice(recorded_steps())
    stand_ins = {"token": cast.token, "run": f"{random.getrandbits(32):08x}"}
    _, one = cast.one(random)

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: stand_ins.get(found[1], one), text)

    path = fill(step["path"]) + (f"?{_changed_text(random, fill(step['query']))}" if step.get("query") else "")
    body = step.get("body")
    if body is not None:
        filled = json.loads(fill(json.dumps(body)))
        body = filled.encode() if isinstance(filled, str) else body_bytes(random, changed(random, filled, cast))
    headers = {name: fill(text) for name, text in (step.get("headers") or {}).items() if isinstance(text, str)}
    own = {"Authorization": f"Bearer {cast.token}"}
    path = quote(path, safe="/?&=%+\"'()[]{}:;,.!*$@~^|<>-_\\`#", errors="surrogatepass").replace("#", "%23")
    return Request(step["method"], f"/scim{path}"[:MAX_TARGET], tuple((own | headers | own).items()), body)


_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def _changed_text(random: Random, text: str) -> str:
    return "".join(char for char in mutated(random, text) if char > " ")


def changed(random: Random, document: Any, cast: Cast) -> Any:
    """A JSON document with about one part in eight replaced, renamed, repeated or left out."""
    if random.random() < 0.04:
        return value(random, cast.all_ids())
    if isinstance(document, dict):
        parts: dict[str, Any] = {}
        for name, part in document.items():
            if random.random() > 0.03:
                parts[random.choice(NAMES) if random.random() < 0.03 else name] = changed(random, part, cast)
        return parts
    if isinstance(document, list):
        elements = [changed(random, part, cast) for part in document]
        return elements * 2 if random.random() < 0.03 else elements
    return mutated(random, document, 0.06) if isinstance(document, str) else document


METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 20]
PATHS = [
    *("/scim", "/scim/", "/scim/v2/Users", "/scim//Users", "/scim/Users/", "/scim/Groups", "/scim/Me", "/scim/Bulk"),
    *("/scim/.search", "/scim/Schemas", "/scim/ResourceTypes/User", "/scim/ServiceProviderConfig", "/scim/v2", "/SCIM"),
    *("/healthz", "/metrics", "/", "/login/", "/eum/", "/eum/users/", "/static/console/console.css", "/favicon.ico"),
]
_SEGMENTS = [
    "..",
    ".",
    "",
    "%2e%2e",
    "%2f",
    "%5c",
    "%00",
    "%0d%0aX:%20y",
    "%ff",
    "%u0041",
    "Users",
    "Groups",
    "é",
    ";a=b",
]
_TAGS = ["*", 'W/"1"', '"1"', 'W/"2-abc"', "", "W/", '"', "a, b", 'W/"999999999999999999999"', "\xff"]
HEADERS = [
    *(("If-Match", tag) for tag in _TAGS),
    *(("If-None-Match", tag) for tag in _TAGS),
    *(("Accept", text) for text in ("", "*/*", "text/html", "application/xml;q=x", "a" * 300)),
    *(
        ("Content-Type", text)
        for text in ("", "text/plain", "application/json", f"{JSON}; charset=utf-16", ";;=;", "\xff")
    ),
    *(("Content-Type", text) for text in ("multipart/form-data", "multipart/form-data; boundary=x", "x" * 2_000)),
    *(("Content-Encoding", text) for text in ("gzip", "identity", "br, identity", "\xff")),
    *(("Host", text) for text in ("", "evil.example", "127.0.0.1:1", "[::1", "a" * 300, "x y", "\xe9")),
    *(("X-Forwarded-For", text) for text in ("1.2.3.4", "::1%eth0", "x, y", "1.2.3.4:5", "[::1]:5", "," * 500)),
    *(("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"), ("X-HTTP-Method-Override", "DELETE")),
    *(("Cookie", text) for text in ("iprova_session_8000=x", "iprova_csrf_8000=\xff", "a=" + "b" * 3_000, ";;;")),
    *(("Accept-Language", text) for text in ("nl", "nl-BE,nl;q=0.9", "x" * 600, "*;q=", "\xff")),
    *(("Range", "bytes=0-1"), ("Expect", "100-continue"), ("Upgrade", "h2c"), ("TE", "trailers"), ("Via", "1.1 x")),
    *(("client-request-id", text) for text in ("1", "x" * 3_000, "\xff\xfe", "<script>")),
    *(("If-Modified-Since", text) for text in ("x", "Sat, 29 Oct 1994 19:43:31 GMT")),
    *(("Referer", "http://evil.example/"), ("Origin", "null"), ("User-Agent", "'\"><script>"), ("Connection", "close")),
]


def anything(random: Random, cast: Cast) -> Request:
    """Any method, path, query, headers and body, with the token of a provider whose log is not compared."""
    path = random.choice(PATHS)
    for _ in range(random.choice((0, 0, 1, 2, 4))):
        path += "/" + random.choice([*_SEGMENTS, random.choice(cast.all_ids()), quote(random.choice(NOISE))])
    if random.random() < 0.5:
        text = random.choice([query_string(random), mutated(random, "a=b&c", 1), random.randbytes(20).hex(), "&" * 200])
        path += f"?{quote(text, safe='&=%+', errors='surrogatepass')}"
    raw = "".join(char for char in path if char > " ") or "/"
    headers = [("Authorization", f"Bearer {random.choice(cast.other_tokens or [cast.token])}")]
    headers += [header for header in random.sample(HEADERS, random.randint(0, 4)) if header[0] != "Connection"]
    body = random.choice([None, None, b"", b"{}", b"\0", random.randbytes(200), b"x" * 70_000])
    if body is None and random.random() < 0.3:
        body = body_bytes(random, value(random, cast.all_ids()))
    return Request(random.choice(METHODS), raw.encode().decode("latin-1")[:MAX_TARGET], tuple(headers), body)


def token(random: Random, cast: Cast) -> Request:
    """A request without a usable token."""
    sent = random.choice(
        [
            *("", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Basic YTpi", "Bearer \xff\xfe", "x" * 3_000),
            *(f"Bearer {cast.token}x", f"Bearer {cast.token[:-1]}", f"Token {cast.token}", f"Bearer {cast.token} x"),
            f"Bearer ipr_{random.getrandbits(250):x}",
        ]
    )
    asked = by_query(random, cast)
    headers = () if random.random() < 0.1 else (("Authorization", sent),)
    return replace(asked, method=random.choice(METHODS[:7]), headers=headers)


def large(random: Random, cast: Cast) -> Request:
    """A body at or above a limit: many operations, names, values or members, deep brackets, long texts."""
    kind, one = cast.one(random)
    many = random.choice((200, 1_000, 3_000))
    patches = {
        "operations": [{"op": "replace", "path": "title", "value": str(n)} for n in range(many)],
        "unknown paths": [{"op": "add", "path": f"usrnam{n}", "value": 1} for n in range(many)],
        "unknown names": [{"op": "add", "value": {f"usrnam{n}": 1 for n in range(many)}}],
        "e-mail addresses": [{"op": "add", "path": "emails", "value": [{"value": f"{n}@x"} for n in range(many)]}],
        "members": [{"op": "add", "path": "members", "value": [{"value": random.choice(cast.users)}] * many}],
        "text": [{"op": "add", "path": "title", "value": "x" * random.choice((131_072, 131_073, 2_000_000))}],
    }
    bodies: dict[str, tuple[str, str, Any]] = {
        name: ("PATCH", f"/{kind}s/{one}", {"schemas": [PATCH_SCHEMA], "Operations": sent})
        for name, sent in patches.items()
    }
    post = {"method": "POST", "path": "/Users", "data": {"userName": "a"}}
    bodies["bulk"] = ("POST", "/Bulk", {"Operations": [post] * random.choice((100, 1_000, 1_001))})
    bodies["empty objects"] = ("POST", "/Users", [{}] * many * 10)
    bodies["brackets"] = ("POST", "/Users", b"[" * many * 10)
    bodies["filter"] = ("POST", "/Users/.search", {"filter": " or ".join(["title co 'x'".replace("'", '"')] * 100)})
    bodies["filter brackets"] = ("POST", "/Users/.search", {"filter": "(" * random.choice((20, 21, 4_000)) + "id pr"})
    bodies["17 MiB"] = ("POST", "/Users", b" " * (17 * 1_048_576))
    name = random.choice([*bodies, *patches])
    method, path, document = bodies[name]
    return _request(cast, method, path, document if isinstance(document, bytes) else json.dumps(document).encode())


def broken(random: Random, cast: Cast) -> Request:
    """A request that is damaged as HTTP: its line, its headers or its length."""
    request = anything(random, cast)
    headers = list(request.headers)
    faults: list[Callable[[], Request]] = [
        lambda: replace(request, method=random.choice(["", "G E T", "GET\0", "\xff", "G" * 9_000])),
        lambda: replace(
            request, target=random.choice(["", "*", "x", "http://evil.example/", "/\0", "/ x", "/" * 9_000])
        ),
        lambda: replace(request, headers=(*headers, (random.choice(["", " X", "X ", "X\0", "\xff", "a b"]), "y"))),
        lambda: replace(
            request, headers=(*headers, ("X", random.choice(["\0", "y\r\n z", "y\nHost: z", "z" * 9_000])))
        ),
        lambda: replace(request, headers=(*headers, *[("X", "y")] * 200)),
        lambda: replace(
            request, headers=(*headers, ("Content-Length", random.choice(["-1", "x", "1, 1", "+3", "0x3", "9" * 30])))
        ),
        lambda: replace(request, headers=(*headers, ("Content-Length", "3"), ("Content-Length", "4")), body=b"abc"),
        lambda: replace(request, headers=(*headers, ("Content-Length", "1000")), body=b"abc"),
        lambda: replace(
            request, headers=(*headers, ("Transfer-Encoding", random.choice(_CODINGS))), body=_chunks(random)
        ),
    ]
    return random.choice(faults)()


_CODINGS = ["chunked", "gzip, chunked", "chunked, identity", "identity", "x", "chunked, chunked", "Chunked ", ""]


def _chunks(random: Random) -> bytes:
    return random.choice(
        [
            b"2\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}",
            b"zz\r\n",
            b"-1\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n",
        ]
    )


@dataclass(frozen=True)
class Kind:
    """A kind of request.

    share: how often it is sent, next to the others. limit_s: how long its response may take. is_logged: each request
    reaches the product with the token of the client's provider, so that the provisioning log has a row for it. ends:
    the client closes its half of the connection behind it.
    """

    name: str
    share: float
    make: Callable[[Random, Cast], Request]
    limit_s: float = 1.0
    is_logged: bool = True
    ends: bool = False


KINDS = (
    Kind("list by filter", 22, by_filter),
    Kind("list by query", 10, by_query),
    Kind("search", 8, search),
    Kind("create", 8, create),
    Kind("replace", 8, put),
    Kind("patch", 18, patch),
    Kind("delete", 4, delete),
    Kind("bulk", 5, bulk_with_deletions),
    Kind("recorded, changed", 10, recorded),
    Kind("anything", 4, anything, is_logged=False),
    Kind("no usable token", 1, token, is_logged=False),
    Kind("broken HTTP", 2, broken, is_logged=False, ends=True),
    Kind("large", 0.1, large, limit_s=20.0),
)
_ORDINARY = (by_filter, by_filter, by_filter, by_query, create, search, bulk, put, patch, patch)


def requests(seed: int, count: int, cast: Cast) -> Iterator[Request]:
    """`count` ordinary requests, of which none deletes anything."""
    random = Random(seed)
    for _ in range(count):
        yield random.choice(_ORDINARY)(random, cast)
