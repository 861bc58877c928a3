"""The filters of the provisioning log: read from the address of the page, and turned into a query (see `records`)."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.masking import is_uuid
from providers.console.frame.page import Text
from providers.console.frame.records import HOURS, PERIODS, RecordQuery, day_begins, read_moment, read_sent
from providers.ids import first_id_at, parse_id
from providers.models import ChangeEvent, Membership, Provider, RequestLog, Resource
from providers.models.record import RequestLogQuerySet
from providers.outcomes import WRITES, Action, Outcome

# The search looks at the requests of at most this many users and groups; a text that matches more is too vague.
MAX_SUBJECTS = 500
# For at most this many users, it finds the requests that changed their groups too.
MAX_MEMBERS = 20
PROBLEMS, CHANGES = "problems", "changes"


def _outcome(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.problems() if value == PROBLEMS else rows.filter(outcome=Outcome(value))


def _action(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.filter(action__in=WRITES) if value == CHANGES else rows.filter(action=Action(value))


def _subject(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    own = parse_id(value)
    return rows.filter(pk__in=_either([own], _about_groups_of([own]))) if own else rows.none()


def _search(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    """The requests about users and groups with this name or id, or that asked for it in vain, or about their groups.

    A client's own id finds all its requests, of any provider. Up to five queries.
    """
    return _found(rows, value.strip(), can_see_names=True)


def _search_ids(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    """The same for people who may not see names: users are found by complete ids only."""
    return _found(rows, value.strip(), can_see_names=False)


def _found(rows: RequestLogQuerySet, value: str, *, can_see_names: bool) -> RequestLogQuerySet:
    if not value:
        return rows.none()
    sought = Resource.objects.search(value, can_see_names=can_see_names).values_list("pk", flat=True)
    subjects = list(sought[:MAX_SUBJECTS])
    asking = RequestLog.objects.asking_for(value, can_see_names=can_see_names)
    others = list(asking.order_by("-id").values_list("pk", flat=True)[:MAX_SUBJECTS])
    if is_clients_id(value, can_see_names=can_see_names):
        clients = RequestLog.objects.filter(client_request_id=value).order_by("-id")
        others += clients.values_list("pk", flat=True)[:MAX_SUBJECTS]
    if len(subjects) <= MAX_MEMBERS:
        others += _about_groups_of(subjects)
    if own := parse_id(value):
        subjects.append(own)  # also of a user who was purged
    return rows.filter(pk__in=_either(subjects, others))


def is_clients_id(text: str, *, can_see_names: bool) -> bool:
    """Return whether a text is looked for among the ids that clients give their requests. Such an id may be a name."""
    return 0 < len(text) <= 100 and "\0" not in text and (can_see_names or is_uuid(text))


def sent_by_clients(text: str) -> bool:
    """Return whether a client gave this id to a request. One query."""
    return RequestLog.objects.filter(client_request_id=text).exists()


def _either(subjects: Sequence[UUID], ids: Sequence[UUID]) -> Any:
    """The ids of the requests about these resources, and these ids: from two indexes, which an OR would not use."""
    about, named = RequestLog.objects.filter(resource_id__in=subjects), RequestLog.objects.filter(pk__in=ids)
    return about.values("pk").union(named.values("pk"), all=True)


def _about_groups_of(members: Sequence[UUID]) -> list[UUID]:
    """The newest requests that added these users to groups or removed them. Two queries."""
    newest = Membership.objects.filter(member__in=members).order_by("-pk") if members else Membership.objects.none()
    moved = newest.values_list("joined_event", "left_event")[:MAX_SUBJECTS]
    events = {event for pair in moved for event in pair if event}
    found = ChangeEvent.objects.filter(pk__in=events, resource_type="Group", request_id__isnull=False)
    return list(found.values_list("request_id", flat=True)) if events else []


def _period(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.since(timezone.now() - timedelta(hours=HOURS[value]))


def _from(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    return rows.since(read_moment(value) or day_begins(value))


def _until(rows: RequestLogQuerySet, value: str) -> RequestLogQuerySet:
    """The requests before a moment, as charts link to it, or up to the end of a day."""
    return rows.filter(id__lt=first_id_at(read_moment(value) or day_begins(value) + timedelta(days=1)))


# Each parameter with its filter. A value that cannot be read raises ValueError or KeyError: then nothing is found.
_FILTERS: Mapping[str, Callable[[RequestLogQuerySet, str], RequestLogQuerySet]] = {
    "outcome": _outcome,
    "action": _action,
    "provider": lambda rows, value: rows.of(_small(value)),
    "period": _period,
    "from": _from,
    "until": _until,
    "status": lambda rows, value: rows.filter(status=_small(value, most=599)),
    "token": lambda rows, value: rows.filter(token_prefix=value.rstrip("…")),
    "address": lambda rows, value: rows.filter(source_ip=str(ipaddress.ip_address(value.strip()))),
    "slower": lambda rows, value: rows.filter(duration_ms__gt=_small(value)),
    "subject": _subject,
    "q": _search,
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
    "subject": gettext_lazy("User or group"),
    "q": gettext_lazy("Search"),
}
# The fields of the form "More".
TYPED = ("from", "until", "status", "token", "address", "slower")


def _small(value: str, *, most: int = 2**31 - 1) -> int:
    number = int(value)
    if not 0 <= number <= most:
        raise ValueError(value)
    return number


@dataclass(frozen=True)
class LogQuery(RecordQuery):
    """The filters of one address of the log; `shows_look_ups` is whether successful look-ups are listed."""

    shows_look_ups: bool

    def typed(self) -> Iterator[tuple[str, Text, str, bool]]:
        """Yield the fields of the form *More*: name, label, value, whether it is a day."""
        for name in TYPED:
            value = self.sent.get(name, "")
            yield name, _TITLES[name], value, name in ("from", "until") and not read_moment(value)

    def shown(self, name: str, value: str) -> Text:
        moment = read_moment(value) if name in ("from", "until") else None
        return date_format(localtime(moment), _("j M, H:i")) if moment else super().shown(name, value)


def rows_of(known: Mapping[str, str], *, shows_look_ups: bool, can_see_names: bool = False) -> RequestLogQuerySet:
    """Return the requests that match the filters; a value that cannot be read matches none."""
    filters = {**_FILTERS, "q": _search if can_see_names else _search_ids}
    rows = RequestLog.objects.all() if shows_look_ups else RequestLog.objects.notable()
    try:
        for name, value in known.items():
            rows = filters[name](rows, value)
    except (ValueError, KeyError):
        rows = RequestLog.objects.none()
    return rows


def read_query(sent: QueryDict, *, can_see_names: bool) -> LogQuery:
    """Return the filters of an address. Unknown parameters are ignored; a value that cannot be read finds nothing.

    Without `can_see_names`, a search finds users by complete ids only.

    One query for the menu of providers, and one for a search.
    """
    known = read_sent(sent, _FILTERS)
    shows_look_ups = (
        bool(sent.get("lookups"))
        or known.get("action") == Action.LOOK_UP
        or not known.keys().isdisjoint({"subject", "q"})
    )
    rows = rows_of(known, shows_look_ups=shows_look_ups, can_see_names=can_see_names)
    titles = Provider.objects.by_title().values_list("pk", "title")
    menus: dict[str, list[tuple[Any, Any]]] = {
        "outcome": [(PROBLEMS, _("All problems")), *Outcome.choices],
        "action": [
            (CHANGES, _("All changes")),
            *(choice for choice in Action.choices if choice[0] != Action.LOOK_UP or shows_look_ups),
        ],
        "provider": [(str(pk), title) for pk, title in titles],
        "period": list(PERIODS.items()),
    }
    kept = {"lookups": "1"} if shows_look_ups else {}
    return LogQuery(known, rows, _TITLES, menus, kept, shows_look_ups)
