"""Reads what is on record about a user or group: events, memberships and requests, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.frame.page import moment, short_id
from providers.console.history.changes import Difference, differences_of, split_path
from providers.console.users.identity import mask_names
from providers.events import EventKind
from providers.ids import parse_id
from providers.models import (
    ChangeEvent,
    HeldRemoval,
    Membership,
    MembershipEnding,
    Provider,
    ProviderActivity,
    RequestLog,
    Resource,
    SyncedUser,
    Token,
)
from scim.protocol.attributes import ENTERPRISE_USER
from scim.protocol.errors import Reason

MOST = 500

GROUP_EVENTS = 50

MEMBERS_OF_AN_EVENT = 20
MOST_OTHERS = 10
MOST_OUTER = 3
# Changes within this time of each other are shown together.
AT_ONCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Move:
    """What one event did to a user's memberships: groups joined, left, and ended by the group's own deletion."""

    event_id: UUID
    event: ChangeEvent | None
    at: datetime
    joined: Sequence[Resource]
    left: Sequence[Resource]
    ended: Sequence[Resource]

    @property
    def gone(self) -> Sequence[Resource]:
        return [*self.left, *self.ended]


@dataclass
class History:
    """What is on record about one resource, newest first.

    `group_events` holds the events that began or ended its memberships, by id. `logged` holds the ids of the
    requests that are still in the log. `same_name` and `same_external_id` are other users with the user's userName,
    of any provider, and with its externalId, of the same provider; `managers` are the users that its events name as
    managers, by id; `holders` are the users that have a name that was asked for in vain, by its comparison key;
    `outer_groups` are pairs of a group of the user's and a group that it is a member of.
    `held` are the removals that would affect the user and that are held back, with the groups that they are about.
    `starts_at` is the provider's first event, if the user is older.
    """

    resource: Resource
    events: list[ChangeEvent]
    memberships: list[Membership]
    group_events: Mapping[UUID, ChangeEvent]
    requests: list[RequestLog]
    provider: Provider
    can_see_names: bool
    read_at: datetime = field(default_factory=timezone.now)
    logged: set[UUID] = field(default_factory=set)
    activity: ProviderActivity = field(default_factory=ProviderActivity)
    same_name: Sequence[Resource] = ()
    same_external_id: Sequence[Resource] = ()
    managers: Mapping[str, Resource] = field(default_factory=dict)
    holders: Mapping[str, Resource] = field(default_factory=dict)
    outer_groups: Sequence[tuple[Resource, Resource]] = ()
    held: Sequence[HeldRemoval] = ()
    held_groups: Mapping[UUID, Resource] = field(default_factory=dict)
    starts_at: datetime | None = None
    refused_token: Token | None = None
    earlier_had_groups: bool = False

    @cached_property
    def all_moves(self) -> list[Move]:
        """The changes of the user's memberships, newest first."""
        rows: dict[UUID, list[tuple[Membership, bool]]] = defaultdict(list)
        for row in self.memberships:
            for event_id, has_joined in ((row.joined_event, True), (row.left_event, False)):
                if event_id:
                    rows[event_id].append((row, has_joined))
        return [_move(event_id, self.group_events.get(event_id), rows[event_id]) for event_id in sorted(rows)[::-1]]

    @cached_property
    def moves(self) -> list[Move]:
        """Those by events on groups: not by the deletion of the user, or by their restoration."""
        own = {event.id for event in self.events}
        return [move for move in self.all_moves if move.event_id not in own]

    @cached_property
    def own_requests(self) -> list[RequestLog]:
        """The requests about the user, newest first; `requests` has those about the groups too."""
        return [row for row in self.requests if row.resource_id == self.resource.pk]

    def move_of(self, event: ChangeEvent) -> Move | None:
        """Return what one event did to the user's memberships."""
        return next((move for move in self.all_moves if move.event_id == event.id), None)

    def is_replacement(self, event: ChangeEvent) -> bool:
        """Return whether a PUT, which sets all attributes, caused the event."""
        return any(row.id == event.request_id and row.method == "PUT" for row in self.requests)

    def differences(self, event: ChangeEvent) -> list[Difference]:
        """Return what an event changed, with the users that it names as managers."""
        return [
            replace(
                change,
                old_user=self.managers.get(change.before or ""),
                new_user=self.managers.get(change.after or ""),
            )
            if change.is_manager
            else change
            for change in differences_of(event, can_see_names=self.can_see_names)
        ]

    def actor(self, event: ChangeEvent | None) -> str:
        """Return who caused an event: the provider or a person, but never the person who made the provider's token."""
        if event is None:
            return self.provider.title
        return event.person_name or (self.provider.title if event.token_prefix else _("iProva"))

    def request_link(self, event: ChangeEvent | None) -> SafeString | str:
        """Return `request 1a2b3c4d` as a link, or the reason why there is none (AC-PER-3)."""
        if event is None or event.request_id is None:
            return ""
        if event.request_id in self.logged:
            return linked_request(event.request_id)
        ended = event.at + timedelta(days=settings.OPTIONS.request_log_days)
        if event.person_id is not None:
            return ""
        if ended > timezone.now():
            return format_html(_("request {id} is not in the log"), id=short_id(event.request_id))
        return format_html(_("request expired from the log on {day}"), day=moment(ended, to="day"))


def _move(event_id: UUID, event: ChangeEvent | None, rows: Sequence[tuple[Membership, bool]]) -> Move:
    ended = [row for row, has_joined in rows if not has_joined]
    with_group = MembershipEnding.GROUP_DELETED
    return Move(
        event_id,
        event,
        next(row.joined_at if has_joined else row.left_at or row.joined_at for row, has_joined in rows),
        joined=[row.group for row, has_joined in rows if has_joined],
        left=[row.group for row in ended if row.ending != with_group],
        ended=[row.group for row in ended if row.ending == with_group],
    )


def read_history(user: Resource, *, can_see_names: bool) -> History:
    """Return the history of a user, whose provider is loaded.

    At most sixteen queries: the user's events, the memberships with their groups, the events of the memberships, the
    user's requests, the other requests of all these events, the provider's activity and the token that it was refused
    for, the users with the same userName or externalId and whether the earlier one had groups, managers, the holders
    of names that were taken, the groups around the user's, the removals that are held back with their groups, and the
    start of the history if it is younger than the user.
    """
    events = list(ChangeEvent.objects.about(user.pk).order_by("-id")[:MOST])
    memberships = list(Membership.objects.filter(member=user).with_groups().order_by("-id")[:MOST])
    known = {event.id: event for event in events}
    wanted = {found for row in memberships for found in (row.joined_event, row.left_event) if found} - set(known)
    group_events = {event.id: event for event in ChangeEvent.objects.filter(id__in=wanted)} if wanted else {}
    requests = list(RequestLog.objects.without_bodies().filter(resource_id=user.pk).order_by("-id")[:MOST])
    logged = {row.id for row in requests}
    others = {event.request_id for event in [*events, *group_events.values()] if event.request_id} - logged
    more = list(RequestLog.objects.without_bodies().filter(id__in=others)) if others else []
    same_name, same_external_id = _same_name(user), _same_external_id(user)
    activity = ProviderActivity.objects.filter(pk=user.provider_id).first() or ProviderActivity()
    held = list(HeldRemoval.objects.of(user.provider_id).affecting(user.pk)) if user.provider.held_at else []
    managers, holders = _managers(user, events), _holders(user, requests)
    if not can_see_names:
        for other in (*same_name, *same_external_id, *managers.values(), *holders.values()):
            mask_names(other)
    return History(
        resource=user,
        events=events,
        memberships=memberships,
        group_events={**group_events, **known},
        requests=sorted([*requests, *more], key=lambda row: row.id, reverse=True),
        provider=user.provider,
        can_see_names=can_see_names,
        logged=logged | {row.id for row in more},
        activity=activity,
        refused_token=Token.objects.filter(pk=activity.refused_token_id).first() if activity.refused_token_id else None,
        same_name=same_name,
        same_external_id=same_external_id,
        managers=managers,
        holders=holders,
        outer_groups=_outer_groups(memberships),
        held=held,
        held_groups=Resource.objects.without_documents().in_bulk([row.resource_id for row in held if row.user_ids]),
        earlier_had_groups=_earlier_had_groups(user, same_name),
        starts_at=_start(user) if not any(event.kind == EventKind.RESOURCE_CREATED for event in events) else None,
    )


def _same_name(user: Resource) -> list[Any]:
    """Other users with this userName: of another provider, or from before this one was created again (AC-PER-8)."""
    same = SyncedUser.objects.filter(user_name_key=user.user_name_key).exclude(pk=user.pk)
    same = same.select_related("provider").without_documents()
    # Live and deleted users each have an index; that of live ones begins with the provider.
    return list(same.live().union(same.in_recycle_bin(), all=True).order_by("-id")[:MOST_OTHERS])


def _earlier_had_groups(user: Resource, same_name: Iterable[Resource]) -> bool:
    """Whether the provider's user who last had this userName was in groups when they were deleted."""
    earlier = [other for other in same_name if other.provider_id == user.provider_id and other.pk < user.pk]
    ended = Membership.objects.filter(member__in=earlier[:1], ending=MembershipEnding.MEMBER_DELETED)
    return bool(earlier) and ended.exists()


def _same_external_id(user: Resource) -> list[Any]:
    """Other live users of the provider with this externalId."""
    if not user.external_id or user.deleted_at:
        return []
    same = SyncedUser.objects.live().of(user.provider_id).filter(external_id=user.external_id).exclude(pk=user.pk)
    return list(same.without_documents().order_by("-id")[:MOST_OTHERS])


def _managers(user: Resource, events: Iterable[ChangeEvent]) -> dict[str, Any]:
    now = user.document.get(ENTERPRISE_USER, {}).get("manager")
    values = [now.get("value") if isinstance(now, dict) else now]
    values += [
        side.get("value") if isinstance(side, dict) else side
        for event in events
        for change in event.changes
        if split_path(change["path"])[0] == "manager"
        for side in (change.get("before"), change.get("after"))
    ]
    ids = {found: text for text in values if isinstance(text, str) and (found := parse_id(text))}
    if not ids:
        return {}
    users = SyncedUser.objects.of(user.provider_id).filter(pk__in=list(ids)[:MOST]).without_documents()
    return {ids[manager.pk]: manager for manager in users}


def _holders(user: Resource, requests: Iterable[RequestLog]) -> dict[str, Any]:
    """The users whose names this one was to get, by the key of the name."""
    taken = {row.subject_key for row in requests if row.reason == Reason.NAME_TAKEN and row.subject_key}
    if not taken:
        return {}
    found = SyncedUser.objects.live().of(user.provider_id).filter(user_name_key__in=taken).exclude(pk=user.pk)
    return {holder.user_name_key: holder for holder in found.without_documents()}


def _outer_groups(memberships: Iterable[Membership]) -> list[tuple[Resource, Resource]]:
    current = [row.group_id for row in memberships if row.left_at is None]
    if not current:
        return []
    around = Membership.objects.current().filter(member__in=current, member_type="Group")
    found = around.with_groups().with_members().order_by("id")[:MOST_OUTER]
    return [(row.member, row.group) for row in found]


def _start(user: Resource) -> datetime | None:
    first = ChangeEvent.objects.of(user.provider_id).order_by("id").first()
    return first.at if first else None


def read_group_history(group: Resource, *, can_see_names: bool) -> History:
    """Return the history of a group. Two queries: its newest events, and the ids of their requests in the log."""
    events = list(ChangeEvent.objects.about(group.pk).order_by("-id")[:GROUP_EVENTS])
    wanted = {event.request_id for event in events if event.request_id}
    logged = set(RequestLog.objects.filter(id__in=wanted).values_list("id", flat=True)) if wanted else set()
    return History(group, events, [], {}, [], group.provider, can_see_names, logged=logged)


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


def linked_request(request_id: UUID) -> SafeString:
    """Return `request 1a2b3c4d` as a link to a request that is in the log."""
    link = reverse("admin:log_entry", args=[request_id])
    shown = format_html('<a class="mono" href="{}" title="{}">{}</a>', link, request_id, short_id(request_id))
    return format_html(_("request {id}"), id=shown)


def linked_user(user: Resource) -> SafeString:
    """Return a user's name as a link to their page."""
    return format_html('<a href="{}"><bdi>{}</bdi></a>', reverse("admin:user", args=[user.pk]), user.label)
