"""Writes what was measured: tables into docs/performance.md, between their marks, and plots next to it."""

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from bench.scim.growth import Curve
from bench.scim.measure import Cell, Cells
from bench.scim.plot import plot
from bench.scim.servers import OURS, SQL
from bench.scim.throughput import Load
from bench.scim.trips import Trips
from iprova_idm.options import PROJECT_DIR

DOCUMENT = PROJECT_DIR / "docs" / "performance.md"
PLOTS = PROJECT_DIR / "docs" / "performance"

# The targets: CPU of the server and of the database, in times DRF's empty view. The first part of a workload's name.
TARGETS: Mapping[str, tuple[float, float]] = {
    "get": (1.7, 0.45),
    "filter": (1.7, 0.45),
    "create": (2.6, 1.7),
    "PATCH": (2.8, 1.7),
    "PUT": (2.8, 1.7),
    "delete": (2.2, 1.7),
    "add and remove a member": (2.0, 1.7),
    "list of 100": (2.6, 3.6),
}
WAL_TARGETS = {"create": 10_000, "PATCH": 6_000, "PUT": 6_000, "add and remove a member": 2_000}


def write(section: str, text: str, document: Path = DOCUMENT) -> None:
    """Put a text between the marks of a section of the document, in the place of what is there."""
    opening, closing = f"<!-- bench: {section} -->", f"<!-- end: {section} -->"
    before = document.read_text("utf-8")
    if opening not in before or closing not in before:
        raise ValueError(f"{document.name} has no section {section}.")
    pattern = re.compile(re.escape(opening) + ".*?" + re.escape(closing), re.DOTALL)
    document.write_text(pattern.sub(lambda _: f"{opening}\n\n{text.strip()}\n\n{closing}", before), "utf-8")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. All columns but the first are numbers."""
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine(versions: Mapping[str, str], empty_ms: float) -> str:
    """Return a sentence about the machine and the versions."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{date.today():%d %B %Y}, {os.cpu_count()} cores ({model[1] if model else platform.machine()}),"
        f" Python {platform.python_version()}, {named}. DRF's empty view takes {empty_ms:.2f} ms of CPU: that is 1.00."
    )


def costs(cells: Cells, missing: Mapping[str, str]) -> str:
    """Return the table of CPU: server + database in times the empty view, and the sum of both as a ratio to ours."""
    names = _servers(cells)
    rows = [
        [workload, *(_cost(row.get(name, Cell(wrong=missing.get(name, "–"))), row[OURS]) for name in names)]
        for workload, row in cells.items()
    ]
    lines = [table(["", *names], rows)]
    lines += [f"\n{name} is missing: {reason}." for name, reason in missing.items()]
    return "\n".join(lines)


def _servers(cells: Cells) -> list[str]:
    return list(dict.fromkeys(name for row in cells.values() for name in row))


def _cost(cell: Cell, ours: Cell) -> str:
    if cell.wrong or not cell.batches:
        return f"*{cell.wrong}*"
    figures = f"{cell.server:.2f}" + (f" + {cell.database:.2f}" if cell.database else "")
    if cell is not ours and not ours.wrong:
        figures += f" ({_ratio(cell.server + cell.database, ours.server + ours.database)})"
    return f"{figures}, *drops {', '.join(sorted(cell.losses))}*" if cell.losses else figures


def _ratio(value: float, ours: float) -> str:
    ratio = value / ours
    return f"{ratio:.1f} ×" if ratio < 100 else f"{ratio:,.0f} ×"


def times(cells: Cells) -> str:
    """Return the table of milliseconds: p50 and p99 of a request, and p50 as a ratio to ours."""
    names = _servers(cells)
    rows = [[workload, *(_time(row[name], row[OURS]) for name in names)] for workload, row in cells.items()]
    return table(["p50 / p99, ms", *names], rows)


def _time(cell: Cell, ours: Cell) -> str:
    if cell.wrong or not cell.batches:
        return ""
    figures = f"{cell.percentile(50):.1f} / {cell.percentile(99):.1f}"
    is_other = cell is not ours and not ours.wrong
    return f"{figures} ({_ratio(cell.percentile(50), ours.percentile(50))})" if is_other else figures


def database(cells: Cells, trips: Mapping[str, Mapping[str, Trips]]) -> str:
    """Return the table of what the database is asked for: statements, round trips, bytes of WAL."""
    names = list(trips)
    titles = ["statements / round trips / WAL", *names]
    rows = [
        [workload, *(_asked(row.get(name, Cell(wrong="–")), trips[name].get(workload)) for name in names)]
        for workload, row in cells.items()
    ]
    return table(titles, rows)


def _asked(cell: Cell, trips: Trips | None) -> str:
    if cell.wrong or not cell.batches:
        return ""
    counted = f"{trips.statements:.3g} / {trips.round_trips:.3g}" if trips else "–"
    return f"{counted} / {size_of(cell.wal)}" + (f" + {size_of(cell.images)}" if cell.images > 100 else "")


def size_of(count: float) -> str:
    return f"{count / 1_000:.1f} kB" if count >= 1_000 else f"{count:.0f} B"


def loads(found: Mapping[str, Sequence[Load]], memory: Mapping[str, float]) -> str:
    """Return the table of throughput with one worker, and of memory."""
    [ours, *_] = found.values()
    rows = []
    for name, row in found.items():
        rates = [_rate(load, own) for load, own in zip(row, ours, strict=True)]
        rows.append([name, *rates, f"{memory[name]:.0f} MB ({_ratio(memory[name], memory[next(iter(found))])})"])
    return table(["requests a second", *(f"{load.connections} at once" for load in ours), "largest process"], rows)


def _rate(load: Load, ours: Load) -> str:
    if load.wrong or not load.times_ms:
        return f"*{load.wrong}*"
    figures = f"{load.per_second:,.0f}, p99 {load.percentile(99):.0f} ms"
    return figures if load is ours or ours.wrong else f"{figures} ({load.per_second / ours.per_second:.1f} ×)"


def workers(load: Load, count: int) -> str:
    """Return the sentence about throughput with several workers."""
    total = (load.server_ms + load.database_ms + load.client_ms) / 100
    return (
        f"With WORKERS={count} and {load.connections} connections: **{load.per_second:,.0f} requests a second**,"
        f" p50 {load.percentile(50):.0f} ms, p99 {load.percentile(99):.0f} ms. PostgreSQL takes"
        f" {load.database_percent:.0f} % of the CPU of server and database. Of all CPU, the client takes"
        f" {load.client_ms / total:.0f} %."
    )


def growth(curves: Sequence[Curve], name: str, title: str, unit: str) -> str:
    """Return the table of curves, and draw their CPU by size."""
    sizes = sorted({size for curve in curves for size in curve.p50_ms})
    rows = [[curve.name, *(_point(curve, size) for size in sizes), _span(curve, sizes)] for curve in curves]
    PLOTS.mkdir(exist_ok=True)
    lines = {curve.name: curve.cpu for curve in curves if curve.cpu}
    (PLOTS / f"{name}.svg").write_text(plot(title, unit, "CPU, × DRF's empty view", lines), "utf-8")
    return f"![{title}](performance/{name}.svg)\n\n" + table(
        [f"p50 in ms (CPU), {unit}", *(f"{size:,}" for size in sizes), "last : first"], rows
    )


def for_each_member(curves: Sequence[Curve]) -> str:
    """Return what a member of the largest group costs when the group is read with its members."""
    for curve in curves:
        if curve.name == "group with members" and curve.cpu_ms:
            size = max(curve.cpu_ms)
            micro = curve.cpu_ms[size] * 1_000 / size
            return f"The group of {size:,} with its members takes {micro:.2f} µs of CPU for each member."
    return ""


def _point(curve: Curve, size: int) -> str:
    if size not in curve.p50_ms:
        return f"*{curve.wrong.get(size, '–')}*"
    return f"{curve.p50_ms[size]:.1f} ({curve.cpu[size]:.1f})"


def _span(curve: Curve, sizes: Sequence[int]) -> str:
    ends = [curve.cpu.get(size) for size in (sizes[0], sizes[-1])]
    return f"{ends[1] / ends[0]:.2f} ×" if ends[0] and ends[1] else ""


def targets(cells: Cells) -> str:
    """Return the table of targets, with what is missing to each."""
    rows = []
    for workload, row in cells.items():
        ours, known = row[OURS], next((name for name in TARGETS if workload.startswith(name)), None)
        if known is None or ours.wrong:
            continue
        server, data = TARGETS[known]
        wal = next((limit for name, limit in WAL_TARGETS.items() if workload.startswith(name)), None)
        rows.append(
            [
                workload,
                _against(ours.server, server, "×"),
                _against(ours.database, data, "×"),
                _against(ours.wal / 1_000, wal / 1_000, "kB") if wal else "",
            ]
        )
    return table(["", "server", "database", "WAL"], rows)


def _against(value: float, limit: float, unit: str) -> str:
    verdict = "" if value <= limit else f", **{100 * (value / limit - 1):.0f} % above**"
    return f"{value:.2f} of {limit:g} {unit}{verdict}"


def cheaper_peers(cells: Cells) -> str:
    """Return a line for each workload in which peers with right responses take less CPU than ours."""
    lines = []
    for workload, row in cells.items():
        right = {
            name: cell.server + cell.database
            for name, cell in row.items()
            if name != SQL and cell.batches and not cell.wrong and not cell.losses
        }
        ours = right.pop(OURS, 0.0)
        less = [f"{name} {value / ours:.2f} ×" for name, value in right.items() if value < ours]
        lines += [f"- {workload}: {', '.join(less)}"] if less else []
    if not lines:
        return "No peer with right responses takes less CPU than the product for any workload."
    return "\n".join(["Peers with right responses that take less CPU than the product:\n", *lines])
