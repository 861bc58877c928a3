"""Describes requests of the provisioning log in words: what a request did, to which user or group, and its outcome.

The log holds a request's method and path. What the request changed is in the change events that carry its id.
`describe` reads both for a whole page, in a fixed number of queries.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.masking import KNOWN_NAMES, is_uuid, mask_id, mask_name, mask_quoted, mask_text, names_of
from providers.console.frame.page import clock, grouped, short_id
from providers.console.log.explanations import why_of
from providers.models import ChangeEvent, Provider, RequestLog, Resource
from providers.outcomes import UPDATES, WRITES, Action, Outcome
from providers.schemas import resource_types_of


@dataclass(frozen=True)
class Described:
    """One request as the console shows it.

    `subject` is the resource, or None if it does not exist. `wanted` is the name that the request gave it then.
    """

    log: RequestLog
    action: str
    badge: Badge
    provider: Provider | None
    subject: Resource | None
    events: Sequence[ChangeEvent] = field(default_factory=list)
    wanted: str = ""
    can_see_names: bool = False

    @property
    def client_request_id(self) -> str:
        return self.log.client_request_id if self.can_see_names else mask_id(self.log.client_request_id)

    def names(self, sent: Iterable[str]) -> list[str]:
        """Return names of attributes as they were sent. Those that are in no schema may hold values, so are masked."""
        return shown_names(sent, self.provider, can_see_names=self.can_see_names)

    @property
    def short_id(self) -> str:
        return short_id(self.log.id)

    @property
    def why(self) -> str:
        """Why the request was not done, in a few words; "" for a success."""
        return why_of(self.log, self.names(self.log.rejected))

    @property
    def is_unchanged(self) -> bool:
        """Whether the request succeeded and changed nothing, which is normal for the updates of a directory."""
        return self.log.action in UPDATES and self.log.outcome == Outcome.SUCCESS and not self.events

    @property
    def at(self) -> SafeString:
        return clock(self.log.at, timezone.now(), to="second")

    @property
    def duration(self) -> str:
        return f"{self.log.duration_ms:,.0f}" if self.log.duration_ms >= 1 else "<1"


def known_names(provider: Provider | None) -> frozenset[str]:
    """Return the names of all attributes of a provider. One query, once for each version of its schema extensions."""
    if provider is None or not provider.schemas_version:
        return KNOWN_NAMES
    return KNOWN_NAMES | names_of(resource_types_of(provider.pk, provider.schemas_version))


def shown_names(sent: Iterable[str], provider: Provider | None, *, can_see_names: bool) -> list[str]:
    """Return names of attributes as a page shows them: those that no schema has are masked unless `can_see_names`."""
    if can_see_names:
        return list(sent)
    known = known_names(provider)
    return [mask_name(name, known) for name in sent]


def describe(rows: Iterable[RequestLog], *, can_see_names: bool) -> list[Described]:
    """Return each row in words. Names are masked unless `can_see_names`. Three queries for any number of rows."""
    found = list(rows)
    events = _events_of(found)
    subjects = _subjects_of(found, can_see_names=can_see_names)
    providers = Provider.objects.in_bulk({row.provider_id for row in found})
    return [
        Described(
            log=row,
            action=action_words(row, events.get(row.id, ())),
            badge=badge_of(Outcome(row.outcome)),
            provider=providers.get(row.provider_id),
            subject=subjects.get(row.resource_id) if row.resource_id else None,
            events=events.get(row.id, ()),
            wanted=_wanted_name(row, can_see_names=can_see_names),
            can_see_names=can_see_names,
        )
        for row in found
    ]


def _events_of(rows: Sequence[RequestLog]) -> Mapping[UUID, list[ChangeEvent]]:
    """The change events of each request. Those of an operation of a bulk request carry the id of that request."""
    writes = [row for row in rows if row.outcome == Outcome.SUCCESS and row.action in (*WRITES, Action.BULK)]
    if not writes:
        return {}
    found: dict[UUID | None, list[ChangeEvent]] = defaultdict(list)
    for event in ChangeEvent.objects.filter(request_id__in={row.part_of or row.id for row in writes}).order_by("id"):
        found[event.request_id].append(event)
    return {
        row.id: [event for event in found[row.part_of or row.id] if row.part_of is None or _is_about(event, row)]
        for row in writes
    }


def _is_about(event: ChangeEvent, row: RequestLog) -> bool:
    return event.resource_id == row.resource_id


def _subjects_of(rows: Sequence[RequestLog], *, can_see_names: bool) -> Mapping[UUID, Resource]:
    ids = {row.resource_id for row in rows if row.resource_id}
    named = Resource.objects.filter(pk__in=ids).without_documents() if ids else []
    subjects: dict[UUID, Any] = {resource.pk: resource for resource in named}
    for resource in subjects.values():
        if not can_see_names and resource.resource_type != "Group":
            resource.display_name = mask_text(resource.label)
    return subjects


def _wanted_name(row: RequestLog, *, can_see_names: bool) -> str:
    is_shown = can_see_names or not row.subject or row.resource_type == "Group"
    return row.subject if is_shown else mask_text(row.subject)


def detail_of(row: RequestLog, provider: Provider | None, *, can_see_names: bool) -> str:
    """Return the sentence of our response. It may quote the names and addresses of the request, which are masked."""
    detail = row.detail
    if can_see_names:
        return detail
    known = known_names(provider)
    detail = mask_quoted(detail, known)
    sent = (row.subject, row.display_name, row.external_id, *row.ignored, *row.asked, *row.path.split("/"))
    for name in sorted(filter(None, sent), key=len, reverse=True):
        if len(name) > 2 and name.lower() not in known and not is_uuid(name):
            detail = detail.replace(name, mask_text(name))
    return detail


def action_words(row: RequestLog, events: Sequence[ChangeEvent] = ()) -> str:
    """Return what the request did, or was meant to do: `Disable user`, `Add 3 members`, `Look up group`."""
    if row.action == Action.MEMBERS:
        for event in events:
            if any(member_counts(event)):
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
