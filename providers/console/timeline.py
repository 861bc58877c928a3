"""What happened to a resource, out of its events, its memberships and the requests that changed nothing.

An event tells who, when and which request, with before and after of each attribute. A membership
bears the ids of the events on its group that began and ended it, so that a person's timeline shows
what Entra did to her group (AC-PER-4).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from providers.console.attributes import IMPERSONAL, IMPERSONAL_OF_GROUP, mask, mask_text, rows_of
from providers.console.page import Text, grouped, moment, short_id
from providers.events import EventKind
from providers.models import Action, ChangeEvent, Membership, Outcome, RequestLog, Resource

MOST = 500
_URN = re.compile(r"^urn:[^\s]*:extension:(\w+):[\d.]+:\w+:", re.IGNORECASE)

_NAMES: Mapping[str, Text] = {
    "active": gettext_lazy("status"),
    "addresses": gettext_lazy("address"),
    "costCenter": gettext_lazy("cost centre"),
    "department": gettext_lazy("department"),
    "displayName": gettext_lazy("display name"),
    "division": gettext_lazy("division"),
    "emails": gettext_lazy("e-mail address"),
    "employeeNumber": gettext_lazy("employee number"),
    "externalId": gettext_lazy("external id"),
    "manager": gettext_lazy("manager"),
    "name": gettext_lazy("name"),
    "organization": gettext_lazy("organisation"),
    "phoneNumbers": gettext_lazy("phone number"),
    "preferredLanguage": gettext_lazy("language"),
    "roles": gettext_lazy("roles"),
    "title": gettext_lazy("job title"),
    "userName": gettext_lazy("user name"),
    "userType": gettext_lazy("kind of user"),
}


@dataclass(frozen=True)
class Difference:
    """One simple value before and after; None: it was not sent."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Entry:
    """One row of a timeline."""

    at: datetime
    icon: str
    title: SafeString | str
    tone: str = ""
    who: str = ""
    token_prefix: str = ""
    request: SafeString | str = ""
    differences: Sequence[Difference] = ()
    is_folded: bool = False

    @property
    def shown_at(self) -> SafeString:
        return moment(self.at)


@dataclass
class History:
    """Everything that is known of one resource, newest first; read with a fixed number of queries."""

    resource: Resource
    events: list[ChangeEvent]
    memberships: list[Membership]
    group_events: Mapping[UUID, ChangeEvent]
    requests: list[RequestLog]
    provider_title: str
    sees_names: bool
    logged: set[UUID] = field(default_factory=set)

    def actor(self, event: ChangeEvent | None) -> str:
        """The provider or the person; never who made the provider's token."""
        if event is None:
            return self.provider_title
        return event.person_name or (self.provider_title if event.token_prefix else _("iProva"))

    def request_link(self, event: ChangeEvent | None) -> SafeString | str:
        """`request 1a2b3c4d` as a link, or why there is none (AC-PER-3)."""
        if event is None or event.request_id is None:
            return ""
        if event.request_id in self.logged:
            link = reverse("admin:log_entry", args=[event.request_id])
            shown = format_html(
                '<a class="mono" href="{}" title="{}">{}</a>', link, event.request_id, short_id(event.request_id)
            )
            return format_html(_("request {id}"), id=shown)
        ended = event.at + timedelta(days=settings.OPTIONS.request_log_days)
        if event.person_id is not None:
            return ""
        if ended > timezone.now():
            return format_html(_("request {id} is not in the log"), id=short_id(event.request_id))
        return format_html(_("request expired from the log on {day}"), day=moment(ended, to="day"))


def read_history(resource: Resource, *, provider_title: str, sees_names: bool) -> History:
    """Five queries: its events, its memberships with their groups, the events of these, its requests, and theirs."""
    events = list(ChangeEvent.objects.filter(resource_id=resource.pk).order_by("-id")[:MOST])
    held = Membership.objects.filter(member=resource).select_related("group").order_by("-id")
    memberships = list(held.defer("group__document", "group__folded", "group__search_text")[:MOST])
    known = {event.id: event for event in events}
    wanted = {found for row in memberships for found in (row.joined_event, row.left_event) if found} - set(known)
    group_events = {event.id: event for event in ChangeEvent.objects.filter(id__in=wanted)} if wanted else {}
    requests = list(_requests().filter(resource_id=resource.pk).order_by("-id")[:MOST])
    logged = {row.id for row in requests}
    others = {event.request_id for event in [*events, *group_events.values()] if event.request_id} - logged
    more = list(_requests().filter(id__in=others)) if others else []
    return History(
        resource=resource,
        events=events,
        memberships=memberships,
        group_events={**group_events, **known},
        requests=sorted([*requests, *more], key=lambda row: row.id, reverse=True),
        provider_title=provider_title,
        sees_names=sees_names,
        logged=logged | {row.id for row in more},
    )


def read_group_history(group: Resource, *, provider_title: str, sees_names: bool) -> History:
    """Two queries: the newest events of a group, and which of their requests the log still has."""
    events = list(ChangeEvent.objects.filter(resource_id=group.pk).order_by("-id")[:GROUP_EVENTS])
    wanted = {event.request_id for event in events if event.request_id}
    logged = set(RequestLog.objects.filter(id__in=wanted).values_list("id", flat=True)) if wanted else set()
    return History(group, events, [], {}, [], provider_title, sees_names, logged)


def _requests() -> Any:
    return RequestLog.objects.defer("request_body", "response_body")


def timeline(history: History) -> list[Entry]:
    """All rows, newest first: changes, groups joined and left, and what changed nothing, folded."""
    own = [(event.id, _entry_of(history, event)) for event in history.events]
    moved = list(_membership_entries(history))
    real = sorted([*own, *moved], key=lambda row: row[0], reverse=True)
    return list(_with_folds(real, _without_change(history)))


def _without_change(history: History) -> list[RequestLog]:
    changed = {event.request_id for event in history.group_events.values()}
    return [
        row
        for row in history.requests
        if row.resource_id == history.resource.pk
        and (row.action, row.outcome) == (Action.UPDATE, Outcome.SUCCESS)
        and row.id not in changed
    ]


def _with_folds(real: Sequence[tuple[UUID, Entry]], idle: Sequence[RequestLog]) -> Iterator[Entry]:
    """Updates without a change between two real rows become one."""
    waiting = list(idle)
    for event_id, entry in real:
        newer = [row for row in waiting if row.id > event_id]
        if newer:
            yield _fold(newer)
            waiting = waiting[len(newer) :]
        yield entry
    if waiting:
        yield _fold(waiting)


def _fold(rows: Sequence[RequestLog]) -> Entry:
    said = ngettext("%(count)s update without a change", "%(count)s updates without a change", len(rows))
    first, last = rows[-1].at, rows[0].at
    return Entry(at=last, icon="fold", title=said % {"count": grouped(len(rows))}, is_folded=True, request=_span(first))


def _span(first: datetime) -> SafeString:
    return format_html(_("the first on {day}"), day=moment(first, to="day"))


_LOOKS: Mapping[str, tuple[str, str]] = {
    EventKind.RESOURCE_CREATED: ("plus", "ok"),
    EventKind.RESOURCE_DISABLED: ("slash", "bad"),
    EventKind.RESOURCE_ENABLED: ("check", "ok"),
    EventKind.RESOURCE_DELETED: ("trash", ""),
    EventKind.RESOURCE_RESTORED: ("up", "ok"),
}


def _entry_of(history: History, event: ChangeEvent) -> Entry:
    icon, tone = _LOOKS.get(event.kind, ("pen", ""))
    differences = differences_of(event, sees_names=history.sees_names)
    is_whole = event.kind in (EventKind.RESOURCE_DELETED, EventKind.RESOURCE_RESTORED)
    return _by(history, event, icon, tone, title_of(event), () if is_whole else differences)


def _by(
    history: History,
    event: ChangeEvent | None,
    icon: str,
    tone: str,
    title: SafeString | str,
    differences: Sequence[Difference] = (),
    at: datetime | None = None,
) -> Entry:
    return Entry(
        at=event.at if event else at or timezone.now(),
        icon=icon,
        tone=tone,
        title=title,
        who=history.actor(event),
        token_prefix=event.token_prefix if event else "",
        request=history.request_link(event),
        differences=differences,
    )


GROUP_EVENTS = 50
MEMBERS_OF_AN_EVENT = 20


def group_timeline(history: History) -> list[Entry]:
    """What happened to a group, newest first: its own changes, and a row for each member that came or went."""
    ids = [event.id for event in history.events]
    touched = Q(joined_event__in=ids) | Q(left_event__in=ids)
    rows = Membership.objects.filter(touched, group=history.resource).select_related("member").order_by("pk")
    moved: dict[UUID, list[tuple[Membership, bool]]] = defaultdict(list)
    for row in rows.defer("member__document", "member__folded", "member__search_text")[: MOST * 2]:
        for event_id, has_joined in ((row.joined_event, True), (row.left_event, False)):
            if event_id:
                moved[event_id].append((row, has_joined))
    found: list[Entry] = []
    for event in history.events:
        members = moved[event.id]
        for row, has_joined in members[:MEMBERS_OF_AN_EVENT]:
            said = _("{member} joined") if has_joined else _("{member} left")
            title = format_html(said, member=_linked_member(row.member, sees_names=history.sees_names))
            found.append(_by(history, event, "in" if has_joined else "out", "", title))
        more = sum(part.get("added", 0) + part.get("removed", 0) for part in event.changes if "added" in part)
        if more > MEMBERS_OF_AN_EVENT:
            rest = more - min(len(members), MEMBERS_OF_AN_EVENT)
            said = ngettext("and %(count)s more member", "and %(count)s more members", rest)
            found.append(_by(history, event, "fold", "", said % {"count": grouped(rest)}))
        if event.kind != EventKind.MEMBERS_CHANGED:
            found.append(_entry_of(history, event))
    return found


def _linked_member(member: Resource, *, sees_names: bool) -> SafeString:
    is_group = member.resource_type == "Group"
    label = member.label if sees_names or is_group else mask_text(member.label)
    page = reverse("admin:group" if is_group else "admin:user", args=[member.pk])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', page, label)


def title_of(event: ChangeEvent) -> str:
    """What an event did to its own resource, in a few words."""
    match event.kind:
        case EventKind.RESOURCE_CREATED:
            sent = {change["path"]: change.get("after") for change in event.changes}
            return _("Created, disabled") if sent.get("active") is False else _("Created")
        case EventKind.RESOURCE_DISABLED:
            return _("Disabled")
        case EventKind.RESOURCE_ENABLED:
            return _("Enabled")
        case EventKind.RESOURCE_DELETED:
            return _("Removed")
        case EventKind.RESOURCE_RESTORED:
            return _("Restored from the recycle bin")
    names = changed_names(event)
    more = len(names) - 3
    listed = joined([*names[:3], _("%(count)s more") % {"count": more}] if more > 0 else names)
    return _("Changed: %(names)s") % {"names": listed}


def changed_names(event: ChangeEvent) -> list[str]:
    """The attributes that an event changed, as people call them, each once."""
    paths = [_URN.sub("", change["path"]) for change in event.changes]
    tops = dict.fromkeys(re.split(r"[.\[]", path)[0] for path in paths)
    return [str(_NAMES.get(top, top)) for top in tops]


def joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}


def _membership_entries(history: History) -> Iterator[tuple[UUID, Entry]]:
    """One row for each event by which she joined or left groups."""
    arrived: dict[UUID, list[Membership]] = defaultdict(list)
    gone: dict[UUID, list[Membership]] = defaultdict(list)
    for row in history.memberships:
        arrived[row.joined_event].append(row)
        if row.left_event:
            gone[row.left_event].append(row)
    for event_id, rows in arrived.items():
        said = format_html(_("Joined {groups}"), groups=_linked(row.group for row in rows))
        event = history.group_events.get(event_id)
        yield event_id, _by(history, event, "in", "", said, at=rows[0].joined_at)
    for event_id, rows in gone.items():
        said = format_html(_("Left {groups}"), groups=_linked(row.group for row in rows))
        event = history.group_events.get(event_id)
        yield event_id, _by(history, event, "out", "", said, at=rows[0].left_at)


def _linked(groups: Iterable[Resource]) -> SafeString:
    return linked_groups({group.pk: group for group in groups}.values())


def linked_groups(groups: Iterable[Resource]) -> SafeString:
    """The names of groups as links, with commas between."""
    rows = [(reverse("admin:group", args=[group.pk]), group.label) for group in groups]
    return format_html_join(", ", '<a href="{}"><bdi>{}</bdi></a>', rows)


def differences_of(event: ChangeEvent, *, sees_names: bool) -> list[Difference]:
    """Before and after of each simple value that an event changed; personal ones masked unless `sees_names`."""
    plain = IMPERSONAL_OF_GROUP if event.resource_type == "Group" else IMPERSONAL
    found = []
    for change in event.changes:
        if "added" in change:
            continue
        before, after = _flat(change, "before"), _flat(change, "after")
        # What differs is decided on the values themselves: masked, two names may look alike.
        names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
        if not sees_names:
            before, after = _flat(change, "before", plain), _flat(change, "after", plain)
        found += [Difference(short_path(name), before.get(name), after.get(name)) for name in names]
    return found


def _flat(change: Mapping[str, Any], side: str, plain: frozenset[str] | None = None) -> dict[str, str]:
    """The simple values of one side by path; masked if `plain` names what need not be."""
    if side not in change:
        return {}
    value, path = change[side], change["path"]
    if plain is not None:
        name = re.split(r"[.:]", path)[-1]
        value = mask({name: value}, plain=plain)[name]
    return dict(rows_of(path, value))


def short_path(path: str) -> str:
    """`enterprise:department` for an attribute of an extension; the URN says no more to a reader."""
    return _URN.sub(r"\1:", path)


def last_set(history: History) -> dict[str, ChangeEvent]:
    """The newest event that set each attribute path (or the list or object that holds it)."""
    found: dict[str, ChangeEvent] = {}
    for event in history.events:
        if event.kind not in (EventKind.RESOURCE_RESTORED, EventKind.RESOURCE_DELETED):
            for change in event.changes:
                found.setdefault(change["path"], event)
    return found
