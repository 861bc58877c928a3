"""The connection test: its five checks, and what each failure says (AC-GUI-3)."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from providers import connection_test
from providers.connection_test import AlreadyTestingError, run_connection_test
from providers.events import SYSTEM
from providers.models import Token
from tests.conftest import free_port
from tests.pages import read


def answering(status, body):
    """The address of a server that gives everybody this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def outcomes(checks):
    return [check.has_passed for check in checks]


def test_ac_gui_3_and_4_a_broken_name_or_door_is_named_with_what_to_do(provider):
    checks = run_connection_test(provider, SYSTEM, "https://nowhere.invalid/scim")
    assert outcomes(checks) == [False, None, None, None, None] and "correct PUBLIC_URL" in checks[0].cause
    assert [check.name for check in checks[:2]] == ["Name (DNS)", "Connection (TLS)"]
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{free_port()}/scim")
    assert outcomes(checks) == [True, False, None, None, None] and "Nothing answers at" in checks[1].cause
    assert [check.name for check in checks[:2]] == ["Address (no name to look up)", "Connection (no TLS)"]
    assert not Token.objects.exists()


def test_ac_gui_3_tls_that_is_none_is_named(provider):
    server = answering(200, b"{}")
    checks = run_connection_test(provider, SYSTEM, f"https://127.0.0.1:{server.server_port}/scim")
    server.shutdown()
    assert outcomes(checks) == [True, False, None, None, None] and "TLS failed" in checks[1].cause


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (200, b"<html>", "not JSON"),
        (200, b"[]", "not JSON"),
        (200, b"{}", "not a ServiceProviderConfig"),
        (503, b"{}", "paused"),
        (302, b"", "302 instead of 200"),
        (407, b"", "407 instead of 200"),
    ],
)
def test_ac_gui_3_another_answer_is_named(provider, status, body, cause):
    server = answering(status, body)
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{server.server_port}/scim")
    server.shutdown()
    assert outcomes(checks) == [True, True, False, None, None] and cause in checks[2].cause


def test_ac_gui_3_it_takes_ten_seconds_at_the_most(provider, monkeypatch):
    monkeypatch.setattr(connection_test, "TOTAL_S", 0.5)
    silent = socket.create_server(("127.0.0.1", 0))
    started = time.monotonic()
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{silent.getsockname()[1]}/scim")
    assert outcomes(checks) == [True, True, False, None, None] and "No response in time" in checks[2].cause
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: time.sleep(3))
    assert outcomes(run_connection_test(provider, SYSTEM, "http://slow.example/scim"))[0] is False
    assert time.monotonic() - started < 2
    silent.close()


def test_only_one_test_runs_at_a_time(administrator, provider, monkeypatch):
    """Each holds a worker while another one answers it."""
    second = []

    def during(_tester):
        with pytest.raises(AlreadyTestingError):
            run_connection_test(provider, SYSTEM, "http://127.0.0.1/scim")
        page = administrator.post(f"/eum/providers/{provider.pk}/guide/test/", follow=True)
        second.append("Another connection test is running" in read(page).text)
        raise ZeroDivisionError

    monkeypatch.setattr(connection_test, "_run", during)
    for _ in range(2):  # the first one is over, although it failed
        with pytest.raises(ZeroDivisionError):
            run_connection_test(provider, SYSTEM, "http://127.0.0.1/scim")
    assert second == [True, True] and not provider.tokens.exists()
