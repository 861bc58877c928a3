"""The audit of admin actions: who did what, when, from where, before and after (AC-AUD). Nobody edits it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.page import Place, Text, moment, short_id, show
from providers.console.frame.records import HOURS, PERIODS, RecordQuery, read_sent
from providers.console.history.acts import Change, changes_of
from providers.console.provider.history import subject_of
from providers.events import EventKind
from providers.models import ChangeEvent, Provider, first_id_at
from providers.resources.rows import parse_id

MAX_PEOPLE = 200
# What a person did; what a directory did to its own is in the log and on the pages of whom it concerns.
ACTS = Q(resource_id__isnull=True) | Q(person_id__isnull=False)


@dataclass(frozen=True)
class Act:
    event: ChangeEvent
    sentence: SafeString
    provider: Provider | None
    changes: Sequence[Change]

    @property
    def at(self) -> SafeString:
        return moment(self.event.at, to="second")

    @property
    def short_id(self) -> str:
        return short_id(self.event.request_id) if self.event.request_id else ""


_FILTERS: Mapping[str, Callable[[Any, str], Any]] = {
    "person": lambda rows, value: rows.filter(person_id=int(value)),
    "action": lambda rows, value: rows.filter(kind=EventKind(value).value),
    "provider": lambda rows, value: rows.filter(provider_id=int(value)),
    "period": lambda rows, value: rows.filter(id__gte=first_id_at(timezone.now() - timedelta(hours=HOURS[value]))),
}
_TITLES: Mapping[str, Text] = {
    "person": gettext_lazy("Person"),
    "action": gettext_lazy("Action"),
    "provider": gettext_lazy("Provider"),
    "period": gettext_lazy("Time"),
}
_ACTIONS: Mapping[EventKind, Text] = {
    EventKind.SIGNED_IN: gettext_lazy("Signed in"),
    EventKind.SIGN_IN_FAILED: gettext_lazy("Sign-in failed"),
    EventKind.SIGNED_OUT: gettext_lazy("Signed out"),
    EventKind.ACT_REFUSED: gettext_lazy("Tried and refused"),
    EventKind.PAYLOAD_OPENED: gettext_lazy("Opened bodies"),
    EventKind.EXPORTED: gettext_lazy("Exported"),
    EventKind.FILTER_SHARED: gettext_lazy("Shared a filter"),
    EventKind.ACCOUNT_ADDED: gettext_lazy("Added an account"),
    EventKind.ACCOUNT_CHANGED: gettext_lazy("Changed an account"),
    EventKind.ACCOUNT_DISABLED: gettext_lazy("Disabled an account"),
    EventKind.ACCOUNT_ENABLED: gettext_lazy("Enabled an account"),
    EventKind.PASSWORD_RESET: gettext_lazy("Reset a password"),
    EventKind.PROVIDER_ADDED: gettext_lazy("Added a provider"),
    EventKind.PROVIDER_CHANGED: gettext_lazy("Changed a provider"),
    EventKind.PROVIDER_PAUSED: gettext_lazy("Paused a provider"),
    EventKind.PROVIDER_RESUMED: gettext_lazy("Resumed a provider"),
    EventKind.PROVIDER_DELETED: gettext_lazy("Deleted a provider"),
    EventKind.TOKEN_ISSUED: gettext_lazy("Issued a token"),
    EventKind.TOKEN_REVOKED: gettext_lazy("Revoked a token"),
    EventKind.SCHEMA_ADDED: gettext_lazy("Added a schema extension"),
    EventKind.SCHEMA_CHANGED: gettext_lazy("Changed a schema extension"),
    EventKind.RESOURCE_RESTORED: gettext_lazy("Restored from the recycle bin"),
}


def read_query(sent: QueryDict) -> RecordQuery:
    """What an address asks; a value that means nothing finds nothing."""
    known = read_sent(sent, _FILTERS)
    rows = ChangeEvent.objects.filter(ACTS)
    try:
        for name, value in known.items():
            rows = _FILTERS[name](rows, value)
    except (ValueError, KeyError, OverflowError):
        rows = ChangeEvent.objects.none()
    people = get_user_model()._default_manager.order_by("username")[:MAX_PEOPLE]
    menus: dict[str, list[tuple[Any, Any]]] = {
        "person": [(str(person.pk), access.name_of(person)) for person in people],
        "action": [(kind.value, word) for kind, word in _ACTIONS.items()],
        "provider": [
            (str(pk), title) for pk, title in Provider.objects.order_by("title_key").values_list("pk", "title")
        ],
        "period": list(PERIODS.items()),
    }
    return RecordQuery(known, rows, _TITLES, menus, {})


@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    access.require(request, access.VIEW_AUDIT, gettext_noop("to read the audit"))
    query = read_query(request.GET)
    page = query.page(before=parse_id(request.GET.get("before", "")), after=parse_id(request.GET.get("after", "")))
    providers = Provider.objects.in_bulk({event.provider_id for event in page.rows if event.provider_id})
    sees_names = access.may(request, access.VIEW_PERSONAL)
    context = {"query": query, "page": page, "acts": [_act(event, providers, sees_names) for event in page.rows]}
    return show(request, "console/history/audit.html", _("Audit of admin actions"), Place("audit"), context)


def _act(event: ChangeEvent, providers: Mapping[int, Provider], sees_names: bool) -> Act:
    provider = providers.get(event.provider_id) if event.provider_id else None
    return Act(event, sentence_of(event, sees_names=sees_names), provider, changes_of(event))


def sentence_of(event: ChangeEvent, *, sees_names: bool) -> SafeString:
    """The event's own sentence with its names in it, each escaped; a person's is masked unless `sees_names`."""
    subject = subject_of(event, sees_names=sees_names)
    actor = event.person_name or (_("The system") if event.kind != EventKind.SIGN_IN_FAILED else _("Somebody"))
    names = {"actor": f"<strong>{conditional_escape(actor)}</strong>"}
    names["subject"] = f"<bdi>{conditional_escape(subject)}</bdi>"
    return mark_safe(str(event.event_kind.label).format(**names))  # noqa: S308 (every name is escaped; the rest is ours)
