"""`make pgbouncer`: does the product work behind PgBouncer in transaction mode, with prepared statements and without?

It starts PgBouncer in front of the PostgreSQL of the bench. Then it runs tests through it, and sends a load to two
workers whose pool is smaller than the number of their connections, so that each transaction finds another connection
of PostgreSQL. A part of the requests is rejected: after each rollback, psycopg drops all prepared statements. The exit
status is 0 if all tests pass and each response of the load is right.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.scim.counters import cpu_ms
from bench.scim.measure import FAULTS, follow, prepare, reason_of
from bench.scim.servers import Server, free_port, postgresql, product
from bench.scim.wire import Request
from bench.scim.workloads import Known, Steps, find_by_external_id, get, initial_cycle, patch_title, put, require
from iprova_idm.embedded import SYSTEM_USER, die_with_parent
from iprova_idm.options import PROJECT_DIR

OLDEST = (1, 22, 1)  # that keeps prepared statements of psycopg (docs/high-availability.md)
WORKERS, CLIENTS = 2, 8
POOL = 3  # of the load: a worker has two connections, for requests and for its log
POOL_OF_TESTS = 20  # some hold several transactions open at once
USERS = 200
SMOKE = ("-m", "smoke")
STORE = ("tests/scim/store",)
PREPARED = ("tests/providers/test_prepared.py",)

# A pool that nobody uses is closed after a second, so that tests can copy and drop their databases.
CONFIGURATION = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
server_idle_timeout = 1
query_wait_timeout = 20
log_connections = 0
log_disconnections = 0
log_stats = 0
"""


@dataclass
class Load:
    """What the requests of all clients together came to. `wrong` has a line for each response that was not right."""

    times_ms: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    pgbouncer_ms: float = 0.0
    most_connections: int = 0  # of PostgreSQL, for the load
    prepared: int = 0  # statements on one of them at the end

    def percentile(self, percent: int) -> float:
        times = sorted(self.times_ms) or [0.0]
        return times[min(len(times) * percent // 100, len(times) - 1)]


@contextlib.contextmanager
def pooled(program: str, url: str, *, pool: int, statements: int | None) -> Iterator[tuple[str, int]]:
    """Run PgBouncer in front of a PostgreSQL. Yield the URL through it, and its process id.

    `statements` is its max_prepared_statements, or None for a version that has no such parameter.
    """
    known, port = conninfo_to_dict(url), free_port()
    server = " ".join(f"{name}={known[name]}" for name in ("host", "port", "user", "password") if known.get(name))
    text = CONFIGURATION.format(server=server, port=port, pool=pool)
    if statements is not None:
        text += f"max_prepared_statements = {statements}\n"
    if os.geteuid() == 0:  # it refuses to run as root; the embedded server knows this user
        text += f"user = {SYSTEM_USER}\n"
    with tempfile.NamedTemporaryFile("w", prefix="pgbouncer-", suffix=".ini") as file:
        file.write(text)
        file.flush()
        Path(file.name).chmod(0o644)
        process = subprocess.Popen(
            [*program.split(), "--quiet", file.name], start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM)
        )
        try:
            through = urlunsplit(urlsplit(url)._replace(netloc=f"{known['user']}@127.0.0.1:{port}", query=""))
            _wait_until_it_responds(through, process)
            yield through, process.pid
        finally:
            process.send_signal(signal.SIGQUIT)  # at once, whoever is connected
            process.wait(10)


def _wait_until_it_responds(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 20
    while process.poll() is None:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    raise SystemExit(f"PgBouncer ended with status {process.returncode}; see its message above.")


def run_tests(url: str, *arguments: str) -> tuple[int, str]:
    """Run tests through PgBouncer. Return their exit status and the last line of their output."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=PROJECT_DIR,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout)
    return done.returncode, done.stdout.strip().rpartition("\n")[2]


def name_in_use(known: Known) -> Steps:
    """A user whose name somebody has: rejected, and the transaction is rolled back."""
    require((yield Request("POST", "/Users", known.turn().document)), 409)


MIX: tuple[Callable[[Known], Steps], ...] = (
    find_by_external_id,
    get,
    patch_title,
    name_in_use,
    put,
    find_by_external_id,
    get,
    initial_cycle,
    patch_title,
)


def send_load(server: Server, url: str, pgbouncer: int, seconds: float) -> Load:
    """Send the mix over several connections at once. `url` is the database's, past PgBouncer."""
    load, end, known = Load(), time.monotonic() + seconds, server.known
    parts = [Known(users=known.users[n::CLIENTS], number=known.number + 1_000_000 * n) for n in range(CLIENTS)]
    threads = [threading.Thread(target=_send, args=(server, part, end, load)) for part in parts]
    before = cpu_ms(pgbouncer)
    for thread in threads:
        thread.start()
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    with psycopg.connect(url, autocommit=True) as direct:
        while any(thread.is_alive() for thread in threads):
            [count] = direct.execute(query, [server.database]).fetchone() or [0]
            load.most_connections = max(load.most_connections, count)
            time.sleep(0.1)
    load.pgbouncer_ms = cpu_ms(pgbouncer) - before
    with psycopg.connect(server.url) as through:
        [load.prepared] = through.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() or [0]
    return load


def _send(server: Server, known: Known, end: float, load: Load) -> None:
    with server.connect() as connection:
        for step in range(10**9):
            if time.monotonic() > end:
                return
            request = MIX[step % len(MIX)]
            try:
                load.times_ms += follow(connection, request(known))
            except FAULTS as error:
                load.wrong.append(f"{request.__name__}: {reason_of(error)}")
                if isinstance(error, OSError):
                    return


def is_right(url: str, arguments: Namespace, *, prepares: bool, statements: int | None) -> bool:
    """Run tests and load through PgBouncer, and print what came of it. Return whether nothing was wrong."""
    setting, right = "yes" if prepares else "no", True
    print(f"\nPREPARED_STATEMENTS={setting}", flush=True)
    os.environ["PREPARED_STATEMENTS"] = setting
    if not arguments.load_only:
        with pooled(arguments.program, url, pool=POOL_OF_TESTS, statements=statements) as (through, _):
            for chosen in (SMOKE, STORE, PREPARED) if prepares else (SMOKE, STORE):
                status, line = run_tests(through, *chosen)
                print(f"  {' '.join(chosen)}: {line}", flush=True)
                right &= status == 0
    with (
        pooled(arguments.program, url, pool=POOL, statements=statements) as (through, pid),
        product(through, workers=WORKERS) as server,
    ):
        prepare(server, USERS, [], lambda _: None)
        load = send_load(server, url, pid, arguments.seconds)
    show(load, arguments.seconds)
    return right and bool(load.times_ms) and not load.wrong and load.most_connections <= POOL


def main(arguments: Namespace) -> int:
    """Run everything with each setting. Return the exit status."""
    version = subprocess.run([*arguments.program.split(), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"PgBouncer (\d+)\.(\d+)\.(\d+)", version.stdout)
    if found is None:
        raise SystemExit(f"{arguments.program} is not PgBouncer: {version.stdout[:80]}")
    can_prepare = tuple(map(int, found.groups())) >= OLDEST
    with postgresql() as url:
        print(found[0])
        right = is_right(url, arguments, prepares=False, statements=0 if can_prepare else None)
        if can_prepare:
            right &= is_right(url, arguments, prepares=True, statements=200)
    return 0 if right else 1


def show(load: Load, seconds: float) -> None:
    number = max(len(load.times_ms), 1)
    print(
        f"  {WORKERS} workers, {CLIENTS} clients, {load.most_connections} connections of PostgreSQL at most:"
        f" {number:,} requests, {number / seconds:.0f} a second, p50 {load.percentile(50):.0f} ms,"
        f" p99 {load.percentile(99):.0f} ms, {load.pgbouncer_ms / number:.2f} ms of CPU of PgBouncer each,"
        f" {load.prepared} prepared statements on one connection, {len(load.wrong)} wrong"
    )
    for line in sorted(set(load.wrong)):
        print(f"    {load.wrong.count(line)} times: {line}")


def parser() -> ArgumentParser:
    parser = ArgumentParser(prog="make pgbouncer", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--program", default=shutil.which("pgbouncer") or "pgbouncer", help="which PgBouncer, as a command"
    )
    parser.add_argument("--seconds", type=float, default=20, help="of the load")
    parser.add_argument("--load-only", action="store_true", help="run no tests")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(parser().parse_args()))
