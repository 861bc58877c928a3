"""`deploy/gunicorn.conf.py` as the systemd unit starts it: workers that are copies, and a new version (USR2)."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from iprova_idm.options import PROJECT_DIR
from tests.conftest import COMMITTED, database_url, free_port


@dataclass
class Gunicorn:
    """A running gunicorn, and what systemd would have heard from it. If `broken` exists, the next one cannot start."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"
    notified: socket.socket
    heard: list[str] = field(default_factory=list)

    @property
    def broken(self) -> Path:
        return self.folder / "broken"

    def is_healthy(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=30):
            return True
        return False

    def hear(self, beginning: str, seconds: float = 60.0) -> str:
        """Wait for a line to systemd."""
        self.notified.settimeout(seconds)
        while not (found := [line for line in self.heard if line.startswith(beginning)]):
            self.heard += self.notified.recv(4096).decode().splitlines()
        self.heard.clear()
        return found[0].partition("=")[2]


@pytest.fixture
def gunicorn(django_db_setup: None, tmp_path: Path) -> Iterator[Gunicorn]:
    port = free_port()
    text = (PROJECT_DIR / "deploy" / "gunicorn.conf.py").read_text()
    broken = f"import os\nassert not os.path.exists({str(tmp_path / 'broken')!r})\n"
    (tmp_path / "gunicorn.conf.py").write_text(broken + text)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(tmp_path / "notify"))
        environment = os.environ | {
            "DATABASE_URL": database_url(connection.creation.get_test_db_clone_settings(COMMITTED)),
            "PORT": str(port),
            "SECRET_KEY": "gunicorn " * 8,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
        }
        program = [Path(sys.executable).with_name("gunicorn"), "-c", tmp_path / "gunicorn.conf.py"]
        process = subprocess.Popen(
            [*program, "iprova_idm.wsgi:application"], cwd=PROJECT_DIR, env=environment, start_new_session=True
        )
        made = Gunicorn(port, tmp_path, process, notified)
        try:
            assert made.hear("READY") == "1"
            assert made.is_healthy()
            yield made
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def workers(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def has_libpq(process: int) -> bool:
    """Whether a process has loaded PostgreSQL's library."""
    return "libpq" in Path(f"/proc/{process}/maps").read_text()


def test_workers_are_copies_of_a_process_without_connections_and_threads(gunicorn: Gunicorn) -> None:
    first = gunicorn.process.pid
    assert has_libpq(first), "the application is loaded before the workers are made"
    assert len(list(Path(f"/proc/{first}/task").iterdir())) == 1
    sockets = [file for file in Path(f"/proc/{first}/fd").iterdir() if os.readlink(file).startswith("socket:")]
    assert len(sockets) == 1, "it listens, and has no connection to the database"
    known = workers(first)
    os.kill(int(known[0]), signal.SIGKILL)
    end = time.monotonic() + 10
    while len(set(workers(first)) - set(known)) != 1 and time.monotonic() < end:
        time.sleep(0.02)
    assert len(workers(first)) == len(known) and gunicorn.is_healthy()


def test_a_new_version_takes_over_while_requests_are_answered(gunicorn: Gunicorn) -> None:
    answers: list[bool] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.append(gunicorn.is_healthy())

    asking = threading.Thread(target=ask)
    asking.start()
    gunicorn.process.send_signal(signal.SIGUSR2)
    successor = int(gunicorn.hear("MAINPID"))
    assert gunicorn.process.wait(30) == 0
    before = len(answers)
    while len(answers) < before + 5:
        time.sleep(0.01)
    stop.set()
    asking.join()
    assert successor != gunicorn.process.pid and len(workers(successor)) == 2
    assert len(answers) > 5 and all(answers)


def test_a_version_that_does_not_start_changes_nothing(gunicorn: Gunicorn) -> None:
    gunicorn.broken.touch()
    gunicorn.process.send_signal(signal.SIGUSR2)
    with pytest.raises(TimeoutError):
        gunicorn.hear("MAINPID", 5.0)
    assert gunicorn.process.poll() is None and gunicorn.is_healthy()
    gunicorn.broken.unlink()
    gunicorn.process.send_signal(signal.SIGUSR2)
    assert int(gunicorn.hear("MAINPID")) != gunicorn.process.pid
    assert gunicorn.process.wait(30) == 0 and gunicorn.is_healthy()
