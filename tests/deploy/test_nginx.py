"""`deploy/nginx.conf` with a real nginx, in front of a real gunicorn."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.deploy.conftest import Nginx
from tests.iprova_idm.slow import ADDRESS, CLIENTS, LEAKS, SLOW_REQUESTS, TOKEN

INSECURE = ssl._create_unverified_context()


@contextlib.contextmanager
def connections(nginx: Nginx, count: int, first: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as opened:
        made = []
        for _ in range(count):
            plain = opened.enter_context(socket.create_connection(("127.0.0.1", nginx.https_port), timeout=10))
            made.append(opened.enter_context(INSECURE.wrap_socket(plain)))
            made[-1].sendall(first)
        yield made


def ask(nginx: Nginx, path: str, *, method: str = "GET", plain: bool = False) -> tuple[int, str]:
    """Return the status of a request, and where it is redirected to."""
    client = (
        http.client.HTTPConnection("127.0.0.1", nginx.http_port, timeout=10)
        if plain
        else http.client.HTTPSConnection("127.0.0.1", nginx.https_port, timeout=10, context=INSECURE)
    )
    with contextlib.closing(client):
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.getheader("Location") or ""


@pytest.mark.parametrize("kind", SLOW_REQUESTS)
def test_h3_fifty_slow_requests_at_nginx_delay_nobody(nginx: Nginx, kind: str) -> None:
    with connections(nginx, CLIENTS, SLOW_REQUESTS[kind][0]):
        started = time.monotonic()
        assert ask(nginx, "/healthz")[0] == 200
        assert time.monotonic() - started < 1


@pytest.mark.parametrize("path", ["/scim", "/scim/Users", "/SCIM/v2/Users", "//scim/Users"])
def test_l9_plain_http_is_refused_for_scim(nginx: Nginx, path: str) -> None:
    assert ask(nginx, path, plain=True)[0] == 403
    assert ask(nginx, path)[0] in (401, 302)  # //scim is an address of the console


def test_l9_plain_http_is_redirected_for_the_console(nginx: Nginx) -> None:
    status, location = ask(nginx, "/login/", plain=True)
    assert status == 301 and location.startswith("https://")


@pytest.mark.parametrize("sent", LEAKS)
def test_m3_process_log_of_nginx_repeats_nothing_of_a_malformed_request(nginx: Nginx, sent: str) -> None:
    nginx.empty_logs()
    with connections(nginx, 1, sent.encode()) as [sock]:
        sock.recv(1_000)
    assert TOKEN not in nginx.logs and ADDRESS not in nginx.logs
