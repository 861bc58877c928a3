"""The timeline of a user or group, made from events, memberships and the requests that changed nothing.

An event has its actor, its time, its request, and each attribute before and after. A membership carries the ids of
the events on its group that began and ended it, so a user's timeline also shows what Entra did to their groups
(AC-PER-4).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.console.frame.masking import mask_text
from providers.console.frame.page import grouped, moment
from providers.console.history.changes import Difference, title_of
from providers.console.users.history import MEMBERS_OF_AN_EVENT, MOST, History, linked_groups
from providers.events import EventKind
from providers.models import ChangeEvent, Membership, RequestLog, Resource
from providers.outcomes import UPDATES, Outcome


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
        return moment(self.at, to="second")


def timeline(history: History) -> list[Entry]:
    """Return the timeline of a user, newest first: changes, groups joined and left, and updates without a change.

    Consecutive updates without a change are one row.
    """
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
        and row.action in UPDATES
        and row.outcome == Outcome.SUCCESS
        and row.id not in changed
    ]


def _with_folds(real: Sequence[tuple[UUID, Entry]], idle: Sequence[RequestLog]) -> Iterator[Entry]:
    """Yield all rows; the updates without a change between two other rows become one row."""
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


def _entry_of(history: History, event: ChangeEvent) -> Entry:
    differences = history.differences(event)
    is_whole = event.kind in (EventKind.RESOURCE_DELETED, EventKind.RESOURCE_RESTORED)
    kind = event.event_kind
    return _by(history, event, kind.icon, kind.tone, title_of(event), () if is_whole else differences)


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


def group_timeline(history: History) -> list[Entry]:
    """Return the timeline of a group, newest first: its own changes, and a row for each member added or removed."""
    ids = [event.id for event in history.events]
    touched = Q(joined_event__in=ids) | Q(left_event__in=ids)
    rows = Membership.objects.filter(touched, group=history.resource).with_members().order_by("pk")
    moved: dict[UUID, list[tuple[Membership, bool]]] = defaultdict(list)
    for row in rows[: MOST * 2]:
        for event_id, has_joined in ((row.joined_event, True), (row.left_event, False)):
            if event_id:
                moved[event_id].append((row, has_joined))
    found: list[Entry] = []
    for event in history.events:
        members = moved[event.id]
        for row, has_joined in members[:MEMBERS_OF_AN_EVENT]:
            said = _("{member} was added") if has_joined else _("{member} was removed")
            title = format_html(said, member=_linked_member(row.member, can_see_names=history.can_see_names))
            found.append(_by(history, event, "in" if has_joined else "out", "", title))
        more = sum(part.get("added", 0) + part.get("removed", 0) for part in event.changes if "added" in part)
        if more > MEMBERS_OF_AN_EVENT:
            rest = more - min(len(members), MEMBERS_OF_AN_EVENT)
            said = ngettext("and %(count)s more member", "and %(count)s more members", rest)
            found.append(_by(history, event, "fold", "", said % {"count": grouped(rest)}))
        if event.kind != EventKind.MEMBERS_CHANGED:
            found.append(_entry_of(history, event))
    return found


def _linked_member(member: Resource, *, can_see_names: bool) -> SafeString:
    is_group = member.resource_type == "Group"
    label = member.label if can_see_names or is_group else mask_text(member.label)
    page = reverse("admin:group" if is_group else "admin:user", args=[member.pk])
    return format_html('<a href="{}"><bdi>{}</bdi></a>', page, label)


def _membership_entries(history: History) -> Iterator[tuple[UUID, Entry]]:
    """One row for each event that added the user to groups, and for each that removed them or deleted their groups."""
    for move in history.all_moves:
        for icon, said, groups in (
            ("in", _("Added to {groups}"), move.joined),
            ("out", _("Removed from {groups}"), move.left),
            ("out", _("Removed from {groups}: the group was deleted"), move.ended),
        ):
            if groups:
                title = format_html(said, groups=_linked(groups))
                yield move.event_id, _by(history, move.event, icon, "", title, at=move.at)


def _linked(groups: Iterable[Resource]) -> SafeString:
    return linked_groups({group.pk: group for group in groups}.values())
