"""Describes requests of the provisioning log in words: what a request did, to which user or group, and its outcome.

The log holds a request's method and path. What the request changed is in the change events that carry its id.
`describe` reads both for a whole page, in a fixed number of queries.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.masking import mask_text
from providers.console.frame.page import clock, grouped, short_id
from providers.events import EventKind
from providers.models import ChangeEvent, Provider, RequestLog, Resource
from providers.outcomes import Action, Outcome

_OF_EVENT: Mapping[str, str | Promise] = {
    EventKind.RESOURCE_DISABLED: _("Disable user"),
    EventKind.RESOURCE_ENABLED: _("Enable user"),
}


@dataclass(frozen=True)
class Described:
    """One request as the console shows it.

    `subject` is the resource, or None if it no longer exists. `wanted` is the name that a rejected creation
    asked for, if that was looked up (`with_wanted_names`).
    """

    log: RequestLog
    action: str
    badge: Badge
    provider: Provider | None
    subject: Resource | None
    events: Sequence[ChangeEvent] = field(default_factory=list)
    wanted: str = ""

    @property
    def short_id(self) -> str:
        return short_id(self.log.id)

    @property
    def is_unchanged(self) -> bool:
        """Whether the request succeeded and changed nothing, which is normal for the updates of a directory."""
        return self.log.action == Action.UPDATE and self.log.outcome == Outcome.SUCCESS and not self.events

    @property
    def at(self) -> SafeString:
        return clock(self.log.at, timezone.now(), to="second")

    @property
    def duration(self) -> str:
        return f"{self.log.duration_ms:,.0f}" if self.log.duration_ms >= 1 else "<1"


def describe(rows: Iterable[RequestLog], *, can_see_names: bool) -> list[Described]:
    """Return each row in words. Names are masked unless `can_see_names`. Three queries for any number of rows."""
    found = list(rows)
    events = _events_of(found)
    subjects = _subjects_of(found, can_see_names=can_see_names)
    providers = Provider.objects.in_bulk({row.provider_id for row in found})
    return [
        Described(
            log=row,
            action=action_words(row, events[row.id]),
            badge=badge_of(Outcome(row.outcome)),
            provider=providers.get(row.provider_id),
            subject=subjects.get(row.resource_id) if row.resource_id else None,
            events=events[row.id],
        )
        for row in found
    ]


def _events_of(rows: Sequence[RequestLog]) -> Mapping[UUID | None, list[ChangeEvent]]:
    events: dict[UUID | None, list[ChangeEvent]] = defaultdict(list)
    writes = [row.id for row in rows if row.outcome == Outcome.SUCCESS and row.method not in ("GET", "HEAD", "OPTIONS")]
    if writes:
        for event in ChangeEvent.objects.filter(request_id__in=writes).order_by("id"):
            events[event.request_id].append(event)
    return events


def _subjects_of(rows: Sequence[RequestLog], *, can_see_names: bool) -> Mapping[UUID, Resource]:
    ids = {row.resource_id for row in rows if row.resource_id}
    named = Resource.objects.filter(pk__in=ids).without_documents() if ids else []
    subjects: dict[UUID, Any] = {resource.pk: resource for resource in named}
    for resource in subjects.values():
        if not can_see_names and resource.resource_type != "Group":
            resource.display_name = mask_text(resource.label)
    return subjects


def with_wanted_names(rows: Sequence[Described], *, can_see_names: bool) -> list[Described]:
    """Return the same rows, with the name that each rejected creation asked for. One query, for their bodies."""
    refused = [row.log.id for row in rows if row.log.action == Action.CREATE and row.log.outcome == Outcome.REJECTED]
    bodies = dict(RequestLog.objects.filter(pk__in=refused).values_list("pk", "request_body")) if refused else {}

    def with_name(row: Described) -> Described:
        name = wanted_name(row.log.resource_type, bodies[row.log.id])
        is_shown = can_see_names or not name or row.log.resource_type == "Group"
        return replace(row, wanted=name if is_shown else mask_text(name))

    return [with_name(row) if row.log.id in bodies else row for row in rows]


def wanted_name(resource_type: str, body: str) -> str:
    """Return the name in the body of a creation; "" if the body is no longer stored or is not complete."""
    try:
        found = json.loads(body).get("displayName" if resource_type == "Group" else "userName")
    except (ValueError, AttributeError, RecursionError):  # the body of a rejected request may be anything
        return ""
    return found if isinstance(found, str) else ""


def action_words(row: RequestLog, events: Sequence[ChangeEvent] = ()) -> str:
    """Return what the request did, or was meant to do: `Disable user`, `Add 3 members`, `Look up group`."""
    for event in events:
        if event.kind in _OF_EVENT:
            return str(_OF_EVENT[event.kind])
        if event.kind == EventKind.MEMBERS_CHANGED:
            return member_words(event)
    return Action(row.action).of(row.resource_type)


def member_counts(event: ChangeEvent) -> tuple[int, int]:
    """Return how many members an event on a group added, and how many it removed."""
    for change in event.changes:
        if change["path"] == "members" and "added" in change:
            return change["added"], change["removed"]
    return 0, 0


def member_words(event: ChangeEvent) -> str:
    """Return what an event on a group did to its members: `Add 3 members, remove 1 member`."""
    added, removed = member_counts(event)
    adds = ngettext("Add %(count)s member", "Add %(count)s members", added) % {"count": grouped(added)}
    removes = ngettext("Remove %(count)s member", "Remove %(count)s members", removed) % {"count": grouped(removed)}
    if added and removed:
        return str(_("%(adds)s, %(removes)s")) % {"adds": adds, "removes": removes[:1].lower() + removes[1:]}
    return adds if added else removes
