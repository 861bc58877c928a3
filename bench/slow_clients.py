"""`make slow-clients` compares gunicorn's worker classes: what ordinary requests cost, and who waits for slow clients.

Each class serves a database of its own with two workers. First some clients send ordinary SCIM requests. Then, for each
kind of slow client, 50 of them connect and /healthz is asked for again and again. With nginx installed, the product's
worker is also measured behind deploy/nginx.conf. The command fails if the product's own worker lets anybody wait for
longer than a second.
"""

import contextlib
import http.client
import importlib.util
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django

import tests.database  # sets the database before Django reads its settings

django.setup()  # models cannot be imported before this

from django.db import connection  # noqa: E402

from iprova_idm.options import PROJECT_DIR  # noqa: E402
from tests.conftest import database_url, free_port  # noqa: E402
from tests.deploy.conftest import configuration, make_certificate  # noqa: E402
from tests.factories import issue, make_provider  # noqa: E402
from tests.iprova_idm.slow import SLOW_REQUESTS, clients, large_list  # noqa: E402

OURS = "own"
WORKERS = {
    "sync": ("-k", "sync"),
    "gthread 4": ("-k", "gthread", "--threads", "4"),
    # 2 workers with as many connections as a database of 60 can have.
    "gthread 24": ("-k", "gthread", "--threads", "24"),
    # Our own log class loads Django before gevent has changed what Django waits with.
    "gevent": ("-k", "gevent", "--logger-class", "gunicorn.glogging.Logger"),
    OURS: (),
}
UNREAD = "a response not read"
WORST_S = 5.0  # how long a request for /healthz is waited for
ALLOWED_S = 1.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Ordinary:
    """What ordinary requests took: how many a second, milliseconds of CPU for each, and the slowest of 20."""

    per_second: float
    cpu_ms: float
    p95_ms: float
    connections: int


@contextlib.contextmanager
def gunicorn(arguments: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Serve this process's database. Yield the base URL and the id of gunicorn's process."""
    port = free_port()
    environment = os.environ | {"DATABASE_URL": database_url(), "SECRET_KEY": "bench " * 12}
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "iprova_idm.wsgi:application"]
    command += ["-b", f"127.0.0.1:{port}", "-w", "2", "--log-level", "error", *arguments]
    process = subprocess.Popen(command, cwd=PROJECT_DIR, env=environment, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while ask_health(f"http://127.0.0.1:{port}") >= WORST_S:
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"gunicorn did not start with {' '.join(arguments)}.")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(60)


def ask_health(base: str) -> float:
    """Return the seconds that /healthz took, or `WORST_S` if it failed or took longer."""
    parts = urlsplit(base)
    started = time.monotonic()
    if parts.scheme == "https":
        context = ssl._create_unverified_context()
        client: http.client.HTTPConnection = http.client.HTTPSConnection(parts.netloc, timeout=WORST_S, context=context)
    else:
        client = http.client.HTTPConnection(parts.netloc, timeout=WORST_S)
    try:
        client.request("GET", "/healthz", headers={"Host": "localhost"})
        status = client.getresponse().status
    except (OSError, http.client.HTTPException):
        return WORST_S
    finally:
        client.close()
    return min(time.monotonic() - started, WORST_S) if status == 200 else WORST_S


def longest_wait(base: str, seconds: float) -> float:
    """Ask for /healthz during `seconds`, and return how long the slowest response took."""
    end, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < end and longest < WORST_S:
        longest = max(longest, ask_health(base))
        time.sleep(0.02)
    return longest


def cpu_seconds(process: int) -> float:
    """Return the CPU time of gunicorn's workers so far (Linux)."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    used = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13] for child in children]
    return sum(int(user) + int(system) for user, system in used) / TICKS


def send_ordinary(base: str, token: str, seconds: float, name: str, took: list[float]) -> None:
    """Send look-ups and creations as a directory does, on one connection for as long as the server keeps it."""
    client = http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        started = time.monotonic()
        if number % 4:
            client.request("GET", f"/scim/Users?filter=userName+eq+%22{name}-{number - 1}%22", headers=headers)
        else:
            client.request("POST", "/scim/Users", json.dumps({"userName": f"{name}-{number}"}), headers)
        client.getresponse().read()
        took.append(time.monotonic() - started)
    client.close()


def measure_ordinary(base: str, process: int, token: str, seconds: float, label: str) -> Ordinary:
    """Measure ordinary requests of four clients at once."""
    took: list[float] = []
    names = [f"{label}-{number}" for number in range(4)]
    threads = [threading.Thread(target=send_ordinary, args=(base, token, seconds, name, took)) for name in names]
    before = cpu_seconds(process)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = cpu_seconds(process) - before
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()")
        connections = cursor.fetchone()[0]
    took.sort()
    return Ordinary(len(took) / seconds, used * 1_000 / len(took), took[len(took) * 95 // 100] * 1_000, connections)


@contextlib.contextmanager
def nginx(program: str, backend: str) -> Iterator[str]:
    """Run deploy/nginx.conf in front of `backend`. Yield its base URL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_certificate(folder)
        port = free_port()
        (folder / "nginx.conf").write_text(configuration(folder, urlsplit(backend).port or 0, free_port(), port))
        process = subprocess.Popen(
            [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off; master_process off;"],
            stderr=subprocess.DEVNULL,
        )
        try:
            while ask_health(f"https://127.0.0.1:{port}") >= WORST_S:
                time.sleep(0.1)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def waits(base: str, unread: bytes, seconds: float) -> dict[str, float]:
    """Return the longest wait for /healthz during each kind of slow client."""
    kinds = {kind: (first, drip, 50) for kind, (first, drip) in SLOW_REQUESTS.items()}
    found = {}
    for kind, (first, drip, count) in (kinds | {UNREAD: (unread, b"", 6)}).items():
        with clients(base, first, drip, count=count, wrap=wrap if base.startswith("https") else None):
            time.sleep(1 if kind == UNREAD else 0)  # so that the lists themselves are made
            found[kind] = longest_wait(base, seconds)
        time.sleep(0.5)
    return found


def wrap(sock: socket.socket) -> socket.socket:
    return ssl._create_unverified_context().wrap_socket(sock)


def shown(seconds: float) -> str:
    return f"> {WORST_S:.0f} s" if seconds >= WORST_S else f"{seconds * 1_000:.0f} ms"


def main() -> None:
    """Measure and print. Exit with 1 if the product's own worker lets somebody wait for longer than a second."""
    parser = ArgumentParser(prog="make slow-clients", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2, help="for each kind of slow client")
    parser.add_argument("--ordinary", type=float, default=8, help="seconds of ordinary requests")
    sizes = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    ordinary: dict[str, Ordinary] = {}
    with tests.database.new_database():
        token = issue(make_provider())[1]
        for number, (name, arguments) in enumerate(WORKERS.items()):
            if name == "gevent" and importlib.util.find_spec("gevent") is None:
                print("gevent is not installed, so it is not measured.\n")
                continue
            with gunicorn(arguments) as (base, process):
                send_ordinary(base, token, 1, f"warm-{number}", [])
                ordinary[name] = measure_ordinary(base, process, token, sizes.ordinary, f"u{number}")
                unread = large_list(base, issue(make_provider())[1])
                found[name] = waits(base, unread, sizes.seconds)
                if name == OURS and (program := shutil.which("nginx", path=f"{os.defpath}:/usr/sbin")):
                    with nginx(program, base) as front:
                        found[f"{OURS}, nginx"] = waits(front, unread, sizes.seconds)
    print_tables(ordinary, found)
    sys.exit(max(max(found[name].values()) for name in found if name.startswith(OURS)) > ALLOWED_S)


def print_tables(ordinary: dict[str, Ordinary], found: dict[str, dict[str, float]]) -> None:
    print(f"{'ordinary requests':24}{'a second':>9}{'CPU ms each':>13}{'95 % within':>13}{'connections':>13}")
    for name, one in ordinary.items():
        print(f"{name:24}{one.per_second:9.0f}{one.cpu_ms:13.2f}{one.p95_ms:10.1f} ms{one.connections:13}")
    print(f"\n{'longest wait during':24}" + "".join(f"{name:>12}" for name in found))
    any_of: Any = next(iter(found.values()))
    for kind in any_of:
        print(f"{kind:24}" + "".join(f"{shown(waited[kind]):>12}" for waited in found.values()))


if __name__ == "__main__":
    main()
