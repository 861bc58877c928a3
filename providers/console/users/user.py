"""The page of one user: the summary, groups, the timeline, the attributes received, and the last requests."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from providers.console.frame import access
from providers.console.frame.badges import badge_of
from providers.console.frame.gone import missing_resource
from providers.console.frame.masking import as_json, flatten, mask
from providers.console.frame.page import Place, moment, show
from providers.console.history.changes import short_path, split_path
from providers.console.log.described import describe
from providers.console.users.history import History, last_set, read_history
from providers.console.users.identity import identifiers, mask_names
from providers.console.users.recycle_bin import bin_until
from providers.console.users.summary import summary
from providers.console.users.support_summary import support_summary_of
from providers.console.users.timeline import timeline
from providers.events import EventKind
from providers.models import ChangeEvent, Membership, Resource, SyncedUser
from scim.protocol.attributes import ENTERPRISE_USER

SHOWN_ENTRIES = 50
SHOWN_GROUPS = 200
SHOWN_LEFT = 10
LAST_REQUESTS = 20


@dataclass(frozen=True)
class Attribute:
    """One value as received, with the day and the request that set it. `value` is None if it is no longer sent.

    `user` is the user whom the value names as the manager.
    """

    path: str
    value: str | None
    set_at: SafeString | str = ""
    request: SafeString | str = ""
    user: Resource | None = None

    @property
    def shown(self) -> str:
        return short_path(self.path)


@require_safe
def user(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """Show one user, in the recycle bin too. `?timeline=all` shows the whole timeline instead of its newest part."""
    person: Any = SyncedUser.objects.select_related("provider").filter(pk=user_id).first()
    if person is None:
        raise missing_resource(user_id, _("There is no such user."))
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    history = read_history(person, can_see_names=can_see_names)
    if not can_see_names:
        person.document = mask(person.document)
        mask_names(person)
    entries = timeline(history)
    is_whole = request.GET.get("timeline") == "all"
    groups = [row for row in history.memberships if row.left_at is None and row.group.deleted_at is None]
    groups.sort(key=lambda row: (row.group.display_name_key or "", row.pk))
    context = {
        "person": person,
        "badge": badge_of(person.status),
        "work": _work(person) if can_see_names else "",
        "summary": summary(history),
        "groups": [(row.group, moment(row.joined_at), _how(history, row)) for row in groups[:SHOWN_GROUPS]],
        "group_count": f"{SHOWN_GROUPS}+" if len(groups) > SHOWN_GROUPS else len(groups),
        "removed_from": _removed_from(history),
        "entries": entries if is_whole else entries[:SHOWN_ENTRIES],
        "entry_count": len(entries),
        "since": moment(entries[-1].at, to="day") if entries else "",
        "attributes": attributes_of(history),
        "raw": as_json(person.document),
        "identifiers": identifiers(person),
        "requests": describe(history.requests[:LAST_REQUESTS], can_see_names=can_see_names),
        "resource": person,
        "bin_until": bin_until(person),
        "others": [(record, badge_of(record.status), moment(record.last_modified)) for record in history.same_name],
        "support_summary": support_summary_of(history, request.build_absolute_uri(request.path)),
    }
    place = Place("users", [(_("Users"), reverse("admin:users"))])
    return show(request, "console/users/user.html", person.label, place, context)


def _work(person: Any) -> str:
    """The user's job title and department, to distinguish two people with the same name."""
    parts = (person.document.get("title"), person.document.get(ENTERPRISE_USER, {}).get("department"))
    return ", ".join(part for part in parts if part)


def _how(history: History, row: Membership) -> SafeString:
    """How the user was added to a group: by the request that created one of the two, or by a later one."""
    event = history.group_events.get(row.joined_event)
    created = next((own for own in history.events if own.kind == EventKind.RESOURCE_CREATED), None)
    if event and created and event.request_id and event.request_id == created.request_id:
        return format_html("{}", _("when the user was created"))
    if event and event.kind == EventKind.RESOURCE_CREATED:
        said = _("when {actor} created the group")
    elif event and event.kind == EventKind.RESOURCE_RESTORED:
        said = _("restored by {actor}")
    else:
        said = _("added by {actor}")
    link = history.request_link(event)
    return format_html("{}{}", format_html(said, actor=history.actor(event)), format_html(", {}", link) if link else "")


def _removed_from(history: History) -> list[tuple[Any, SafeString]]:
    """The groups from which the user was last removed, except those that they are in again."""
    current = {row.group_id for row in history.memberships if row.left_at is None}
    gone = [row for row in history.memberships if row.left_at and row.group_id not in current]
    gone.sort(key=lambda row: row.left_at or row.joined_at, reverse=True)
    newest = {row.group_id: row for row in reversed(gone)}
    rows = sorted(newest.values(), key=lambda row: row.left_at or row.joined_at, reverse=True)
    return [(row.group, moment(row.left_at, to="day")) for row in rows[:SHOWN_LEFT] if row.left_at]


def attributes_of(history: History) -> list[Attribute]:
    """Return each value of the document, and each attribute that was sent once and is no longer sent."""
    known = last_set(history)
    found = [
        _attribute(history, path, value, _setter(known, path)) for path, value in flatten(history.resource.document)
    ]
    present = {row.path for row in found}
    for path, event in known.items():
        is_there = any(name == path or name.startswith((f"{path}.", f"{path}[", f"{path}:")) for name in present)
        if not is_there and path != "members":
            found.append(_attribute(history, path, None, event))
    return sorted(found, key=lambda row: row.shown)


def _setter(known: dict[str, ChangeEvent], path: str) -> ChangeEvent | None:
    """The event that set this path, or the list or object that contains it."""
    while path:
        if path in known:
            return known[path]
        cut = max(path.rfind("."), path.rfind("["), path.rfind(":"))
        path = path[:cut] if cut > 0 else ""
    return None


def _attribute(history: History, path: str, value: str | None, event: ChangeEvent | None) -> Attribute:
    manager = history.managers.get(value or "") if split_path(path) == ["manager"] else None
    if event is None:
        return Attribute(path, value, user=manager)
    return Attribute(path, value, moment(event.at, to="day"), history.request_link(event), manager)
