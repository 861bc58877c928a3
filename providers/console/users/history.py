"""Reads what is on record about a user or group: events, memberships and requests, in a fixed number of queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.frame.page import moment, short_id
from providers.events import EventKind
from providers.models import ChangeEvent, Membership, RequestLog, Resource

MOST = 500

GROUP_EVENTS = 50

MEMBERS_OF_AN_EVENT = 20


@dataclass
class History:
    """What is on record about one resource, newest first.

    `group_events` holds the events that began or ended its memberships, by id. `logged` holds the ids of the
    requests that are still in the log.
    """

    resource: Resource
    events: list[ChangeEvent]
    memberships: list[Membership]
    group_events: Mapping[UUID, ChangeEvent]
    requests: list[RequestLog]
    provider_title: str
    can_see_names: bool
    logged: set[UUID] = field(default_factory=set)

    def actor(self, event: ChangeEvent | None) -> str:
        """Return who caused an event: the provider or a person, but never the person who made the provider's token."""
        if event is None:
            return self.provider_title
        return event.person_name or (self.provider_title if event.token_prefix else _("iProva"))

    def request_link(self, event: ChangeEvent | None) -> SafeString | str:
        """Return `request 1a2b3c4d` as a link, or the reason why there is none (AC-PER-3)."""
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


def read_history(resource: Resource, *, provider_title: str, can_see_names: bool) -> History:
    """Return the history of a user.

    Five queries: the user's events, the memberships with their groups, the events of the memberships, the user's
    requests, and the other requests of all these events.
    """
    events = list(ChangeEvent.objects.about(resource.pk).order_by("-id")[:MOST])
    held = Membership.objects.filter(member=resource).with_groups().order_by("-id")
    memberships = list(held[:MOST])
    known = {event.id: event for event in events}
    wanted = {found for row in memberships for found in (row.joined_event, row.left_event) if found} - set(known)
    group_events = {event.id: event for event in ChangeEvent.objects.filter(id__in=wanted)} if wanted else {}
    requests = list(RequestLog.objects.without_bodies().filter(resource_id=resource.pk).order_by("-id")[:MOST])
    logged = {row.id for row in requests}
    others = {event.request_id for event in [*events, *group_events.values()] if event.request_id} - logged
    more = list(RequestLog.objects.without_bodies().filter(id__in=others)) if others else []
    return History(
        resource=resource,
        events=events,
        memberships=memberships,
        group_events={**group_events, **known},
        requests=sorted([*requests, *more], key=lambda row: row.id, reverse=True),
        provider_title=provider_title,
        can_see_names=can_see_names,
        logged=logged | {row.id for row in more},
    )


def read_group_history(group: Resource, *, provider_title: str, can_see_names: bool) -> History:
    """Return the history of a group. Two queries: its newest events, and the ids of their requests in the log."""
    events = list(ChangeEvent.objects.about(group.pk).order_by("-id")[:GROUP_EVENTS])
    wanted = {event.request_id for event in events if event.request_id}
    logged = set(RequestLog.objects.filter(id__in=wanted).values_list("id", flat=True)) if wanted else set()
    return History(group, events, [], {}, [], provider_title, can_see_names, logged)


def last_set(history: History) -> dict[str, ChangeEvent]:
    """Return the newest event that set each attribute path (or the list or object that contains it)."""
    found: dict[str, ChangeEvent] = {}
    for event in history.events:
        if event.kind not in (EventKind.RESOURCE_RESTORED, EventKind.RESOURCE_DELETED):
            for change in event.changes:
                found.setdefault(change["path"], event)
    return found


def linked_groups(groups: Iterable[Resource]) -> SafeString:
    """Return the names of groups as links, separated by commas."""
    rows = [(reverse("admin:group", args=[group.pk]), group.label) for group in groups]
    return format_html_join(", ", '<a href="{}"><bdi>{}</bdi></a>', rows)
