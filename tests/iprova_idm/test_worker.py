"""The gunicorn worker, as a real server: clients that are slow, silent or gone delay nobody (H3)."""

import contextlib
import http.client
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from gunicorn.config import Config

from iprova_idm import worker
from iprova_idm.connection import Connection
from iprova_idm.options import read_options
from iprova_idm.worker import BufferingWorker
from tests.factories import issue, make_provider
from tests.iprova_idm.slow import (
    HEAD,
    LEAKS,
    SLOW_REQUESTS,
    TOKEN,
    clients,
    large_list,
    longest_wait,
    read_all,
)


@pytest.mark.parametrize("kind", SLOW_REQUESTS)
def test_h3_fifty_slow_requests_delay_nobody(server: str, kind: str) -> None:
    with clients(server, *SLOW_REQUESTS[kind]):
        assert longest_wait(server) < 1


@pytest.fixture
def token(server: str, committed: None) -> str:
    return issue(make_provider())[1]


def test_h3_clients_that_do_not_read_a_large_response_delay_nobody(server: str, token: str) -> None:
    """They get it when they read it: the bytes that they did not take wait with the server."""
    request = large_list(server, token)
    with clients(server, request, count=6) as waiting:
        time.sleep(1)
        assert longest_wait(server) < 1.5  # the lists themselves take their time, and the machine is busy
        head, _, body = read_all(waiting[-1]).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200") and len(json.loads(body)["Resources"]) == 40


def test_h3_clients_that_leave_in_the_middle_of_a_response_delay_nobody(server: str, token: str) -> None:
    with clients(server, large_list(server, token), count=6):
        time.sleep(0.2)
    time.sleep(1)
    assert longest_wait(server) < 1.5


def test_h3_more_connections_than_a_worker_keeps_delay_nobody(server: str) -> None:
    """The oldest of them are closed."""
    with clients(server, HEAD, count=1_000) as waiting:
        assert longest_wait(server) < 1
        waiting[0].settimeout(5)
        assert waiting[0].recv(1) == b""


@pytest.mark.parametrize(
    "pieces",
    [
        (b'5\r\n{"use', b"\r\n", b"1", b'4\r\nrName": "in pieces"', b"}\r\n0\r\n", b"\r\n"),
        (b'19;note=1\r\n{"userName": "in pieces"}\r', b"\n0\r\nX-Trailer: 1\r\n\r\n"),
    ],
    ids=["cut anywhere", "with an extension and a trailer"],
)
def test_a_chunked_body_that_comes_in_pieces_is_read(server: str, token: str, pieces: tuple[bytes, ...]) -> None:
    head = "POST /scim/Users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/scim+json\r\n"
    head += f"Authorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with clients(server, head.encode(), count=1) as [sock]:
        for piece in pieces:
            time.sleep(0.05)
            sock.sendall(piece)
        assert b'"userName":"in pieces"' in read_all(sock).replace(b": ", b":")


def test_l13_a_chunked_body_that_is_too_long_gets_its_413(server: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    client = http.client.HTTPConnection(urlsplit(server).netloc, timeout=30)
    client.request("POST", "/scim/Users", iter([b"x" * 1_000_000] * 18), headers, encode_chunked=True)
    assert client.getresponse().status == 413
    client.close()


def test_a_client_that_asks_first_is_told_to_continue(server: str, token: str) -> None:
    head = "POST /scim/Users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/scim+json\r\n"
    head += f"Authorization: Bearer {token}\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n"
    with clients(server, head.encode(), count=1) as [sock]:
        assert sock.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b'{"userName": "asks"}')
        assert read_all(sock).startswith(b"HTTP/1.1 201")


MALFORMED = [
    (b'GET /scim/Users?filter=userName eq "x" HTTP/1.1\r\nHost: x\r\n\r\n', 400, "encode spaces"),
    (b"GET / HTTP/1.1\nHost: x\n\n", 400, "not that of HTTP/1.1"),
    (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, "header is malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400, "header is malformed"),
    (b"GET / HTTP/3.1\r\nHost: x\r\n\r\n", 400, "not that of HTTP/1.1"),
    (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "method"),
    (b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 70_000, 431, "too long"),
    (b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n\r\n", 414, "request line"),
    (b"GET / HTTP/1.1\r\nExpect: tea\r\n\r\n", 417, "Expect"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, "header"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "header"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: tea\r\n\r\n", 501, "Transfer-Encoding"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, "chunk"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400, "chunk"),
    (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 2_000, 400, "chunk"),
]


@pytest.mark.parametrize(("sent", "status", "detail"), MALFORMED)
def test_m3_what_is_not_http_is_answered_with_its_kind(server: str, sent: bytes, status: int, detail: str) -> None:
    with clients(server, sent, count=1) as [sock]:
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    error = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert error["status"] == str(status) and detail in error["detail"]


@pytest.mark.parametrize("sent", LEAKS)
def test_m3_process_log_and_response_repeat_nothing_of_a_malformed_request(
    server: str, capfd: pytest.CaptureFixture[str], sent: str
) -> None:
    with clients(server, sent.encode(), count=1) as [sock]:
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    time.sleep(0.1)
    texts = [capfd.readouterr().err]
    if b"Server:" not in head:  # the worker answered; the application's pages have the address that was asked for
        texts.append(body.decode())
    for text in texts:
        assert TOKEN[4:] not in text
        assert "someone" not in text and "clinic" not in text


class Silent:
    """Gunicorn's log, which keeps what was written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str, *values: object, **_: object) -> None:
        self.lines.append(text % values)

    debug = info = warning = error = exception = write

    def access(self, *_: object) -> None:
        """No access log."""


class Alone:
    """A worker without gunicorn's processes, which serves one socket pair at a time."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        config = Config()
        config.set("control_socket_disable", True)
        self.log = Silent()
        self.worker = BufferingWorker(1, os.getppid(), [], None, 60, config, self.log)
        self.worker.wsgi = app
        self.worker.selector = selectors.DefaultSelector()
        select = self.worker.selector.select
        self.worker.selector.select = lambda _seconds: select(0)
        self.worker.notify = lambda: None

    def connect(self, sent: bytes) -> tuple[socket.socket, Connection]:
        ours, theirs = socket.socketpair()
        ours.sendall(sent)
        listener = SimpleNamespace(accept=lambda: (theirs, ""), getsockname=lambda: "")
        before = set(self.worker.connections)
        self.worker._accept(listener)
        return ours, next(iter(self.worker.connections - before), None)  # type: ignore[return-value]

    def pass_time(self, seconds: float) -> None:
        self.worker.clock.leave_out(-seconds)
        self.worker._next_sweep = 0
        self.worker._serve_once()


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_v48_an_application_that_fails_tells_nothing() -> None:
    def fails(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        raise RuntimeError("SELECT digest FROM providers_token")

    ours, _ = Alone(fails).connect(GET)
    body = read_all(ours).partition(b"\r\n\r\n")[2]
    assert json.loads(body) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "500",
        "detail": "The server failed, or the request took too long.",
    }


def test_a_response_that_breaks_off_can_be_recognised() -> None:
    """Nothing ends it: neither its length is reached nor its last chunk sent."""

    def breaks_off(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        yield b"part"
        raise RuntimeError

    ours, _ = Alone(breaks_off).connect(GET)
    assert read_all(ours).endswith(b"4\r\npart\r\n")


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [(b"GET / HT", 10), (GET[:-2], 10), (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 15)],
    ids=["line", "headers", "body"],
)
def test_h3_a_request_that_does_not_arrive_in_time_gets_408(sent: bytes, seconds: float) -> None:
    alone = Alone(hello)
    ours, connection = alone.connect(sent)
    alone.pass_time(seconds - 1)
    assert not connection.is_closed
    alone.pass_time(2)
    assert connection.is_closed and read_all(ours).startswith(b"HTTP/1.1 408 ")


def test_h3_a_body_may_take_as_long_as_it_moves() -> None:
    alone = Alone(hello)
    size = 40 * 32_768
    ours, connection = alone.connect(f"POST /scim/x HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
    for _ in range(39):
        ours.sendall(b"x" * 32_768)
        alone.pass_time(1)
    assert not connection.is_closed
    ours.sendall(b"x" * 32_768)
    alone.pass_time(0)
    assert read_all(ours).startswith(b"HTTP/1.1 200 ")


def test_h3_a_client_that_takes_no_response_is_left_after_its_time() -> None:
    def large(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"x" * 4_000_000]

    alone = Alone(large)
    _ours, connection = alone.connect(GET)
    alone.pass_time(29)
    assert not connection.is_closed
    alone.pass_time(2)
    assert connection.is_closed


def test_h3_no_time_of_a_client_passes_while_a_request_runs() -> None:
    now = 0.0

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        time.sleep(0.2)
        return hello(environ, start_response)

    alone = Alone(slow)
    _ours, connection = alone.connect(b"GET / HT")
    now = alone.worker.clock.now()
    alone.connect(GET)
    assert alone.worker.clock.now() - now < 0.15
    assert not connection.is_closed


def test_h3_when_there_is_no_room_the_busiest_address_loses_its_oldest_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "MAX_CONNECTIONS", 3)
    alone = Alone(hello)
    found = [alone.connect(b"GET / HT")[1] for _ in range(3)]
    found[0].address = ("203.0.113.9", 1)
    last = alone.connect(b"GET / HT")[1]
    assert [one.is_closed for one in (*found, last)] == [False, True, False, False]


def test_h3_a_worker_keeps_a_limited_number_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_HELD", 1_000_000)
    alone = Alone(hello)
    sent = b"POST /scim/x HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 100_000
    clients = [alone.connect(sent) for _ in range(5)]
    for _ in range(5):
        for ours, connection in clients:
            if not connection.is_closed:
                with contextlib.suppress(OSError):
                    ours.sendall(b"x" * 100_000)
                alone.pass_time(0)
    assert sum(one.held for one in alone.worker.connections) < 1_100_000
    assert any(connection.is_closed for _, connection in clients)


def test_a_worker_retires_when_nobody_waits_for_it() -> None:
    alone = Alone(hello)
    alone.worker.retires_at = 2
    _ours, waiting = alone.connect(b"GET / HT")
    for _ in range(2):
        assert not alone.worker._is_retired()
        alone.connect(GET)
    assert not alone.worker._is_retired(), "a client waits"
    alone.worker._close(waiting)
    assert alone.worker._is_retired()


def test_m8_a_worker_that_stays_large_is_replaced() -> None:
    alone = Alone(hello)
    assert not alone.worker._is_retired()
    alone.worker.retire()
    assert alone.worker._is_retired()


OPEN_TO = [("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.1", False)]


@pytest.mark.parametrize(("address", "is_let_in"), [*OPEN_TO, ("2001:db8::1", False), ("::ffff:192.0.2.1", False)])
def test_h3_who_is_outside_open_to_is_closed_before_anything_is_read(address: str, is_let_in: bool) -> None:
    alone = Alone(hello)
    alone.worker.options = read_options({"HOST": "0.0.0.0", "OPEN_TO": "10.0.0.0/8"})
    ours, theirs = socket.socketpair()
    ours.sendall(GET)
    listener = SimpleNamespace(accept=lambda: (theirs, (address, 1)), getsockname=lambda: ("10.0.0.1", 80))
    alone.worker._accept(listener)
    if is_let_in:
        assert ours.recv(100).startswith(b"HTTP/1.1 200")
    else:
        with pytest.raises(ConnectionResetError):
            ours.recv(100)
        assert alone.log.lines == [f"A connection from {address} was closed: OPEN_TO does not contain this address."]


def test_h3_a_machine_may_connect_to_its_own_address() -> None:
    """`make run` asks /healthz there."""
    alone = Alone(hello)
    own = SimpleNamespace(peer="192.0.2.7", sock=SimpleNamespace(getsockname=lambda: ("192.0.2.7", 8000)))
    other = SimpleNamespace(peer="192.0.2.8", sock=own.sock)
    assert alone.worker._may_connect(own) and not alone.worker._may_connect(other)


def test_a_file_arrives_whole(server: str) -> None:
    """Style sheets and scripts are sent like every other response, not by the kernel past what the worker keeps."""
    found = finders.find("admin/css/base.css")
    assert isinstance(found, str)
    address = urlsplit(server)
    client = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    client.request("GET", "/static/admin/css/base.css")
    response = client.getresponse()
    assert (response.status, response.read()) == (200, Path(found).read_bytes())
