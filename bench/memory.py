"""`make memory` measures the largest resident size of a worker for each kind of request.

It starts the real server with one worker, on a database of its own: very large groups, users of 1 MiB, bodies of
16 MiB, honest ones and hostile ones, then ordinary requests. Linux only: sizes come from /proc. The command fails if
a request takes more than its limit, which is that of docs/quality.md.
"""

import gc
import http.client
import os
import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import django
import orjson

import tests.database  # sets the database before Django reads its settings

django.setup()  # models cannot be imported before this

from django.db import connection  # noqa: E402

from bench.fill import add_users  # noqa: E402
from iprova_idm.serve import serving  # noqa: E402
from tests.conftest import database_url, free_port  # noqa: E402
from tests.factories import issue, make_provider  # noqa: E402

MIB = 1_048_576
ANY, LARGE_BODY = 160, 300  # MB
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class Worker:
    """The server's only worker, and a client of it."""

    master: int
    port: int
    token: str

    @property
    def pid(self) -> int:
        """The worker's process id. Gunicorn replaces a worker that it had to end."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        return int(children[-1])

    def send(self, method: str, path: str, body: bytes = b"") -> tuple[int, int, bytes]:
        """Send a request. Return the status, the length of the response, and its first 64 kB."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        try:
            client.request(method, f"/scim{path}", body, headers)
            response = client.getresponse()
            first = part = response.read(65_536)
            length = len(part)
            while part := response.read(MIB):
                length += len(part)
            return response.status, length, first
        except (OSError, http.client.HTTPException):  # the worker was killed
            return 0, 0, b""
        finally:
            client.close()

    def settle(self) -> None:
        """Wait until a worker that stayed large has been replaced."""
        pid = None
        while pid != self.pid:
            pid = self.pid
            self.send("GET", "/Users?count=0")
            time.sleep(1.5)

    @contextmanager
    def peak(self) -> Iterator[list[float]]:
        """Fill the list with the worker's largest size within this context. It may be replaced right afterwards."""
        pid, found, ended = self.pid, [0.0], Event()

        def look() -> None:
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
                while True:
                    size = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                    found[0] = int(size[1]) / 1_024 if size else found[0]
                    if ended.wait(0.01):
                        break

        watcher = Thread(target=look)
        watcher.start()
        try:
            yield found
        finally:
            ended.set()
            watcher.join()


@dataclass(frozen=True)
class Request:
    """A request to measure, and how many MB a worker may have while it is served."""

    name: str
    method: str
    path: str
    body: Callable[[], bytes] = bytes
    limit_mb: int = ANY
    is_once: bool = True


def filled(opening: bytes, element: bytes, closing: bytes, most: int = 16 * MIB) -> bytes:
    """A body of as many equal elements as fit into `most` bytes."""
    count = (most - len(opening) - len(closing)) // (len(element) + 1)
    return opening + b",".join([element] * count) + closing


def members(ids: list[str], *, is_short: bool) -> bytes:
    """A group with as many members as fit into 16 MiB: with their ids alone, or in the form of a response."""
    more = "" if is_short else ',"$ref":"http://127.0.0.1/scim/Users/{0}","type":"User","display":"Somebody Else"'
    texts = [('{{"value":"{0}"' + more + "}}").format(found).encode() for found in ids]
    opening = f'{{"schemas":["{GROUP}"],"displayName":"Everybody","members":['.encode()
    count = min(len(texts), (16 * MIB - len(opening) - 2) // (len(texts[0]) + 1))
    return opening + b",".join(texts[:count]) + b"]}"


def honest(ids: list[str], group: str, user: str) -> Iterator[Request]:
    """Requests that an ordinary client may send."""
    everybody = f"/Groups/{group}"
    yield Request("GET of a user", "GET", f"/Users/{user}")
    yield Request("PUT of a group: 16 MiB of ids", "PUT", everybody, lambda: members(ids, is_short=True), LARGE_BODY)
    yield Request("GET of that group", "GET", everybody)
    yield Request("PATCH of it, members returned", "PATCH", f"{everybody}?attributes=members", _rename)
    yield Request("GET with members' names", "GET", f"{everybody}?attributes=members.display")
    yield Request(
        "PUT of a group: 16 MiB, whole members", "PUT", everybody, lambda: members(ids, is_short=False), LARGE_BODY
    )
    yield Request("Groups of 50,000, count 100", "GET", "/Groups")
    yield Request("Groups of 50,000, count 1,000", "GET", "/Groups?count=1000")
    yield Request("Users, count 1,000", "GET", "/Users?count=1000")
    yield Request("Users of 1 MiB, count 100", "GET", '/Users?filter=title+sw+"large"')
    yield Request("Users of 1 MiB, count 1,000", "GET", '/Users?count=1000&filter=title+sw+"large"')
    yield Request(
        "Users of 1 MiB, one attribute", "GET", '/Users?count=1000&filter=title+sw+"large"&attributes=userName'
    )


def hostile(user: str) -> Iterator[Request]:
    """Bodies that need much more memory than their length."""
    names = {f"usrnam{number}": 1 for number in range(420_000)}
    title = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "title", "value": "x"}]}
    patches = [{"method": "PATCH", "path": f"/Users/{user}", "data": title}] * 60
    bulk = f'{{"schemas":["{BULK}"],"Operations":['.encode()
    for name, path, opening, element, closing in (
        ("a list of {}", "/Users", b"[", b"{}", b"]"),
        ("a list of []", "/Users", b"[", b"[]", b"]"),
        ("one name many times", "/Users", b"{", b'"a":1', b"}"),
        ("members of {}", "/Groups", b'{"displayName":"x","members":[', b"{}", b"]}"),
        ("a bulk of {}", "/Bulk", bulk, b"{}", b"]}"),
    ):
        body = filled(opening, element, closing)
        yield Request(f"16 MiB: {name}", "POST", path, lambda body=body: body, LARGE_BODY)  # type: ignore[misc]
    unknown = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": names}]}
    yield Request("6 MiB: PATCH of unknown names", "PATCH", f"/Users/{user}", lambda: orjson.dumps(unknown), LARGE_BODY)
    many = {"schemas": [BULK], "Operations": patches}
    yield Request("60 PATCHes of a user of 1 MiB", "POST", "/Bulk", lambda: orjson.dumps(many))


def _rename() -> bytes:
    operation = {"op": "replace", "path": "externalId", "value": str(time.time_ns())}
    return orjson.dumps({"schemas": [PATCH], "Operations": [operation]})


def measure(worker: Worker, request: Request) -> bool:
    """Send a request and print its row. Return whether the worker kept to the limit."""
    body = request.body()
    worker.settle()
    with worker.peak() as found:
        start = time.perf_counter()
        status, length, _ = worker.send(request.method, request.path.replace('"', "%22"), body)
        took = time.perf_counter() - start
    peak = found[0]
    is_good = status > 0 and peak <= request.limit_mb
    print(
        f"{request.name:40}{len(body) / MIB:9.1f}{status:8}{took:8.1f}{length / MIB:10.1f}{peak:9.0f}"
        f"{request.limit_mb:7}{'' if is_good else '  too much'}",
        flush=True,
    )
    return is_good


def ordinary(worker: Worker, count: int) -> bool:
    """Send `count` ordinary requests and print their row. Return whether the worker kept to the limit."""
    worker.settle()
    start, peak = time.perf_counter(), 0.0
    for first in range(
        0, count, 1_000
    ):  # a worker is replaced after ten thousand, and not measured until the next part
        with worker.peak() as found:
            _send_ordinary(worker, range(first, min(first + 1_000, count)))
        peak = max(peak, found[0])
    took = time.perf_counter() - start
    print(f"{f'{count:,} ordinary requests':57}{took:8.1f}{'':10}{peak:9.0f}{ANY:7}")
    return peak <= ANY


def _send_ordinary(worker: Worker, numbers: range) -> None:
    """Create a user, find, read, change and delete them, again and again."""
    user = ""
    for number in numbers:
        name = f"ordinary{number // 5}"
        match number % 5:
            case 0:
                user = _created(worker, "/Users", {"userName": name, "title": "Nurse"})
            case 1:
                worker.send("GET", f"/Users?filter=userName+eq+%22{name}%22")
            case 2:
                worker.send("GET", f"/Users/{user}")
            case 3:
                worker.send("PATCH", f"/Users/{user}", _rename())
            case _:
                worker.send("DELETE", f"/Users/{user}")


def fill(worker: Worker, provider_id: int, sizes: Namespace) -> tuple[list[str], str, str]:
    """Make users by SQL, and users of 1 MiB and large groups over SCIM. Return ids, a group's id and a large user's."""
    ids = add_users(provider_id, sizes.users)
    user = ""
    for number in range(sizes.large_users):
        entitlements = [{"value": f"{place} {os.urandom(60_000).hex()}"} for place in range(8)]
        body = {"userName": f"large{number}", "title": f"large {number}", "entitlements": entitlements}
        user = _created(worker, "/Users", body)
    for number in range(sizes.groups):
        parts = [{"value": found} for found in ids[:50_000]]
        _created(worker, "/Groups?excludedAttributes=members", {"displayName": f"Group {number}", "members": parts})
    group = _created(worker, "/Groups", {"displayName": "Everybody"})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return ids, group, user


def _created(worker: Worker, path: str, body: dict[str, Any]) -> str:
    status, _, answer = worker.send("POST", path, orjson.dumps(body))
    if status != 201:
        sys.exit(f"POST {path} returned {status}: {answer[:500]!r}")
    found = re.search(rb'"id":"([^"]+)"', answer)
    assert found
    return found[1].decode()


def read_sizes() -> Namespace:
    """Return the sizes on the command line."""
    parser = ArgumentParser(prog="make memory", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=345_000, help="as many fit into a body of 16 MiB")
    parser.add_argument("--large-users", type=int, default=30, help="users of 1 MiB")
    parser.add_argument("--groups", type=int, default=6, help="groups of 50,000 members")
    parser.add_argument("--requests", type=int, default=1_000, help="ordinary requests")
    return parser.parse_args()


def main() -> None:
    """Fill a database, measure and print. Exit with 1 if a worker takes more memory than its limit."""
    sizes = read_sizes()
    with tests.database.new_database():
        port = free_port()
        provider = make_provider("Contoso Entra ID")
        _, token = issue(provider)
        os.environ |= {"DATABASE_URL": database_url(), "WORKERS": "1", "PORT": str(port), "PROVIDER_RATE": "0"}
        with serving() as server:
            worker = Worker(server.gunicorn.pid, port, token)
            start = time.perf_counter()
            ids, group, user = fill(worker, provider.pk, sizes)
            gc.collect()
            print(
                f"{sizes.users:,} users, {sizes.large_users} of 1 MiB, {sizes.groups} groups of 50,000: filled in"
                f" {time.perf_counter() - start:.0f} s\n\n{'request':40}{'sent MiB':>9}{'status':>8}{'s':>8}"
                f"{'answer MiB':>10}{'peak MB':>9}{'limit':>7}"
            )
            found = [measure(worker, one) for one in honest(ids, group, user)]
            found += [measure(worker, one) for one in hostile(user)]
            found.append(ordinary(worker, sizes.requests))
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
