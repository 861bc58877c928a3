"""What tests of several packages share: the cast, a SCIM client in process, a real gunicorn."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import setup_databases, teardown_databases

from providers import request_log
from providers.models import Provider
from tests.factories import issue, make_provider

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _request_log_in_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In process, the log waits until a test flushes it: a thread would write past the test's transaction."""
    monkeypatch.setattr(request_log.writer, "start", lambda: None)
    request_log.writer._reset()
    yield
    request_log.writer._reset()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """A test database for every run: pytest-django's own makes none where tests commit or ask over HTTP only."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def provider(db: None) -> Provider:
    return make_provider("Contoso Entra ID")


@pytest.fixture
def stranger(db: None) -> Provider:
    """Another provider, whose data nobody else may see."""
    return make_provider("Fabrikam")


class ScimClient:
    """Django's test client speaking SCIM with one provider's token; paths are below /scim."""

    def __init__(self, token: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

    def request(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: str):  # type: ignore[no-untyped-def]
        import orjson

        address = f"/scim{path}" + (f"?{urlencode(query)}" if query else "")
        data = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = self.headers | (headers or {})
        content_type = sent.pop("Content-Type", "application/scim+json; charset=utf-8")
        return self.client.generic(method, address, data, content_type=content_type, headers=sent)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str):  # type: ignore[no-untyped-def]
        return self.request("GET", path, None, headers, **query)

    def post(self, path: str, body: object, **options: object):  # type: ignore[no-untyped-def]
        return self.request("POST", path, body, **options)  # type: ignore[arg-type]

    def put(self, path: str, body: object, **options: object):  # type: ignore[no-untyped-def]
        return self.request("PUT", path, body, **options)  # type: ignore[arg-type]

    def patch(self, path: str, *operations: dict[str, object], **options: object):  # type: ignore[no-untyped-def]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": list(operations)}
        return self.request("PATCH", path, body, **options)  # type: ignore[arg-type]

    def delete(self, path: str, **options: object):  # type: ignore[no-untyped-def]
        return self.request("DELETE", path, **options)  # type: ignore[arg-type]


@pytest.fixture
def scim() -> Callable[[Provider], ScimClient]:
    """`scim(provider)` is a client with a fresh token of that provider."""

    def client(of: Provider) -> ScimClient:
        return ScimClient(issue(of)[1])

    return client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def database_url() -> str:
    """The test database as DATABASE_URL names it."""
    known = settings.DATABASES["default"]
    address = f"{quote(known['USER'])}:{quote(known['PASSWORD'])}@" if known["USER"] else ""
    port = f"&port={known['PORT']}" if known["PORT"] else ""
    return f"postgresql://{address}/{known['NAME']}?host={quote(known['HOST'])}{port}"


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """Base URL of a real gunicorn on the test database."""
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "PORT": str(port),
        "SECRET_KEY": "test " * 12,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "iprova_idm.wsgi:application"]
    process = subprocess.Popen([*command, "-b", f"127.0.0.1:{port}", "-w", "2"], env=environment, cwd=PROJECT)
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert process.poll() is None, "gunicorn ended at its start"
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer in 20 s")


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Database access that commits, for tests with other processes or connections; nothing is cleaned up."""
    with django_db_blocker.unblock():
        yield
        connection.close()
