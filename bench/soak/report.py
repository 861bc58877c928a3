"""The tables that `make soak` prints: a verdict for each target, what ran while requests were slow, and the CPU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.soak.load import Seen
from bench.soak.watch import Behind, Span

LATER = 1.3  # p99 at the end, in times p99 at the beginning
CARRIED = 0.98  # of the requests that were due
FLAT, FLAT_MB = 1.1, 8.0  # memory of a worker at the end: this many times what it was, or this much more
BEHIND_S = 3.0  # how far behind the log may be
JOBS_S = 60.0
WINDOW_S = 300.0


@dataclass(frozen=True)
class Target:
    """A row of the table: what was measured, and whether that is good enough."""

    name: str
    measured: str
    wanted: str
    is_met: bool


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of all are. 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else 0.0


def windows(began: float, ended: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first and the last five minutes, or sixths of a shorter time."""
    length = min(WINDOW_S, (ended - began) / 6)
    return (began, began + length), (ended - length, ended)


def within(seen: Sequence[Seen], window: tuple[float, float]) -> list[float]:
    """Return the milliseconds of the requests that were due in a window."""
    return [one.took_s * 1_000 for one in seen if window[0] <= one.due < window[1]]


def latency(seen: Sequence[Seen], began: float, ended: float) -> Target:
    """Compare the slowest hundredth of the end with that of the beginning."""
    first, last = (within(seen, window) for window in windows(began, ended))
    ratio = percentile(last, 99) / (percentile(first, 99) or 1)
    times = " → ".join(f"p50 {percentile(one, 50):.0f}, p99 {percentile(one, 99):.0f} ms" for one in (first, last))
    return Target("p99 at the end / beginning", f"{ratio:.2f} ({times})", f"≤ {LATER}", ratio <= LATER)


def carried(seen: Sequence[Seen], rate: float, began: float, ended: float) -> Target:
    """Compare the requests that had their response in time with those that were due."""
    done = sum(one.due + one.took_s <= ended for one in seen) / (ended - began)
    return Target("requests a second", f"{done:.1f} of {rate:g}", f"≥ {CARRIED:.0%}", done >= CARRIED * rate)


def memory(samples: Mapping[int, Sequence[tuple[float, float]]], began: float, ended: float) -> Target:
    """Compare the memory of the workers at the end with that at the beginning, also of replaced ones."""
    first, last = (
        [[size for at, size in own if window[0] <= at < window[1]] for own in samples.values()]
        for window in windows(began, ended)
    )
    before, after = (max((median(own) for own in each if own), default=0.0) for each in (first, last))
    sizes = ", ".join(f"{own[0][1]:.0f} → {own[-1][1]:.0f}" for own in samples.values() if own)
    is_flat = after <= max(before * FLAT, before + FLAT_MB)
    return Target("memory of the workers, MB", f"{before:.0f} → {after:.0f} ({sizes})", f"≤ {FLAT} ×", is_flat)


def log(behind: Sequence[Behind], rate: float, *, is_complete: bool) -> Target:
    """The backlog of the provisioning log, in seconds of requests."""
    worst = max((one.requests for one in behind), default=0) / rate
    rows = "every request has its row" if is_complete else "rows are missing"
    is_met = is_complete and worst <= BEHIND_S
    return Target("log writer behind", f"{worst:.1f} s at worst, {rows}", f"≤ {BEHIND_S:g} s", is_met)


def housekeeping(spans: Sequence[Span], wrong: Sequence[str]) -> Target:
    """The regular jobs: how long they take, and whether one failed."""
    longest = max((one.ended - one.began for one in spans), default=0.0)
    measured = f"{len(spans)} runs, {longest:.1f} s at worst, {len(wrong)} failed"
    return Target("housekeeping", measured, f"≤ {JOBS_S:g} s", bool(spans) and not wrong and longest <= JOBS_S)


def count(name: str, found: Sequence[str]) -> Target:
    """Something that must not happen."""
    return Target(name, f"{len(found)}", "0", not found)


def table(targets: Sequence[Target]) -> str:
    """Return a row for each target, with its verdict."""
    lines = [f"{'target':28} {'wanted':9} {'':6} measured"]
    verdicts = {True: "yes", False: "NO"}
    lines += [f"{one.name:28} {one.wanted:9} {verdicts[one.is_met]:6} {one.measured}" for one in targets]
    return "\n".join(lines)


def causes(seen: Sequence[Seen], spans: Sequence[Span], began: float, ended: float) -> str:
    """Compare the requests that were under way during each kind of span with all the others."""
    heads = f"{'times':>6} {'seconds':>8} {'requests':>9} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}"
    lines = [f"{'while there was':24} {heads}"]
    rest = set(range(len(seen)))
    for name in sorted({span.name for span in spans}):
        own = [span for span in spans if span.name == name and span.ended > began and span.began < ended]
        during = _during(seen, own)
        rest -= during
        lines.append(_row(name, f"{len(own)}", sum(span.ended - span.began for span in own), seen, during))
    lines.append(_row("none of these", "", None, seen, rest))
    return "\n".join(lines)


def _during(seen: Sequence[Seen], spans: Sequence[Span]) -> set[int]:
    return {
        number
        for number, one in enumerate(seen)
        if any(span.began < one.due + one.took_s and one.due < span.ended for span in spans)
    }


def _row(name: str, times: str, seconds: float | None, seen: Sequence[Seen], numbers: set[int]) -> str:
    took = [seen[number].took_s * 1_000 for number in numbers]
    figures = f"{percentile(took, 50):7.0f} {percentile(took, 99):7.0f} {max(took, default=0):7.0f}"
    return f"{name:24} {times:>6} {'' if seconds is None else f'{seconds:.1f}':>8} {len(took):9,} {figures}"


def processors(used: Mapping[str, Mapping[int, Sequence[float]]], requests: int, seconds: float) -> str:
    """Return the CPU of server, PostgreSQL and client: how many cores each used, and the milliseconds of a request."""
    lines = [f"{'CPU':12} {'cores':>6} {'ms a request':>13}"]
    for group, processes in used.items():
        milliseconds = sum(last - first for first, last in processes.values())
        lines.append(f"{group:12} {milliseconds / 1_000 / seconds:6.2f} {milliseconds / max(requests, 1):13.2f}")
    return "\n".join(lines)
