"""The page *Audit of admin actions*: who did what, when and from where, with values before and after (AC-AUD).

Nobody can edit or delete an event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.page import Place, Text, moment, short_id, show
from providers.console.frame.records import HOURS, PERIODS, RecordQuery, day_begins, read_sent, recent_days
from providers.console.history.acts import Change, changes_of
from providers.console.history.sentences import sentence_of
from providers.events import EventKind
from providers.ids import parse_id
from providers.models import ChangeEvent, Provider

MAX_PEOPLE = 200
MOST_BRIEF = 3


@dataclass(frozen=True)
class Act:
    """One act as the page shows it."""

    event: ChangeEvent
    sentence: SafeString
    provider: Provider | None
    changes: Sequence[Change]

    @property
    def at(self) -> SafeString:
        return moment(self.event.at, to="second")

    @property
    def brief(self) -> SafeString:
        """The first changes in a few words, with "…" if there are more."""
        more = ["…"] if len(self.changes) > MOST_BRIEF else []
        shown = [*(change.brief for change in self.changes[:MOST_BRIEF]), *more]
        return format_html_join("; ", "{}", ((text,) for text in shown))

    @property
    def short_id(self) -> str:
        return short_id(self.event.request_id) if self.event.request_id else ""


_FILTERS: Mapping[str, Callable[[Any, str], Any]] = {
    "person": lambda rows, value: rows.filter(person_id=int(value)),
    "action": lambda rows, value: rows.filter(kind=EventKind(value).value),
    "provider": lambda rows, value: rows.of(int(value)),
    "period": lambda rows, value: rows.since(timezone.now() - timedelta(hours=HOURS[value])),
    "day": lambda rows, value: rows.on_day(day_begins(value)),
}
_TITLES: Mapping[str, Text] = {
    "person": gettext_lazy("Person"),
    "action": gettext_lazy("Action"),
    "provider": gettext_lazy("Provider"),
    "period": gettext_lazy("Time"),
    "day": gettext_lazy("Day"),
}
# Acts of people and of iProva itself. What directories did is in the provisioning log.
_KINDS = [(kind.value, kind.word) for kind in EventKind if kind.is_act]


def read_query(sent: QueryDict) -> RecordQuery:
    """Return the filters of an address; a value that cannot be read finds nothing. Two queries, for the menus."""
    known = read_sent(sent, _FILTERS)
    rows = ChangeEvent.objects.acts()
    try:
        for name, value in known.items():
            rows = _FILTERS[name](rows, value)
    except (ValueError, KeyError, OverflowError):
        rows = ChangeEvent.objects.none()
    people = get_user_model()._default_manager.order_by("username")[:MAX_PEOPLE]
    menus: dict[str, list[tuple[Any, Any]]] = {
        "person": [(str(person.pk), access.name_of(person)) for person in people],
        "action": _KINDS,
        "provider": [(str(pk), title) for pk, title in Provider.objects.by_title().values_list("pk", "title")],
        "period": list(PERIODS.items()),
        "day": recent_days(14),
    }
    return RecordQuery(known, rows, _TITLES, menus, {})


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Show the newest acts, fifty at a time. Raises PermissionDenied without the right to read the audit."""
    access.require(request, access.VIEW_AUDIT, gettext_noop("to read the audit"))
    query = read_query(request.GET)
    page = query.page(before=parse_id(request.GET.get("before", "")), after=parse_id(request.GET.get("after", "")))
    providers = Provider.objects.in_bulk({event.provider_id for event in page.rows if event.provider_id})
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    context = {"query": query, "page": page, "acts": [_act(event, providers, can_see_names) for event in page.rows]}
    return show(request, "console/history/audit.html", _("Audit of admin actions"), Place("audit"), context)


def _act(event: ChangeEvent, providers: Mapping[int, Provider], can_see_names: bool) -> Act:
    provider = providers.get(event.provider_id) if event.provider_id else None
    return Act(event, sentence_of(event, can_see_names=can_see_names), provider, changes_of(event))
