"""A provider's history: what administrators did to it, or what it did to users and groups."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.page import Text, moment
from providers.console.frame.records import day_begins, read_moment, recent_days
from providers.console.history.acts import changes_of
from providers.console.history.sentences import sentence_of
from providers.console.provider.tabs import get_provider, tab
from providers.ids import parse_id
from providers.models import ChangeEvent, Provider
from providers.removal_limit import REMOVALS

PAGE = 50
# Mails of earlier versions link to this name.
_FORMERLY = {"leavers": "removals"}
WHAT: dict[str, Text] = {
    "": gettext_lazy("Changes to this provider"),
    "people": gettext_lazy("Users and groups"),
    "removals": gettext_lazy("Users disabled or deleted"),
}


@require_safe
def history(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show fifty events, newest first; `?before=` is the id of the last event on the previous page (AC-PROV-3).

    `?what=` is a name in WHAT; `?day=` is a day, and `?since=` and `?until=` limit the time.
    """
    provider = get_provider(provider_id)
    what = request.GET.get("what", "")
    what = _FORMERLY.get(what, what)
    what = what if what in WHAT else ""
    day = request.GET.get("day", "")
    events = _events(provider, what, day).order_by("-id")
    since, until = read_moment(request.GET.get("since", "")), read_moment(request.GET.get("until", ""))
    if since:
        events = events.filter(at__gte=since)
    if until:
        events = events.filter(at__lte=until)
    before = parse_id(request.GET.get("before", ""))
    if before:
        events = events.filter(id__lt=before)
    found = list(events[: PAGE + 1])
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    query = request.GET.copy()
    if len(found) > PAGE:
        query["before"] = str(found[PAGE - 1].pk)
    context = {
        "what": what,
        "choices": list(WHAT.items()),
        "day": day,
        "days": recent_days(7),
        "since": moment(since) if since else "",
        "until": moment(until) if until else "",
        "entries": [entry_of(event, provider, can_see_names=can_see_names) for event in found[:PAGE]],
        "older": query.urlencode() if len(found) > PAGE else "",
        "is_first": before is None,
    }
    return tab(request, provider, "history", context)


def _events(provider: Provider, what: str, day: str) -> QuerySet[ChangeEvent]:
    """The events of a kind, of one day if `day` names one."""
    events = ChangeEvent.objects.of(provider)
    try:
        events = events.on_day(day_begins(day)) if day else events
    except ValueError:
        return events.none()
    if what == "removals":
        return events.filter(kind__in=REMOVALS, resource_type="User")
    return events.filter(resource_id__isnull=what == "")


def entry_of(event: ChangeEvent, provider: Provider | None, *, can_see_names: bool) -> dict[str, Any]:
    """Return one event as the timeline shows it."""
    return {
        "event": event,
        "icon": event.event_kind.icon,
        "sentence": sentence_of(event, provider, can_see_names=can_see_names),
        "at": moment(event.at, to="second"),
        "changes": changes_of(event),
    }
