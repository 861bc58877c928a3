"""Records in the order of time, newest first: the filters of an address, and the page of rows that they leave.

Pages are told by key (`before` or `after` an id), never by number: the millionth row costs what
the first does. Ids are UUIDv7, so their order is time's, and a bound of time is a bound of ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict
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


@dataclass(frozen=True)
class Choice:
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
    rows: list[Any]
    newer: str = ""
    older: str = ""


@dataclass(frozen=True)
class RecordQuery:
    """The filters of one address, read: `sent` is what of it means anything here, `rows` what it leaves.

    `menus`: for each filter with a menu, its choices by value. `kept`: parameters that are no filters.
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
        """How many rows, as far as counting stays cheap."""
        return capped_count(self.rows)

    def address(self, **changed: str | None) -> str:
        """This question with some parameters changed, as `?…`; None takes one away, and paging starts anew."""
        query = QueryDict(mutable=True)
        for name, value in sorted({**self.sent, **self.kept, **changed}.items()):
            if value:
                query[name] = value
        return f"?{query.urlencode()}"

    def facets(self) -> Iterator[Facet]:
        """The menus; each choice keeps the other filters."""
        for name, choices in self.menus.items():
            chosen = self.sent.get(name)
            every = Choice(_("All"), self.address(**{name: None}), chosen is None)
            others = (Choice(text, self.address(**{name: value}), chosen == value) for value, text in choices)
            yield Facet(name, self.titles[name], [every, *others])

    def chips(self) -> Iterator[tuple[str, str]]:
        """Each filter that is on, with the address without it."""
        for name, value in self.sent.items():
            if name != "q":
                shown = dict(self.menus.get(name, ())).get(value, value)
                yield f"{self.titles[name]}: {shown}", self.address(**{name: None})

    def page(self, *, before: UUID | None = None, after: UUID | None = None) -> Page:
        """The newest rows, or those next to a row: one bounded walk along an index, either way."""
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
    """How many rows a query has; beyond COUNT_LIMIT that there are more."""
    count = rows.order_by().values("pk")[: COUNT_LIMIT + 1].count()
    return _("more than %(number)s") % {"number": grouped(COUNT_LIMIT)} if count > COUNT_LIMIT else grouped(count)


def read_sent(sent: QueryDict, names: Sequence[str] | Mapping[str, Any]) -> dict[str, str]:
    """The parameters that mean something here."""
    return {name: str(sent[name]).replace("\0", "") for name in names if sent.get(name)}
