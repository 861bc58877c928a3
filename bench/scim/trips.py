"""Counts statements and round trips: a proxy between a server and PostgreSQL that reads the protocol.

A server is started behind it only to be counted, never to be timed.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from bench.scim.measure import follow, prepare, try_once
from bench.scim.servers import FOLDER, Server
from bench.scim.workloads import Workload, WrongError

TIMES = 5
USERS = 600


@dataclass(frozen=True)
class Trips:
    """Of one request, or of one cycle. What is written after the response goes over other connections: left out."""

    statements: float
    round_trips: float


class _Link:
    """One connection of the server: what it sent, and how often it waited."""

    def __init__(self, client: socket.socket, backend: socket.socket) -> None:
        self.client, self.backend = client, backend
        self.statements = self.round_trips = 0
        self._is_asking = self._has_started = False
        self._rest = b""

    def asks(self, data: bytes) -> None:
        """Count what the server sends. A round trip begins when it sends after it has received."""
        self.round_trips += not self._is_asking
        self._is_asking = True
        self._rest += data
        while len(self._rest) >= 5:
            start = 1 if self._has_started else 0  # the first message has no type
            length = start + int.from_bytes(self._rest[start : start + 4], "big")
            if len(self._rest) < length:
                return
            self.statements += self._has_started and self._rest[:1] in b"QE"
            self._rest, self._has_started = self._rest[length:], True

    def answered(self) -> None:
        self._is_asking = False

    def forget(self) -> None:
        self.statements = self.round_trips = 0


class Proxy:
    """Listens on a unix socket, and connects each of its clients to PostgreSQL. `url` is that of the proxy."""

    def __init__(self, url: str) -> None:
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        port = query.get("port", [str(parts.port or 5432)])[0]
        host = query.get("host", [parts.hostname or "127.0.0.1"])[0]
        self._target: Any = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))
        self._socket = FOLDER / f".s.PGSQL.{port}"
        place = urlencode({"host": str(FOLDER), "port": port}, safe="/")
        login = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{login}@" if login else "", query=place))
        self.links: list[_Link] = []
        self._selector = selectors.DefaultSelector()
        self._socket.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._socket))
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def run(self, end: threading.Event) -> None:
        """Forward until `end` is set."""
        while not end.is_set():
            for key, _events in self._selector.select(0.1):
                key.data()
        for link in self.links:
            link.client.close()
            link.backend.close()
        self._listener.close()
        self._socket.unlink(missing_ok=True)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        backend = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
        backend.connect(self._target)
        link = _Link(client, backend)
        self.links.append(link)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._forward(link, client, backend))
        self._selector.register(backend, selectors.EVENT_READ, lambda: self._forward(link, backend, client))

    def _forward(self, link: _Link, source: socket.socket, target: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = source.recv(262_144)
        if not data:
            for sock in (source, target):
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(sock)
                sock.close()
            return
        if source is link.client:
            link.asks(data)
        else:
            link.answered()
        with contextlib.suppress(OSError):
            target.sendall(data)


@contextlib.contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """Run a proxy in a thread."""
    made, end = Proxy(url), threading.Event()
    thread = threading.Thread(target=made.run, args=(end,))
    thread.start()
    try:
        yield made
    finally:
        end.set()
        thread.join()


def count(
    url: str,
    start: Callable[[str], AbstractContextManager[Server]],
    table: Sequence[Workload],
    say: Callable[[str], None],
) -> dict[str, Trips]:
    """Count the workloads of a server that `start` runs on a database behind a proxy."""
    found = {}
    sizes = sorted({row.size for row in table if 0 < row.size <= USERS})
    with proxy(url) as counting, start(counting.url) as server:
        prepare(server, USERS, sizes, say)
        for row in table:
            if row.size <= USERS and not try_once(server, row):
                with contextlib.suppress(WrongError):
                    found[row.name] = _count_one(counting, server, row)
    return found


def _count_one(counting: Proxy, server: Server, row: Workload) -> Trips:
    with server.connect() as connection:
        if row.before:
            follow(connection, row.before(server.known, TIMES))
        for link in counting.links:
            link.forget()
        requests = sum(len(follow(connection, row.run(server.known))) for _ in range(TIMES))
    parts = TIMES if row.is_cycle else requests
    busiest = max(counting.links, key=lambda link: link.round_trips)
    return Trips(busiest.statements / parts, busiest.round_trips / parts)
