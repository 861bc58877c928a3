"""Measures: a batch of one workload at one server, and rounds of batches of all servers in turn."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.scim.counters import Database, grown
from bench.scim.servers import Server
from bench.scim.wire import Connection
from bench.scim.workloads import EMPTY, Steps, Workload, WrongError, load, make_group

BATCH_S = 1.0


@dataclass
class Batch:
    """The cost of one request (of one cycle if the workload is one) in a batch."""

    server_ms: float
    database_ms: float
    wal: float
    images: float
    times_ms: list[float]  # of each request


@dataclass
class Cell:
    """The measurements of one workload at one server, or in `wrong` the reason why it has none."""

    batches: list[Batch] = field(default_factory=list)
    empty_ms: list[float] = field(default_factory=list)  # DRF's empty view in the same round
    wrong: str = ""
    losses: set[str] = field(default_factory=set)

    @property
    def server(self) -> float:
        """Server CPU as a ratio to DRF's empty view, the median of the rounds."""
        return median(batch.server_ms / unit for batch, unit in zip(self.batches, self.empty_ms, strict=True))

    @property
    def database(self) -> float:
        return median(batch.database_ms / unit for batch, unit in zip(self.batches, self.empty_ms, strict=True))

    @property
    def server_ms(self) -> float:
        return median(batch.server_ms for batch in self.batches)

    @property
    def database_ms(self) -> float:
        return median(batch.database_ms for batch in self.batches)

    @property
    def wal(self) -> float:
        return median(batch.wal for batch in self.batches)

    @property
    def images(self) -> float:
        return median(batch.images for batch in self.batches)

    def percentile(self, percent: int) -> float:
        """Of the milliseconds of all requests."""
        times = sorted(one for batch in self.batches for one in batch.times_ms)
        return times[min(len(times) * percent // 100, len(times) - 1)]


Cells = dict[str, dict[str, Cell]]  # by workload, by server


def follow(connection: Connection, steps: Steps) -> list[float]:
    """Send the requests of a workload and give it the responses. Return the milliseconds of each request."""
    times: list[float] = []
    try:
        request = next(steps)
        while True:
            start = time.perf_counter()
            answer = connection.send(request)
            times.append((time.perf_counter() - start) * 1_000)
            request = steps.send(answer)
    except StopIteration:
        return times


def prepare(server: Server, users: int, group_sizes: Iterable[int], say: Callable[[str], None]) -> None:
    """Make users over SCIM, and groups. A server that cannot has no groups, which the tables show."""
    known = server.known
    say(f"  {server.name}: {users:,} users")
    with server.connect() as connection:
        while len(known.users) < users:
            follow(connection, load(known))
        for size in group_sizes:
            try:
                follow(connection, make_group(known, size))
            except FAULTS as error:
                say(f"  {server.name}: no group of {size:,}: {reason_of(error)}")
    known.losses.clear()
    server.rest()


# What a response that is not the right one leads to: where the checks read it, or on its way.
FAULTS = (WrongError, OSError, KeyError, TypeError, ValueError, IndexError, AttributeError)


def reason_of(error: Exception) -> str:
    """Return what is wrong with a response, in a few words."""
    if isinstance(error, WrongError):
        return str(error)
    return "no response" if isinstance(error, OSError) else f"not a SCIM response ({type(error).__name__})"


def batch(server: Server, workload: Workload, database: Database | None) -> Batch:
    """Run a workload for at most `workload.most` times or `BATCH_S` seconds. Raises one of `FAULTS`."""
    known, times, done = server.known, list[float](), 0
    with server.connect() as connection:
        if workload.before:
            follow(connection, workload.before(known, workload.most))
            known.losses.clear()
            server.rest()
        before = server.counts(database)
        end = time.monotonic() + BATCH_S
        while done < workload.most and (not done or time.monotonic() < end):
            times += follow(connection, workload.run(known))
            done += 1
        server.rest()
        after = server.counts(database)
    parts = done if workload.is_cycle else len(times)
    wal, images = database.wal_between(before.wal, after.wal) if database else (0, 0)
    server_ms, database_ms = grown(before.server, after.server), grown(before.database, after.database)
    return Batch(server_ms / parts, database_ms / parts, wal / parts, images / parts, times)


def try_once(server: Server, workload: Workload) -> str:
    """Run a workload a few times to warm up. Return what is wrong with the responses, or the empty text."""
    if workload.size and workload.size not in server.known.groups:
        return "no such group"
    try:
        with server.connect() as connection:
            if workload.before:
                follow(connection, workload.before(server.known, 3))
                server.known.losses.clear()
            for _ in range(1 if workload.size >= 1_000 else 3):
                follow(connection, workload.run(server.known))
    except FAULTS as error:
        return reason_of(error)
    finally:
        server.rest()
    return ""


def rounds(
    servers: Sequence[Server],
    floor: Server,
    table: Sequence[Workload],
    database: Database | None,
    *,
    count: int,
    say: Callable[[str], None],
) -> Cells:
    """Measure each workload at each server in turn, `count` times, and next to each the empty view."""
    cells: Cells = defaultdict(dict)
    warm_up(floor)
    for workload in table:
        say(f"  {workload.name}")
        for server in servers:
            server.known.losses.clear()
            wrong = try_once(server, workload)
            cells[workload.name][server.name] = Cell(wrong=wrong, losses=server.known.losses.copy())
        for _ in range(count):
            unit = batch(floor, EMPTY, None).server_ms
            for server in servers:
                cell = cells[workload.name][server.name]
                if not cell.wrong:
                    add(cell, server, workload, database, unit)
    return cells


def add(cell: Cell, server: Server, workload: Workload, database: Database | None, unit: float) -> None:
    """Add a batch to a cell. A response that is wrong takes the cell its figures."""
    try:
        cell.batches.append(batch(server, workload, database))
        cell.empty_ms.append(unit)
        cell.losses |= server.known.losses
    except FAULTS as error:
        cell.wrong = reason_of(error)


def warm_up(floor: Server) -> None:
    for _ in range(3):
        batch(floor, EMPTY, None)
