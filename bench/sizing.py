"""`make sizing`: what a user, a change and a request take on disk, and what a request takes of the processors.

It starts the product with its own PostgreSQL, fills it, and sends what directories send. Bytes are those of tables with
their indexes. CPU is that of server and database, so it hardly depends on what else the machine does.
docs/scaling.md computes with these figures.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.scim.counters import Database
from bench.scim.measure import follow, prepare
from bench.scim.servers import Server, manage, postgresql, product
from bench.scim.throughput import measure_load
from bench.scim.workloads import Known, Steps, add_member, create, get, make_group, patch_as_entra
from bench.soak.watch import workers

CONNECTIONS = 4
GROUP = 20
_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relname ~ %s
"""
RESOURCES, EVENTS, MEMBERS = "^providers_resource$", "^providers_changeevent", "^providers_membership$"
LOG = "^providers_requestlog"


@dataclass(frozen=True)
class Size:
    """How many bytes one of something takes."""

    name: str
    bytes: float


@dataclass
class Tables:
    """Reads the sizes of tables whose names match a pattern. Partitions match too."""

    connection: "psycopg.Connection[Any]"

    def size(self, pattern: str) -> int:
        [[found]] = self.connection.execute(_SIZE, [pattern]).fetchall()
        return int(found)

    def grown(self, patterns: Sequence[str], count: int, work: Callable[[], None]) -> list[float]:
        """Do some work. Return by how much the tables of each pattern have grown, divided by `count`."""
        before = [self.size(pattern) for pattern in patterns]
        work()
        return [(self.size(pattern) - size) / count for pattern, size in zip(patterns, before, strict=True)]


def repeat(server: Server, run: Callable[[Known], Steps], count: int) -> None:
    """Send a workload some times, and wait until the log is written."""
    with server.connect() as connection:
        for _ in range(count):
            follow(connection, run(server.known))
    server.rest()


def sizes(server: Server, tables: Tables, users: int, requests: int) -> list[Size]:
    """Measure what each takes on disk. The users come last: they would leave room in the indexes for the others."""
    with server.connect() as connection:
        follow(connection, make_group(server.known, GROUP))
        for _ in range(10):
            follow(connection, create(server.known))
    event, log = tables.grown([EVENTS, LOG], requests, lambda: repeat(server, patch_as_entra, requests))
    found = [Size("a change of a user, in the record", event), Size("a change, in the log of requests", log)]
    member, event = tables.grown([MEMBERS, EVENTS], requests, lambda: repeat(server, add_member(GROUP), requests))
    found += [Size("a member who joins and leaves, with both events", member + event)]
    [log] = tables.grown([LOG], requests, lambda: repeat(server, get, requests))
    found.append(Size("a read, in the log of requests", log))

    def fill() -> None:
        manage(server.url, "fill", server.provider, "--users", f"{users}")

    row, event = tables.grown([RESOURCES, EVENTS], users, fill)
    return [Size("a user, in the table of users", row), Size("the event of a user's creation", event), *found]


def memory_mb(process: int) -> float:
    """Return the memory of a process, with its share of what it has in common with others."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1_024


def main() -> None:
    parser = ArgumentParser(prog="make sizing", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--requests", type=int, default=2_000, help="of each kind")
    parser.add_argument("--seconds", type=float, default=15, help="of the mixed load")
    sent = parser.parse_args()
    sys.setswitchinterval(0.001)
    with postgresql() as url, product(url, workers=2) as server, psycopg.connect(server.url, autocommit=True) as own:
        prepare(server, 500, [], lambda _text: None)
        found = sizes(server, Tables(own), sent.users, sent.requests)
        database = Database(url)
        time.sleep(1)
        before = database.end_of_wal()
        load = measure_load(server, database, connections=CONNECTIONS, seconds=sent.seconds)
        wal, images = database.wal_between(before, database.end_of_wal())
        database.close()
        memory = [memory_mb(process) for process in workers(server.pid)]
        first = memory_mb(server.pid)
    if load.wrong:
        sys.exit(f"A response was wrong: {load.wrong}.")
    count = len(load.times_ms)
    print(f"\n{'bytes of':52} {'':>8}")
    for size in found:
        print(f"{size.name:52} {size.bytes:8,.0f}")
    print(f"{'a request of the mix, in WAL':52} {wal / count:8,.0f}")
    print(f"{'the same, images of pages after a checkpoint':52} {images / count:8,.0f}")
    print(f"\n{'mixed load: 40 % filters, 30 % reads, 30 % changes':52} {load.per_second:8.0f} a second here")
    for name, milliseconds in (("iprova-idm", load.server_ms), ("PostgreSQL", load.database_ms)):
        each = milliseconds / count
        print(f"{f'CPU of a request, {name}':52} {each:8.2f} ms, so {1_000 / each:.0f} a second and core")
    print(f"{'memory of gunicorn, and of each worker':52} {first:8.0f} MB, {', '.join(f'{one:.0f}' for one in memory)}")


if __name__ == "__main__":
    main()
