"""`make bench`: the SCIM endpoint next to its peers and the floors. Writes docs/performance.md and its plots.

Each part writes its tables when it is done, so a run that is stopped keeps the parts before.
"""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from statistics import median

import psycopg

from bench.scim import report
from bench.scim.counters import Database, peak_mb
from bench.scim.growth import grow_groups, grow_users
from bench.scim.measure import Cells, prepare, rounds
from bench.scim.peers import PEERS
from bench.scim.quick import TABLE, ratios_of, save
from bench.scim.servers import OURS, SQL, MissingError, Server, floors, postgresql, product
from bench.scim.throughput import Load, measure_load
from bench.scim.trips import count
from bench.scim.workloads import workloads

STARTED = time.monotonic()
USERS = 1_000  # next to the peers, until the groups that need more


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:6.0f} s  {text}", flush=True)


def side_by_side(url: str, database: Database, sizes: Namespace) -> None:
    """Measure all servers on the same work, then their throughput and memory."""
    small, large = workloads([size for size in sizes.groups if size <= USERS]), workloads(sizes.groups)
    large = tuple(row for row in large if row.size > USERS)
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        floor = stack.enter_context(floors(url))
        servers = [stack.enter_context(product(url)), floor, *_peers(stack, url, sizes.peers, missing)]
        for server in servers:
            prepare(server, USERS, [size for size in sizes.groups if size <= USERS], say)
        cells = rounds(servers, floor, small, database, count=sizes.rounds, say=say)
        unit = median(one for row in cells.values() for one in row[OURS].empty_ms)
        _write_costs(cells, unit, missing, url)
        others = [server for server in servers if server is not floor]
        found = {server.name: _loads(server, database, sizes.seconds) for server in others}
        memory = {server.name: peak_mb(server.pid) for server in others}
        if large:
            for server in servers:
                prepare(server, max(sizes.groups), [row for row in sizes.groups if row > USERS], say)
            cells |= rounds(servers, floor, large, database, count=sizes.rounds, say=say)
            _write_costs(cells, unit, missing, url)
    report.write("throughput", report.loads(found, memory))
    say("Counting statements and round trips")
    counted = {OURS: count(url, product, small, say), SQL: count(url, floors, small, say)}
    if "django-scim2" in sizes.peers and "django-scim2" not in missing:
        counted["django-scim2"] = count(url, PEERS["django-scim2"], small, say)
    report.write("database", report.database(cells, counted))


def _peers(stack: ExitStack, url: str, names: Sequence[str], missing: dict[str, str]) -> list[Server]:
    """Start the peers. `missing` gets the reason of each that cannot be started."""
    found = []
    for name in names:
        say(f"Starting {name}")
        try:
            found.append(stack.enter_context(PEERS[name](url)))
        except MissingError as error:
            missing[name] = str(error)
            say(f"{name} is left out: {error}")
    return found


def _write_costs(cells: Cells, unit: float, missing: dict[str, str], url: str) -> None:
    with psycopg.connect(url) as connection:
        postgres = connection.execute("SHOW server_version").fetchall()[0][0].split()[0]
    versions = {"PostgreSQL": postgres} | {name: version(name) for name in ("django", "gunicorn", "psycopg")}
    report.write("machine", report.machine(versions, unit))
    report.write("cost", report.costs(cells, missing) + "\n\n" + report.cheaper_peers(cells))
    report.write("times", report.times(cells))
    report.write("targets", report.targets(cells))
    save(ratios_of(cells))
    say(f"The tables of costs are in {report.DOCUMENT.name}, and the ratios in {TABLE.name}")


def _loads(server: Server, database: Database, seconds: float) -> list[Load]:
    say(f"Throughput of {server.name}")
    return [measure_load(server, database, connections=number, seconds=seconds) for number in (1, 8)]


def several_workers(url: str, database: Database, sizes: Namespace) -> None:
    """Measure the throughput of two workers with eight connections."""
    with product(url, workers=2) as server:
        prepare(server, 1_000, [], say)
        measure_load(server, database, connections=8, seconds=2)  # both workers warm up
        load = measure_load(server, database, connections=8, seconds=2 * sizes.seconds)
    report.write("workers", report.workers(load, 2))


def growth(url: str, database: Database, sizes: Namespace) -> None:
    """Measure with more and more users, and larger and larger groups."""
    with product(url) as server, floors(url) as floor:
        curves = grow_users(server, floor, server.url, server.provider, database, sizes.users, say)
        title = "Requests with more and more users"
        report.write("users", report.growth(curves, "users", title, "users"))
        fitting = [size for size in sizes.members if size <= sizes.users[-1]]
        curves = grow_groups(server, floor, server.url, server.provider, database, fitting, say)
        title = "Requests to larger and larger groups"
        text = report.growth(curves, "groups", title, "members")
        report.write("groups", f"{text}\n\n{report.for_each_member(curves)}")


PARTS = {"servers": side_by_side, "workers": several_workers, "growth": growth}


def read_sizes() -> Namespace:
    """Return the sizes on the command line."""
    parser = ArgumentParser(prog="make bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="the default is all")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="the default is all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each workload is measured")
    parser.add_argument("--groups", type=int, nargs="+", default=[10, 1_000, 10_000], help="members, next to peers")
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="for the growth")
    parser.add_argument("--members", type=int, nargs="+", default=[10, 100, 1_000, 10_000, 100_000], help="the same")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of throughput")
    return parser.parse_args()


def main() -> None:
    """Measure the parts, and write their tables."""
    sizes = read_sizes()
    with postgresql() as url:
        database = Database(url)
        try:
            for part in sizes.parts:
                PARTS[part](url, database, sizes)
        finally:
            database.close()
    say(f"Done: {report.DOCUMENT}")


if __name__ == "__main__":
    main()
