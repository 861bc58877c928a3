"""The servers: how each is started, and what the bench knows about a running one.

Each has one worker process, a database of its own on the same PostgreSQL (if it uses one), and is filled over SCIM.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.scim.counters import Counts, Database, read
from bench.scim.wire import Connection, Request
from bench.scim.workloads import Known
from iprova_idm.embedded import database_in_environment, die_with_parent
from iprova_idm.options import PROJECT_DIR
from iprova_idm.serve import serving

FOLDER = PROJECT_DIR / ".bench"
OURS, SQL, ACCESS = "iprova-idm", "least SQL", "with an access token"
START_S = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class MissingError(Exception):
    """A server that cannot be started here. The text has the reason, for the tables."""


@dataclass
class Server:
    """A running server. `rest_s`: how long it may still work after its last response."""

    name: str
    port: int
    base: str
    token: str
    pid: int
    database: str = ""
    rest_s: float = 0.05
    url: str = ""  # of its database
    provider: str = ""
    known: Known = field(default_factory=Known)

    def connect(self) -> Connection:
        return Connection(self.port, self.base, self.token)

    def rest(self) -> None:
        """Wait until the server has done what it does after its last response."""
        time.sleep(self.rest_s)

    def counts(self, database: Database | None) -> Counts:
        return read(self.pid, database, self.database)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run the embedded PostgreSQL as `make run` does, in a folder of the bench, unless DATABASE_URL names a server."""
    FOLDER.mkdir(exist_ok=True)
    os.environ["DATA_DIR"] = str(FOLDER)
    with database_in_environment(must_own=True):
        yield os.environ["DATABASE_URL"]


def new_database(url: str, name: str) -> str:
    """Make an empty database, in the place of an earlier one of this name. Return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def manage(url: str, *arguments: str) -> dict[str, str]:
    """Run a command of the product on a database. Return its JSON."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments, "--json"],
        cwd=PROJECT_DIR,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def product(url: str, *, workers: int = 1, rate: str = "0") -> Iterator[Server]:
    """Serve the product as `make run` does, with one provider. `rate` is its PROVIDER_RATE; 0: no limit."""
    own, port = new_database(url, "bench_product"), free_port()
    settings = {
        "DATABASE_URL": own,
        "PORT": str(port),
        "WORKERS": str(workers),
        "PROVIDER_RATE": rate,
        "ADMIN_PASSWORD": "correct horse battery",
    }
    before = {setting: os.environ.get(setting) for setting in settings}
    os.environ |= settings
    try:
        with serving() as running:
            provider = manage(own, "add_provider", f"Bench {port}")
            token = manage(own, "issue_token", provider["title"])["token"]
            # Its log is written half a second after the response, by a thread whose work counts.
            server = Server(OURS, port, "/scim", token, running.gunicorn.pid, urlsplit(own).path[1:], rest_s=0.8)
            server.url, server.provider = own, provider["title"]
            yield server
    finally:
        for setting, value in before.items():
            if value is None:
                os.environ.pop(setting, None)
            else:
                os.environ[setting] = value


def with_access_token(server: Server) -> Server:
    """Return the same running product as a client meets it that has signed in by OAuth."""
    client = manage(server.url, "add_oauth_client", server.provider)
    named = {name: client[name] for name in ("client_id", "client_secret")}
    form = urlencode({"grant_type": "client_credentials", **named})
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/oauth/token", form.encode(), timeout=30) as response:
        token = json.load(response)["access_token"]
    return replace(server, name=ACCESS, token=token)


@contextlib.contextmanager
def started(server: Server, command: Sequence[str | Path], *, folder: Path, **environment: str) -> Iterator[Server]:
    """Run a server's command until the end of the block. Raises `MissingError` if it does not respond."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    server.pid = process.pid
    try:
        _wait_until_it_responds(server, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_responds(server: Server, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with server.connect() as connection:
                connection.send(Request("GET", "/ServiceProviderConfig"))
            return
        except OSError:
            time.sleep(0.1)
    raise MissingError("it does not start")


@contextlib.contextmanager
def floors(url: str) -> Iterator[Server]:
    """Serve the floors with the product's own gunicorn: its worker class and its configuration."""
    own, port = new_database(url, "bench_floors"), free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--log-level", "error"]
    command.append("django.core.wsgi:get_wsgi_application()")
    environment = {
        "DJANGO_SETTINGS_MODULE": "bench.scim.floor_settings",
        "DATABASE_URL": own,
        "PORT": str(port),
        "WORKERS": "1",
    }
    with started(Server(SQL, port, "", "", 0, "bench_floors"), command, folder=PROJECT_DIR, **environment) as server:
        yield server
