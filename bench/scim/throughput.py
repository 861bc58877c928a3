"""Throughput: several connections at once send what a directory sends: 40 % filters, 30 % reads, 30 % changes."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.scim.counters import Database, grown
from bench.scim.measure import FAULTS, follow, reason_of
from bench.scim.servers import Server
from bench.scim.workloads import Known, Steps, find_by_external_id, get, patch_title

MIX: tuple[Callable[[Known], Steps], ...] = (
    find_by_external_id,
    get,
    patch_title,
    find_by_external_id,
    get,
    find_by_external_id,
    patch_title,
    get,
    find_by_external_id,
    patch_title,
)


@dataclass
class Load:
    """The throughput with a number of connections, or in `wrong` the reason why it was not measured."""

    connections: int
    per_second: float = 0.0
    times_ms: list[float] = field(default_factory=list)
    server_ms: float = 0.0  # of all requests together
    database_ms: float = 0.0
    client_ms: float = 0.0
    wrong: str = ""

    @property
    def database_percent(self) -> float:
        """The share of PostgreSQL in the CPU of server and database."""
        return 100 * self.database_ms / ((self.server_ms + self.database_ms) or 1)

    def percentile(self, percent: int) -> float:
        times = sorted(self.times_ms)
        return times[min(len(times) * percent // 100, len(times) - 1)]


def measure_load(server: Server, database: Database | None, *, connections: int, seconds: float) -> Load:
    """Send the mix over some connections at once."""
    load = Load(connections)
    parts = [_part(server.known, number, connections) for number in range(connections)]
    before, client = server.counts(database), time.process_time()
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=_send, args=(server, part, end, load)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.rest()
    load.client_ms = (time.process_time() - client) * 1_000
    after = server.counts(database)
    load.server_ms, load.database_ms = grown(before.server, after.server), grown(before.database, after.database)
    load.per_second = len(load.times_ms) / seconds
    server.known.number += 1_000_000 * connections
    return load


def _part(known: Known, number: int, connections: int) -> Known:
    """Users of its own for each connection, so that the responses can be checked."""
    return Known(users=known.users[number::connections], number=known.number + 1_000_000 * number)


def _send(server: Server, known: Known, end: float, load: Load) -> None:
    step = 0
    try:
        with server.connect() as connection:
            while time.monotonic() < end and not load.wrong:
                load.times_ms += follow(connection, MIX[step % len(MIX)](known))
                step += 1
    except FAULTS as error:
        load.wrong = reason_of(error)
