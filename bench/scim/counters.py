"""The counters that are read before and after a batch of requests.

CPU time is the scheduler's, in nanoseconds for each process with all its threads, also those that have ended. It does
not depend on who else uses the machine, as time on the clock does. Linux only.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg


def cpu_ms(pid: int) -> float:
    """Return the CPU time of a process so far. Raises OSError if it does not exist."""
    clock = ~pid << 3 | 2  # as clock_getcpuclockid(3) makes it: CPUCLOCK_SCHED of the process
    return time.clock_gettime(clock) * 1_000


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in tasks.read_text().split():
            yield from family(int(child))


def peak_mb(pid: int) -> float:
    """Return the largest resident size that any process of a family has had."""
    status = [Path(f"/proc/{one}/status").read_text() for one in family(pid)]
    return max(int(found[1]) / 1_024 for text in status if (found := re.search(r"VmHWM:\s+(\d+)", text)))


@dataclass(frozen=True)
class Counts:
    """One reading: the CPU of each process of the server and of the database, and where the WAL ends."""

    server: dict[int, float]
    database: dict[int, float] = field(default_factory=dict)
    wal: str = ""


def grown(before: dict[int, float], after: dict[int, float]) -> float:
    """Return the milliseconds between two readings. A process that ended in between is left out."""
    return sum(value - before.get(pid, 0.0) for pid, value in after.items())


class Database:
    """Reads the counters of PostgreSQL's processes and its WAL, with a connection of its own to another database."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")

    def close(self) -> None:
        self._connection.close()

    def backends(self, name: str) -> dict[int, float]:
        """Return the CPU time of each backend of a database."""
        statement = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
        rows = self._connection.execute(statement, [name]).fetchall()
        return _times(pid for (pid,) in rows)

    def end_of_wal(self) -> str:
        [[end]] = self._connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchall()
        return str(end)

    def wal_between(self, start: str, end: str) -> tuple[int, int]:
        """Return the bytes of the records between two positions, and those of full-page images.

        PostgreSQL writes such an image of a page at its first change after a checkpoint, whatever the change is.
        """
        if start == end:
            return 0, 0
        statement = "SELECT sum(record_size)::bigint, sum(fpi_size)::bigint FROM pg_get_wal_stats(%s, %s)"
        [[records, images]] = self._connection.execute(statement, [start, end]).fetchall()
        return records, images


def _times(pids: Iterator[int]) -> dict[int, float]:
    found = {}
    for pid in pids:
        try:
            found[pid] = cpu_ms(pid)
        except OSError:  # it has ended meanwhile
            continue
    return found


def read(server_pid: int, database: Database | None, name: str) -> Counts:
    """Read all counters of a server whose database is `name`, or empty if it has none."""
    server = _times(family(server_pid))
    if database is None or not name:
        return Counts(server)
    return Counts(server, database.backends(name), database.end_of_wal())
