"""Clients that are slow, silent or gone, for the tests of the worker and of nginx, and for `make slow-clients`."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from tests.conformance.replay import send

CLIENTS = 50
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /scim/Users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n"

# What each client sends, and what it sends again and again afterwards (a byte at a time).
SLOW_REQUESTS = {
    "nothing": (b"", b""),
    "part of a request line": (b"GET /heal", b""),
    "part of the headers": (HEAD, b""),
    "headers that drip": (HEAD + b"X-Drip: ", b"x"),
    "part of a body": (POST + b'\r\n{"userName":', b""),
    "a body that drips": (POST + b"\r\n", b"x"),
    "part of a chunked body": (
        POST.replace(b"Content-Length: 5000", b"Transfer-Encoding: chunked") + b"\r\n5\r\nab",
        b"",
    ),
    "part of a form": (b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\nusername=", b""),
}


TOKEN = "ipr_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
ADDRESS = "someone@clinic.example"
# Requests that hold a token and an e-mail address where they do not belong, each malformed in another way.
LEAKS = [
    f'GET /scim/Users?filter=userName eq "{ADDRESS}" HTTP/1.1\r\nHost: x\r\nX: {TOKEN}\r\n\r\n',
    f"GET /scim/Users HTTP/1.1\r\nAuthorization Bearer {TOKEN}\r\nFrom {ADDRESS}\r\n\r\n",
    f"GET /scim/{TOKEN}/{ADDRESS} HTTP/9.9\r\n\r\n",
    f"{TOKEN} {ADDRESS} HTTP/1.1\r\n\r\n",
    f"GET {TOKEN}{ADDRESS} HTTP/1.1\r\n\r\n",
    f"GET /scim/Users\r\nAuthorization: Bearer {TOKEN} {ADDRESS}\r\n\r\n",
    f"GET /scim/Users HTTP/1.1\r\nHost: x\r\n {TOKEN} {ADDRESS}\r\n\r\n",
    f"GET /scim/Users HTTP/1.1\r\nHost: x\r\nExpect: {TOKEN} {ADDRESS}\r\n\r\n",
    f"POST /scim/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {TOKEN} {ADDRESS}\r\n\r\n",
    f"POST /scim/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{TOKEN} {ADDRESS}\r\n",
    f"GET /scim/Users HTTP/1.1\r\nHost: x\r\n{TOKEN}{ADDRESS}: 1\r\n\r\n",
    f"GET /login/?next={TOKEN} HTTP/1.1\r\nHost: {TOKEN}.{ADDRESS}\r\n\r\n",
    f"GET /scim/{TOKEN}/{ADDRESS} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"GET /{TOKEN}/{ADDRESS} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n",
]


@contextlib.contextmanager
def clients(
    base: str,
    first: bytes,
    drip: bytes = b"",
    *,
    count: int = CLIENTS,
    wrap: Callable[[socket.socket], socket.socket] | None = None,
) -> Iterator[list[socket.socket]]:
    """Open `count` connections that send `first` and then, every tenth of a second, `drip`."""
    parts = urlsplit(base)
    opened = []
    stop = threading.Event()

    def go_on() -> None:
        while drip and not stop.wait(0.1):
            for sock in opened:
                with contextlib.suppress(OSError):
                    sock.send(drip)

    dripping = threading.Thread(target=go_on)
    try:
        for _ in range(count):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what it does not read stays with the server
            sock.connect((parts.hostname, parts.port))
            sock = wrap(sock) if wrap else sock
            sock.sendall(first)
            opened.append(sock)
        dripping.start()
        yield opened
    finally:
        stop.set()
        if dripping.is_alive():
            dripping.join()
        for sock in opened:
            sock.close()


def longest_wait(base: str, *, times: int = 8) -> float:
    """Ask /healthz several times, and return the seconds of the slowest response."""
    waits = []
    for _ in range(times):
        started = time.monotonic()
        assert send(base, "GET", "/healthz", {}, None).status == 200
        waits.append(time.monotonic() - started)
        time.sleep(0.05)
    return max(waits)


def large_list(base: str, token: str) -> bytes:
    """Make users of 5 MB, and return the request for all of them."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    for number in range(40):
        body = json.dumps({"userName": f"large{number}", "title": "x" * 130_000}).encode()
        assert send(f"{base}/scim", "POST", "/Users", headers, body).status == 201
    head = f"GET /scim/Users?count=40 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    return head.encode()


def read_all(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(1_000_000):
        parts.append(part)
    return b"".join(parts)
