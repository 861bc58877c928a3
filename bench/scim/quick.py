"""`make bench-quick`: the ratios of the product to the floors, in less than two minutes.

With `--check` it fails if a ratio is more than 15 % above that of bench/quick.json. With `--access-token` the same
server is measured with such a token too, in turn.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.scim.counters import Database
from bench.scim.measure import Cells, prepare, rounds
from bench.scim.servers import ACCESS, OURS, SQL, floors, postgresql, product, with_access_token
from bench.scim.workloads import Workload, workloads

TABLE = Path(__file__).resolve().parent.parent / "quick.json"
ALLOWED, SLACK = 1.15, 0.05  # the slack is in times the empty view: a small ratio varies by more than 15 %

Ratios = dict[str, dict[str, float]]


def ratios_of(cells: Cells) -> Ratios:
    """Return the server's and the database's CPU of each workload, in times DRF's empty view."""
    return {
        name: {"server": round(row[OURS].server, 2), "database": round(row[OURS].database, 2)}
        for name, row in cells.items()
        if not row[OURS].wrong
    }


def worse(found: Ratios, committed: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a line for each ratio that is above what is allowed, and for each that has no figure any more."""
    lines = [f"{name}: not measured" for name in committed if name not in found]
    for name, row in found.items():
        for part, value in row.items():
            before = committed.get(name, {}).get(part)
            if before is not None and value > before * ALLOWED + SLACK:
                lines.append(f"{name}: {part} {value:.2f} ×, committed {before:.2f} ×")
    return lines


def show(cells: Cells) -> None:
    """Print the table."""
    titles = f"{'server':>9}{'database':>10}{'both':>8}{'least SQL':>15}{'WAL':>10}{'images':>10}"
    print(f"\n{'CPU in times that of an empty DRF view':38}{titles}")
    for name, row in cells.items():
        ours, floor = row[OURS], row[SQL]
        if ours.wrong:
            print(f"{name:38}  {ours.wrong}")
            continue
        least = "" if floor.wrong else f"{floor.server:.2f} + {floor.database:.2f}"
        print(
            f"{name:38}{ours.server:9.2f}{ours.database:10.2f}{ours.server + ours.database:8.2f}{least:>15}"
            f"{ours.wal:8,.0f} B{ours.images:8,.0f} B"
        )


def show_access(cells: Cells) -> None:
    """Print what each workload costs with an access token, in times what it costs with a permanent one."""
    print(f"\n{'With an access token / a permanent one':38}{'server':>9}{'database':>10}")
    for name, row in cells.items():
        own, other = row[OURS], row[ACCESS]
        if own.wrong or other.wrong:
            print(f"{name:38}  {own.wrong or other.wrong}")
            continue
        print(f"{name:38}{other.server / own.server:9.2f}{other.database / own.database:10.2f}")


def save(found: Ratios) -> None:
    TABLE.write_text(json.dumps(found, indent=2) + "\n")


def main(arguments: Namespace) -> int:
    """Measure and print. Return the exit status."""
    table = [row for row in workloads([10, 1_000]) if row.is_quick]
    if arguments.only:
        table = [row for row in table if any(part.lower() in row.name.lower() for part in arguments.only)]
    committed = json.loads(TABLE.read_text()) if arguments.check else {}
    committed = {row.name: committed[row.name] for row in table if row.name in committed}
    with ExitStack() as stack:
        url = stack.enter_context(postgresql())
        servers = [stack.enter_context(product(url)), stack.enter_context(floors(url))]
        database = Database(url)
        stack.callback(database.close)
        for server in servers:
            prepare(server, 1_000, [10, 1_000], print)

        if arguments.access_token:
            servers.append(with_access_token(servers[0]))

        def measure(rows: Sequence[Workload]) -> Cells:
            return rounds(servers, servers[1], rows, database, count=arguments.rounds, say=print)

        cells = measure(table)
        suspects = {line.partition(":")[0] for line in worse(ratios_of(cells), committed)}
        if suspects:  # chance can do that, but hardly twice
            cells |= measure([row for row in table if row.name in suspects])
    show(cells)
    if arguments.access_token:
        show_access(cells)
    unit = [one for row in cells.values() for one in row[OURS].empty_ms]
    print(f"\nDRF's empty view: {median(unit):.2f} ms of CPU")
    if arguments.save:
        save(ratios_of(cells))
    lines = worse(ratios_of(cells), committed)
    if arguments.check:
        print(*lines or ["Nothing is more than 15 % above the committed table."], sep="\n")
    return 1 if lines else 0


def parser() -> ArgumentParser:
    parser = ArgumentParser(prog="make bench-quick", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="fail if a ratio is more than 15 %% above bench/quick.json"
    )
    parser.add_argument("--access-token", action="store_true", help="measure with an access token too")
    parser.add_argument("--save", action="store_true", help="write bench/quick.json")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="workloads whose name has one of these words")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(parser().parse_args()))
