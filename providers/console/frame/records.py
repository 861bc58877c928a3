"""Pages of records, newest first: the filters of an address, and one page of the rows that match them.

A page begins at a key (`before` or `after` an id), never at a number, so the millionth row costs as much as
the first. Ids are UUIDv7: their order is the order of time, and a limit in time is a limit on ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.lists import COUNT_LIMIT
from providers.console.frame.page import Text, grouped

PAGE_SIZE = 50
HOURS = {"1": 1, "24": 24, "168": 168, "720": 720}
PERIODS: Mapping[str, Text] = {
    "1": gettext_lazy("Last hour"),
    "24": gettext_lazy("Last 24 hours"),
    "168": gettext_lazy("Last 7 days"),
    "720": gettext_lazy("Last 30 days"),
}


def day_begins(text: str) -> datetime:
    """Return the first moment of a day such as `2026-11-24`, in local time. Raises ValueError for any other text."""
    day = parse_date(text)
    if day is None or not _can_be_moved(day):
        raise ValueError(text)
    return timezone.make_aware(datetime.combine(day, time.min))


def read_moment(text: str) -> datetime | None:
    """Return a moment such as `2026-11-24T08:00:00Z`. None for any other text, and without a zone."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo and _can_be_moved(found) else None


def _can_be_moved(day: date) -> bool:
    """Return whether a day can be moved to another zone, or by a day, in the years that Python knows (1 to 9999)."""
    return date.min.year < day.year < date.max.year


def recent_days(count: int) -> list[tuple[str, str]]:
    """Return the last days, today first, each as `2026-11-24` and in words such as `Tuesday 24 Nov`."""
    today = timezone.localdate()
    days = [today - timedelta(days=number) for number in range(count)]
    words = [_("Today"), _("Yesterday"), *(date_format(day, _("l j M")) for day in days[2:])]
    return [(day.isoformat(), word) for day, word in zip(days, words, strict=False)]


@dataclass(frozen=True)
class Choice:
    """One choice of a menu, with the query string that chooses it."""

    display: Text
    query_string: str
    selected: bool


@dataclass(frozen=True)
class Facet:
    """A filter with a menu of choices."""

    name: str
    title: Text
    choices: list[Choice]


@dataclass(frozen=True)
class Page:
    """One page of rows, with the addresses of the pages next to it; "" where there is none."""

    rows: list[Any]
    newer: str = ""
    older: str = ""


@dataclass(frozen=True)
class RecordQuery:
    """The filters of one address: `sent` holds the known parameters, `rows` is the query of the rows that match.

    `titles`: the label of each filter. `menus`: the choices of each filter with a menu, as value and label.
    `kept`: parameters that are not filters.
    """

    sent: Mapping[str, str]
    rows: Any
    titles: Mapping[str, Text]
    menus: Mapping[str, Sequence[tuple[Any, Any]]]
    kept: Mapping[str, str]

    @property
    def is_filtered(self) -> bool:
        return bool(self.sent)

    @property
    def counted(self) -> str:
        """The number of rows, counted to COUNT_LIMIT at most. One query."""
        return capped_count(self.rows)

    def address(self, **changed: str | None) -> str:
        """Return this address with some parameters changed, as `?…`. None takes one out; paging starts again."""
        query = QueryDict(mutable=True)
        for name, value in sorted({**self.sent, **self.kept, **changed}.items()):
            if value:
                query[name] = value
        return f"?{query.urlencode()}"

    def facets(self) -> Iterator[Facet]:
        """Yield the menus; each choice keeps the other filters."""
        for name, choices in self.menus.items():
            chosen = self.sent.get(name)
            every = Choice(_("All"), self.address(**{name: None}), chosen is None)
            others = (Choice(text, self.address(**{name: value}), chosen == value) for value, text in choices)
            yield Facet(name, self.titles[name], [every, *others])

    def chips(self) -> Iterator[tuple[str, str]]:
        """Yield each filter that is on, with the address without it."""
        for name, value in self.sent.items():
            if name != "q":
                yield f"{self.titles[name]}: {self.shown(name, value)}", self.address(**{name: None})

    def shown(self, name: str, value: str) -> Text:
        """Return the value of a filter as its chip shows it."""
        found: Text = dict(self.menus.get(name, ())).get(value, value)
        return found

    def page(self, *, before: UUID | None = None, after: UUID | None = None) -> Page:
        """Return the newest rows, or those before or after an id. One query, which reads a bounded part of an index."""
        rows = self.rows
        if after:
            found = list(rows.filter(id__gt=after).order_by("id")[: PAGE_SIZE + 1])
            is_more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE][::-1]
            newer, older = is_more, bool(found)
        else:
            rows = rows.filter(id__lt=before) if before else rows
            found = list(rows.order_by("-id")[: PAGE_SIZE + 1])
            is_more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
            newer, older = bool(before and found), is_more
        return Page(
            found,
            newer=self.address(after=str(found[0].id)) if newer else "",
            older=self.address(before=str(found[-1].id)) if older else "",
        )


def capped_count(rows: Any) -> str:
    """Return how many rows a query has, in words; above COUNT_LIMIT, "more than 10,000". One query."""
    return capped(rows.order_by().values("pk")[: COUNT_LIMIT + 1].count())


def capped(count: int) -> str:
    """Return a number in words; above COUNT_LIMIT, "more than 10,000"."""
    return _("more than %(number)s") % {"number": grouped(COUNT_LIMIT)} if count > COUNT_LIMIT else grouped(count)


def read_sent(sent: QueryDict, names: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that are in `names` and have a value."""
    return {name: str(sent[name]).replace("\0", "") for name in names if sent.get(name)}
