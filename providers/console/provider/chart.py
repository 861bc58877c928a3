"""The chart of requests over time: the bars of the inline SVG and the numbers of its table, from one list.

A bar is an hour, six hours or a day of local time, so a day on which the clocks change has 23 or 25 hours.
The numbers come from the counts for every twenty minutes, never from the log. Failures have a track and a scale of
their own: six among a thousand successes would be too small to see. Each bar leads to the log of its time.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Sum
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.timezone import localtime, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.page import Text, grouped, utc
from providers.models import ChangeEvent, RequestCount
from providers.outcomes import WAITING, Outcome, is_problem

HEIGHT, STEP, WIDTH = 100.0, 10.0, 7.0
LOWEST = 6.0  # the least height of a failure, of HEIGHT
# By the name in the address: the word on the switch, the hours in a bar, and the number of bars.
PERIODS: Mapping[str, tuple[Text, int, int]] = {
    "24h": (gettext_lazy("24 h"), 1, 24),
    "7d": (gettext_lazy("7 d"), 6, 28),
    "30d": (gettext_lazy("30 d"), 24, 30),
}
SERIES: Mapping[str, Text] = {
    "success": gettext_lazy("Success"),
    "rejected": gettext_lazy("Rejected data"),
    "waiting": gettext_lazy("Held back or paused"),
    "refused": gettext_lazy("Refused"),
}
MARKER = gettext_lazy("token or IP change")
MOST_MARKED = 100
FAILURES = [name for name in SERIES if name != "success"]
MARKED = ("token.", "ip.")


@dataclass
class Bar:
    """The requests of one period of time.

    `marked`: how often a token or the IP restriction was changed in it. `address`: the log of this time. The rectangles
    are filled in when the tallest bar is known.
    """

    start: datetime
    end: datetime
    label: str
    address: str
    counts: Counter[str] = field(default_factory=Counter)
    marked: int = 0
    rects: list[dict[str, Any]] = field(default_factory=list)
    failed_rects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def failed(self) -> int:
        return sum(self.counts[name] for name in FAILURES)

    @property
    def values(self) -> list[int]:
        return [*(self.counts[name] for name in SERIES), self.marked]

    @property
    def said(self) -> str:
        """The bar in words: its time, and each number that is not zero."""
        parts = [f"{word}: {grouped(self.counts[name])}" for name, word in SERIES.items() if self.counts[name]]
        parts += [f"{MARKER}: {grouped(self.marked)}"] if self.marked else []
        return f"{self.label}. {', '.join(parts)}" if parts else self.label


@dataclass(frozen=True)
class Chart:
    """A chart: its bars, and the top of the scale of successes and of failures; 0 without failures."""

    period: str
    bars: Sequence[Bar]
    top: int
    failed_top: int

    @property
    def markers(self) -> list[float]:
        """Where on the axis the bars are in which a token or the IP restriction was changed."""
        return [(number + 0.5) * STEP for number, bar in enumerate(self.bars) if bar.marked]

    @property
    def width(self) -> float:
        return len(self.bars) * STEP

    @property
    def grid(self) -> str:
        return f"M0 0h{self.width:g}M0 {HEIGHT / 2:g}h{self.width:g}M0 {HEIGHT:g}h{self.width:g}"

    @property
    def is_empty(self) -> bool:
        return not any(bar.total for bar in self.bars)

    @property
    def series(self) -> list[tuple[str, Text]]:
        """The series that occur in the chart, and success in any case."""
        return [
            (name, word)
            for name, word in SERIES.items()
            if name == "success" or any(bar.counts[name] for bar in self.bars)
        ]

    @property
    def columns(self) -> list[Text]:
        return [*SERIES.values(), MARKER]

    @property
    def labels(self) -> list[str]:
        """The labels below the axis: at most eight, at equal distances, and "now"."""
        every = len(self.bars) // 8 or 1
        return [*(bar.label for bar in self.bars[: -every + 1 or None : every]), _("now")][:9]

    @property
    def description(self) -> str:
        counts = sum((bar.counts for bar in self.bars), Counter[str]())
        total = grouped(sum(counts.values()))
        parts = ", ".join(f"{word}: {grouped(counts[name])}" for name, word in SERIES.items())
        return _("%(total)s changes and refused requests. %(parts)s.") % {"total": total, "parts": parts}


def chart_of(provider_id: int | None, period: str, now: datetime) -> Chart:
    """Return the chart of the changes and refused requests of one provider, or of all. Two queries.

    `period` is a name in PERIODS; any other is read as 24 hours.
    """
    period = period if period in PERIODS else "24h"
    _word, hours, count = PERIODS[period]
    starts = _starts(now, hours, count)
    ends = [*starts[1:], starts[-1] + timedelta(hours=hours)]
    bars = [
        Bar(start, end, _label(start, hours), log_address(start, end, provider_id))
        for start, end in zip(starts, ends, strict=True)
    ]
    counts, events = RequestCount.objects.all(), ChangeEvent.objects.all()
    if provider_id is not None:
        counts, events = counts.of(provider_id), events.of(provider_id)
    shown = counts.filter(Q(is_change=True) | Q(outcome=Outcome.REFUSED), slot__gte=bars[0].start)
    rows = shown.values_list("slot", "outcome", "is_change").annotate(total=Sum("count"))
    for slot, outcome, is_change, total in rows.order_by():
        name = _series(outcome, is_change=is_change)
        bar = next((bar for bar in reversed(bars) if bar.start <= slot), None)
        if name and bar:
            bar.counts[name] += total
    top = _round_up(max(bar.counts["success"] for bar in bars))
    failed = max(bar.failed for bar in bars)
    failed_top = _round_up(failed) if failed else 0
    for number, bar in enumerate(bars):
        bar.rects = _rects(bar, number, top, ["success"])
        bar.failed_rects = _rects(bar, number, failed_top, FAILURES, lowest=LOWEST)
    _mark(events, bars)
    return Chart(period, bars, top, failed_top)


def log_address(start: datetime, end: datetime, provider_id: int | None) -> str:
    """Return the address of the log of a period of time, of one provider or of all."""
    sent = {"from": utc(start), "until": utc(end)}
    sent |= {"provider": str(provider_id)} if provider_id else {}
    return f"{reverse('admin:log')}?{urlencode(sent)}"


def _starts(now: datetime, hours: int, count: int) -> list[datetime]:
    """The start of each bar; the last bar contains `now`. Bars longer than an hour follow local time."""
    if hours == 1:
        last = now.replace(minute=0, second=0, microsecond=0)
        return [last - timedelta(hours=count - 1 - number) for number in range(count)]
    local = localtime(now).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    last = local.replace(hour=local.hour - local.hour % hours)
    return [make_aware(last - timedelta(hours=hours * (count - 1 - number))) for number in range(count)]


def _label(start: datetime, hours: int) -> str:
    return date_format(localtime(start), "H:i" if hours == 1 else _("j M") if hours == 24 else _("j M, H:i"))


def _series(outcome: str, *, is_change: bool) -> str:
    if outcome == Outcome.REFUSED:
        return "refused"
    if outcome in WAITING:
        return "waiting"
    if is_problem(outcome, is_change=is_change):
        return "rejected"
    return "success" if outcome == Outcome.SUCCESS else ""


def _round_up(highest: int) -> int:
    """The top of the scale: a round, even number not below `highest`, at least 2."""
    step: int = 2 * 10 ** max(len(str(highest)) - 1, 0)
    step = step // 10 if step > 2 and highest <= step // 2 else step
    return max(math.ceil(highest / step) * step, 2)


def _rects(bar: Bar, number: int, top: int, names: Sequence[str], *, lowest: float = 0.0) -> list[dict[str, Any]]:
    """The rectangles of one bar, one for each of these series that occurs in it, the first at the bottom."""
    rects, below = [], HEIGHT
    for name in names:
        if value := bar.counts[name]:
            tall = max(HEIGHT * value / top, lowest)
            below -= tall
            x = f"{number * STEP + (STEP - WIDTH) / 2:g}"
            rects.append({"name": name, "x": x, "y": f"{below:.1f}", "height": f"{tall:.1f}", "value": value})
    return rects


def _mark(events: Any, bars: Sequence[Bar]) -> None:
    """Count in each bar the changes of tokens and IP restrictions, which may explain a step in the bars."""
    kinds = Q()
    for kind in MARKED:
        kinds |= Q(kind__startswith=kind)
    moments = events.filter(kinds, resource_id=None, at__gte=bars[0].start).values_list("at", flat=True)
    for at in moments[:MOST_MARKED]:
        next(bar for bar in reversed(bars) if bar.start <= at).marked += 1
