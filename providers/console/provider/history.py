"""A provider's history: what administrators did to it, and on request what it did to people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from providers.brake import LEAVERS
from providers.console.accounts.sign_in import UNKNOWN_NAME
from providers.console.frame import access
from providers.console.frame.masking import mask_text
from providers.console.frame.page import Text, moment
from providers.console.history.acts import changes_of
from providers.console.provider.tabs import get_provider, tab
from providers.events import EventKind
from providers.models import ChangeEvent, Provider

PAGE = 50
WHAT: dict[str, Text] = {
    "": gettext_lazy("Acts on the provider"),
    "people": gettext_lazy("People and groups"),
    "leavers": gettext_lazy("People disabled or removed"),
}
_ICONS = {"token": "key", "ip": "gear", "provider": "pen", "console": "stop", "resource": "user", "group": "user"}


@require_safe
def history(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Fifty events, the newest first; the next fifty by the id of the last (AC-PROV-3)."""
    provider = get_provider(provider_id)
    what = request.GET.get("what", "")
    what = what if what in WHAT else ""
    events = _events(provider, what).order_by("-id")
    since, until = _moment(request, "since"), _moment(request, "until")
    if since:
        events = events.filter(at__gte=since)
    if until:
        events = events.filter(at__lte=until)
    before = _uuid(request.GET.get("before", ""))
    if before:
        events = events.filter(id__lt=before)
    found = list(events[: PAGE + 1])
    may_see_names = access.may(request, access.VIEW_PERSONAL)
    query = request.GET.copy()
    if len(found) > PAGE:
        query["before"] = str(found[PAGE - 1].pk)
    context = {
        "what": what,
        "choices": list(WHAT.items()),
        "since": moment(since) if since else "",
        "until": moment(until) if until else "",
        "entries": [entry_of(event, provider, may_see_names=may_see_names) for event in found[:PAGE]],
        "older": query.urlencode() if len(found) > PAGE else "",
        "is_first": before is None,
    }
    return tab(request, provider, "history", context)


def _events(provider: Provider, what: str) -> QuerySet[ChangeEvent]:
    events = ChangeEvent.objects.filter(provider_id=provider.pk)
    if what == "leavers":
        return events.filter(kind__in=LEAVERS, resource_type="User")
    return events.filter(resource_id__isnull=what == "")


def _moment(request: HttpRequest, name: str) -> datetime | None:
    try:
        found = parse_datetime(request.GET.get(name, ""))
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def entry_of(event: ChangeEvent, provider: Provider | None, *, may_see_names: bool) -> dict[str, Any]:
    """One event as the timeline shows it."""
    return {
        "event": event,
        "icon": _ICONS.get(event.kind.partition(".")[0], "doc"),
        "sentence": _sentence(event, provider, subject_of(event, sees_names=may_see_names)),
        "at": moment(event.at),
        "changes": changes_of(event),
    }


def subject_of(event: ChangeEvent, *, sees_names: bool) -> str:
    """Whom or what an event is about: a person's name is masked unless `sees_names`, words of ours are translated."""
    is_ours = event.kind == EventKind.ACT_REFUSED or event.subject == UNKNOWN_NAME
    if is_ours and event.subject:
        return _(event.subject)
    is_personal = event.resource_id is not None and event.resource_type != "Group"
    return mask_text(event.subject) if is_personal and not sees_names else event.subject


def _sentence(event: ChangeEvent, provider: Provider | None, subject: str) -> SafeString:
    if event.person_name:
        actor = event.person_name
    elif event.token_prefix and provider:
        actor = f"{provider.title} ({event.token_prefix}…)"
    else:
        actor = _("The system")
    label = str(EventKind(event.kind).label) if event.kind in EventKind.values else "{actor}: {subject}"
    return format_html(
        label, actor=format_html("<strong>{}</strong>", actor), subject=format_html("<bdi>{}</bdi>", subject)
    )
