"""The question that an address of the provisioning log asks: its filters, and the page of rows they leave.

Pages are told by key (`before` or `after` an id), never by number: the millionth row costs what
the first does. Ids are UUIDv7, so their order is time's, and a bound of time is a bound of ids.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.page import Text
from providers.models import Action, Outcome, Provider, RequestLog, Resource, first_id_at
from providers.models.record import RequestLogQuerySet

PAGE_SIZE = 50
# People whom a text may name; a text that names more is no longer about anybody.
MAX_SUBJECTS = 500
PROBLEMS = "problems"


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
    rows: list[RequestLog]
    newer: str = ""
    older: str = ""


def _outcome(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.exclude(outcome=Outcome.SUCCESS) if value == PROBLEMS else rows.filter(outcome=Outcome(value))


def _period(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.since(timezone.now() - timedelta(hours=_HOURS[value]))


def _day_begins(value: str) -> datetime:
    day = parse_date(value)
    if day is None:
        raise ValueError(value)
    return timezone.make_aware(datetime.combine(day, time.min))


def _from(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.since(_day_begins(value))


def _until(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.filter(id__lt=first_id_at(_day_begins(value) + timedelta(days=1)))


_HOURS = {"1": 1, "24": 24, "168": 168, "720": 720}
_PERIODS: Mapping[str, Text] = {
    "1": gettext_lazy("Last hour"),
    "24": gettext_lazy("Last 24 hours"),
    "168": gettext_lazy("Last 7 days"),
    "720": gettext_lazy("Last 30 days"),
}

# Each parameter and what it leaves; one that cannot be read raises ValueError or KeyError, and then nothing is found.
_FILTERS: Mapping[str, Callable[[RequestLogQuerySet, str], RequestLogQuerySet]] = {
    "outcome": _outcome,
    "action": lambda rows, value: rows.filter(action=Action(value)),
    "provider": lambda rows, value: rows.filter(provider_id=_small(value)),
    "period": _period,
    "from": _from,
    "until": _until,
    "status": lambda rows, value: rows.filter(status=_small(value, most=599)),
    "token": lambda rows, value: rows.filter(token_prefix=value.rstrip("…")),
    "address": lambda rows, value: rows.filter(source_ip=str(ipaddress.ip_address(value.strip()))),
    "slower": lambda rows, value: rows.filter(duration_ms__gt=_small(value)),
    "subject": lambda rows, value: rows.filter(resource_id=UUID(value)),
    "q": lambda rows, value: rows.filter(resource_id__in=_named(value)),
}
_TITLES: Mapping[str, Text] = {
    "outcome": gettext_lazy("Outcome"),
    "action": gettext_lazy("Action"),
    "provider": gettext_lazy("Provider"),
    "period": gettext_lazy("Time"),
    "from": gettext_lazy("From"),
    "until": gettext_lazy("Until"),
    "status": gettext_lazy("Status code"),
    "token": gettext_lazy("Token"),
    "address": gettext_lazy("Address"),
    "slower": gettext_lazy("Slower than (ms)"),
    "subject": gettext_lazy("Person or group"),
    "q": gettext_lazy("Search"),
}
# What the form "More" asks for.
TYPED = ("from", "until", "status", "token", "address", "slower")


def _small(value: str, *, most: int = 2**31 - 1) -> int:
    number = int(value)
    if not 0 <= number <= most:
        raise ValueError(value)
    return number


def _named(text: str) -> list[UUID]:
    return list(Resource.objects.search(text).values_list("pk", flat=True)[:MAX_SUBJECTS])


@dataclass
class LogQuery:
    """The filters of one address, read. `sent` is what of it means anything here."""

    sent: Mapping[str, str]
    providers: Mapping[str, str]
    shows_look_ups: bool
    rows: RequestLogQuerySet = field(init=False)

    def __post_init__(self) -> None:
        rows = RequestLog.objects.all()
        try:
            for name, value in self.sent.items():
                rows = _FILTERS[name](rows, value)
        except (ValueError, KeyError):
            rows = RequestLog.objects.none()
        self.rows = rows if self.shows_look_ups else rows.notable()

    @property
    def is_filtered(self) -> bool:
        return bool(self.sent)

    def address(self, **changed: str | None) -> str:
        """This question with some parameters changed, as `?…`; None takes one away, and paging starts anew."""
        query = QueryDict(mutable=True)
        kept = {**self.sent, "lookups": "1" if self.shows_look_ups else None, **changed}
        for name, value in sorted(kept.items()):
            if value:
                query[name] = value
        return f"?{query.urlencode()}"

    def facets(self) -> Iterator[Facet]:
        """The menus; each choice keeps the other filters."""
        outcomes = [(PROBLEMS, _("All problems")), *Outcome.choices]
        actions = [choice for choice in Action.choices if choice[0] != Action.LOOK_UP or self.shows_look_ups]
        menus: list[tuple[str, list[tuple[Any, Any]]]] = [
            ("outcome", outcomes),
            ("action", actions),
            ("provider", list(self.providers.items())),
            ("period", list(_PERIODS.items())),
        ]
        for name, choices in menus:
            chosen = self.sent.get(name)
            every = Choice(_("All"), self.address(**{name: None}), chosen is None)
            yield Facet(
                name,
                _TITLES[name],
                [every, *(Choice(text, self.address(**{name: value}), chosen == value) for value, text in choices)],
            )

    def chips(self) -> Iterator[tuple[str, str]]:
        """Each filter that is on, with the address without it."""
        names: dict[str, dict[str, Any]] = {
            "outcome": {PROBLEMS: _("All problems"), **dict(Outcome.choices)},
            "action": dict(Action.choices),
            "provider": dict(self.providers),
            "period": dict(_PERIODS),
        }
        for name, value in self.sent.items():
            if name != "q":
                yield f"{_TITLES[name]}: {names.get(name, {}).get(value, value)}", self.address(**{name: None})

    def typed(self) -> Iterator[tuple[str, Text, str]]:
        """The fields of the form *More*: name, label, value."""
        for name in TYPED:
            yield name, _TITLES[name], self.sent.get(name, "")

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


def read_query(sent: QueryDict) -> LogQuery:
    """What an address asks. Parameters without a meaning here are left out."""
    providers = {str(pk): title for pk, title in Provider.objects.order_by("title_key").values_list("pk", "title")}
    known = {name: str(sent[name]).replace("\0", "") for name in _FILTERS if sent.get(name)}
    asks_look_ups = known.get("action") == Action.LOOK_UP or "subject" in known or "q" in known
    return LogQuery(known, providers, shows_look_ups=bool(sent.get("lookups")) or asks_look_ups)
