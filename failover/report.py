"""The table that `make failover` prints."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from failover.history import Fault, Outcome, Problem, Verdict
from failover.load import History


@dataclass(frozen=True)
class Result:
    """One round: its kind and target, and when it began and ended (monotonic)."""

    kind: str
    target_s: float
    began: float
    ended: float


def longest_pause(acknowledged: Sequence[float], began: float, ended: float) -> float:
    """Return the longest time between two acknowledged writes from `began` to `ended`, of whatever clients."""
    before = max((moment for moment in acknowledged if moment < began), default=began)
    inside = sorted(moment for moment in acknowledged if began <= moment <= ended)
    return max(later - earlier for earlier, later in pairwise([before, *inside, ended]))


def table(results: Sequence[Result], history: History, verdict: Verdict) -> str:
    """Return a row for each kind of fault, in the order of the first round of each."""
    rows: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        rows[result.kind].append(result)
    lines = [f"{'':44}          writes   wrong      no    seconds without a write"]
    lines += [f"{'fault':44} rounds     lost answers  answer    median   worst  target"]
    for kind, own in rows.items():
        pauses = [longest_pause(history.acknowledged, one.began, one.ended) for one in own]
        lost = sum(_is_lost(problem) and _within(problem.at, own) for problem in verdict.problems)
        wrong = sum(_within(at, own) for at, _ in history.wrong)
        wrong += sum(not _is_lost(problem) and _within(problem.at, own) for problem in verdict.problems)
        silent = sum(_within(at, own) for at in history.unanswered)
        times = f"{median(pauses):9.1f} {max(pauses):7.1f} {own[0].target_s:7.0f}"
        lines.append(f"{kind:44} {len(own):6} {lost:8} {wrong:7} {silent:7} {times}")
    return "\n".join(lines)


def _is_lost(problem: Problem) -> bool:
    return problem.fault in (Fault.LOST, Fault.TABLE)


def _within(moment: float, results: Sequence[Result]) -> bool:
    return any(one.began <= moment <= one.ended for one in results)


def summary(history: History, verdict: Verdict, probed: int, probes_lost: int) -> str:
    """Return what the clients saw, and the verdict of the history checker."""
    writes = [call for call in history.calls if call.changes]
    counts = {outcome: sum(call.outcome is outcome for call in writes) for outcome in Outcome}
    lines = [
        f"{len(history.calls):,} calls, {len(writes):,} of them writes: {counts[Outcome.ACKNOWLEDGED]:,} acknowledged, "
        f"{counts[Outcome.REFUSED]:,} refused, {counts[Outcome.UNKNOWN]:,} unknown; "
        f"{history.unavailable:,} times 503 with Retry-After, {len(history.unanswered):,} times no answer.",
        f"Directly at servers that lost the lead: {probed:,} writes acknowledged, {probes_lost:,} of them lost.",
    ]
    if verdict.problems:
        lines.append("History: no serial order explains it.")
        for fault in Fault:
            about = [problem.about for problem in verdict.problems if problem.fault is fault]
            lines += [f"  {len(about):,} times {fault.value}: {', '.join(about[:4])}"] if about else []
    else:
        lines.append(f"History: one serial order of {len(verdict.order):,} calls explains every answer and every row.")
    lines += [f"  wrong answer: {text}" for _, text in history.wrong[:20]]
    return "\n".join(lines)
