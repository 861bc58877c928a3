"""What server and database do during the load: memory and CPU of each process, backlog of the log, background work.

Two threads look again and again. What happens for some time (a checkpoint, a worker that starts, the housekeeping)
becomes a `Span`, so that the report can compare the requests during it with the others.
"""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.scim.counters import cpu_ms, family
from iprova_idm.options import PROJECT_DIR

LOOK_S, LOOK_AT_LOG_S = 0.1, 1.0
_START_S = 8.0  # a worker that is younger than that, by its CPU, may still be loading the application

# A checkpointer that waits for its next time is not writing. PostgreSQL shows no query of autovacuum to other roles.
_BACKGROUND = """
SELECT CASE backend_type WHEN 'checkpointer' THEN 'a checkpoint' ELSE 'autovacuum' END
FROM pg_stat_activity
WHERE backend_type = 'autovacuum worker'
   OR backend_type = 'checkpointer' AND wait_event IS DISTINCT FROM 'CheckpointerMain'
"""
_WRITTEN = "SELECT coalesce(sum(count), 0)::bigint FROM providers_requestcount WHERE provider_id = ANY(%s)"
_ROWS = "SELECT count(*) FROM providers_requestlog WHERE provider_id = ANY(%s)"
_FAILED_JOBS = "SELECT job, result FROM providers_jobrun WHERE has_failed"


@dataclass(frozen=True)
class Span:
    """Something that lasted, from `began` to `ended` (monotonic)."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True)
class Behind:
    """How many requests had a response and were not in the log's counts yet, at a moment."""

    at: float
    requests: int


@dataclass
class Watch:
    """Looks at a running server. `answered` returns how many requests of `providers` have been answered so far."""

    gunicorn: int
    url: str
    providers: Sequence[int]
    answered: Callable[[], int]
    memory_mb: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))  # by worker
    cpu_ms: dict[str, dict[int, list[float]]] = field(default_factory=dict)  # by group: first and last of each process
    behind: list[Behind] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    postmaster: int = 0
    _already: int = 0  # requests that the log has counted and `answered` has not
    _open: dict[str, float] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        """Start looking."""
        with psycopg.connect(self.url) as connection:
            [[backend, already]] = connection.execute(
                f"SELECT pg_backend_pid(), ({_WRITTEN})", [list(self.providers)]
            ).fetchall()
        self._already = int(already) - self.answered()
        self.postmaster = int(re.findall(r"PPid:\s+(\d+)", Path(f"/proc/{backend}/status").read_text())[0])
        for look in (self._look_at_processes, self._look_at_log):
            self._threads.append(threading.Thread(target=look, daemon=True))
            self._threads[-1].start()

    def end(self) -> None:
        """Stop looking, and end the spans that are open."""
        self.stop.set()
        for thread in self._threads:
            thread.join(20)
        self._note(set())

    def _look_at_processes(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.wait(LOOK_S):
                doing = {str(name) for (name,) in connection.execute(_BACKGROUND).fetchall()}
                if self._starts_a_worker():
                    doing.add("a worker that starts")
                self._note(doing)

    def _starts_a_worker(self) -> bool:
        """Keep memory and CPU of all processes. Return whether a worker is loading the application."""
        now, starts = time.monotonic(), False
        groups = {"server": self.gunicorn, "PostgreSQL": self.postmaster, "client": os.getpid()}
        for group, root in groups.items():
            known = self.cpu_ms.setdefault(group, {})
            for pid in [root] if group == "client" else list(_living(root)):
                with contextlib.suppress(OSError):
                    used = cpu_ms(pid)
                    known.setdefault(pid, [used if len(self.behind) < 2 else 0.0, used])[1] = used
        for pid in workers(self.gunicorn):
            with contextlib.suppress(OSError, IndexError):
                if resident := _resident_mb(pid):  # 0 when it has ended
                    self.memory_mb[pid].append((now, resident))
                # Until it has loaded everything it has no connection to the database, and less memory.
                starts = starts or (_age_s(pid) < _START_S and not _listens(pid))
        return starts

    def _look_at_log(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.wait(LOOK_AT_LOG_S):
                answered = self.answered()
                self.behind.append(Behind(time.monotonic(), answered - self._written(connection)))

    def _written(self, connection: "psycopg.Connection[Any]") -> int:
        [[written]] = connection.execute(_WRITTEN, [list(self.providers)]).fetchall()
        return int(written) - self._already

    def is_log_complete(self, within_s: float) -> bool:
        """Wait until the log has a row for every request that was answered."""
        end = time.monotonic() + within_s
        with psycopg.connect(self.url, autocommit=True) as connection:
            while True:
                [[rows]] = connection.execute(_ROWS, [list(self.providers)]).fetchall()
                if rows - self._already == self.answered():
                    return True
                if time.monotonic() > end:
                    return False
                time.sleep(0.5)

    def _note(self, doing: set[str]) -> None:
        now = time.monotonic()
        for name in doing - self._open.keys():
            self._open[name] = now
        for name in self._open.keys() - doing:
            self.spans.append(Span(name, self._open.pop(name), now))


def workers(gunicorn: int) -> list[int]:
    """Return the processes of gunicorn's workers."""
    return [int(child) for child in Path(f"/proc/{gunicorn}/task/{gunicorn}/children").read_text().split()]


def _living(root: int) -> list[int]:
    with contextlib.suppress(OSError):
        return list(family(root))
    return []


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576)


def _age_s(pid: int) -> float:
    started = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def _listens(pid: int) -> bool:
    """Whether a worker waits for clients: it has a selector then."""
    return any("eventpoll" in os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir())


class Housekeeping(threading.Thread):
    """Runs the regular jobs as the timer does, and keeps how long each run took."""

    def __init__(self, url: str, every_s: float) -> None:
        super().__init__(daemon=True)
        self.url, self.every_s = url, every_s
        self.spans: list[Span] = []
        self.wrong: list[str] = []
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(self.every_s):
            began = time.monotonic()
            done = subprocess.run(
                ["nice", "-n", "10", sys.executable, "manage.py", "housekeeping"],  # as the unit has it
                cwd=PROJECT_DIR,
                env=os.environ | {"DATABASE_URL": self.url},
                capture_output=True,
                text=True,
                check=False,
            )
            self.spans.append(Span("the housekeeping", began, time.monotonic()))
            if done.returncode:
                self.wrong.append(f"status {done.returncode}: {done.stderr[-300:]}")

    def end(self) -> None:
        """Wait for the run that has begun, and note which jobs failed."""
        self.stop.set()
        self.join(120)
        with psycopg.connect(self.url) as connection:
            failed = connection.execute(_FAILED_JOBS).fetchall()
        self.wrong += [f"{job}: {result}" for job, result in failed]
