"""The summary at the top of a user's page: their state, since when, by whom, and with which request.

SCIM gives no reason for a change, so the summary gives none. It shows what arrived, what changed at the same time,
and where in the directory to look for the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.masking import mask_addresses
from providers.console.frame.page import moment, short_id
from providers.console.history.changes import Difference, differences_of
from providers.console.users.history import History, linked_groups
from providers.events import EventKind
from providers.models import ChangeEvent, RequestLog, Status
from providers.outcomes import WRITES, Outcome

AT_ONCE = timedelta(minutes=5)
_STATES = (EventKind.RESOURCE_CREATED, EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_ENABLED)


@dataclass(frozen=True)
class Summary:
    """The summary: `lead` is the sentence, `more` what happened at the same time, `note` where to look.

    `refused` is a later attempt to change the user that failed.
    """

    badge: Badge
    lead: SafeString
    more: SafeString | str = ""
    note: SafeString | str = ""
    refused: SafeString | str = ""


def summary(history: History) -> Summary:
    """Return the summary of a user: the first case that matches their status and the newest event on it.

    Sends no query, except one if there is no event to show.
    """
    person = history.resource
    badge = badge_of(person.status)
    refused = _refused(history)
    if person.status is Status.DELETED:
        event = _newest(history, EventKind.RESOURCE_DELETED)
        said = _removed(history, event) if event else _no_record(history, badge)
        return Summary(badge, said, _left_with(history, event), refused=refused)
    state = _newest(history, *_STATES)
    if person.status is Status.DISABLED:
        if state and state.kind == EventKind.RESOURCE_DISABLED:
            return Summary(badge, _disabled(history, state), _left_with(history, state), _where_to_look(state), refused)
        is_so_since_creation = state and state.kind == EventKind.RESOURCE_CREATED
        said = _never_active(history, state) if state and is_so_since_creation else _no_record(history, badge)
        return Summary(badge, said, refused=refused)
    return Summary(badge, _active(history, badge), refused=refused)


def _newest(history: History, *kinds: EventKind) -> ChangeEvent | None:
    return next((event for event in history.events if event.kind in kinds), None)


def _strong(text: object) -> SafeString:
    return format_html("<strong>{}</strong>", text)


def _in_brackets(history: History, event: ChangeEvent) -> SafeString:
    link = history.request_link(event)
    return format_html(" ({})", link) if link else mark_safe("")


def _disabled(history: History, event: ChangeEvent) -> SafeString:
    return format_html(
        _("{disabled} on {time} by {actor}: it sent {sent}{request}."),
        disabled=_strong(_("Disabled")),
        time=moment(event.at),
        actor=_strong(history.actor(event)),
        sent=mark_safe("<code>active = false</code>"),
        request=_in_brackets(history, event),
    )


def _where_to_look(event: ChangeEvent) -> str:
    said = _(
        "Entra does not send a reason. Usual causes: no longer assigned to iProva, no longer in "
        "scope, blocked or deleted in Entra. Look in Entra → Provisioning logs at %(time)s."
    )
    return said % {"time": date_format(localtime(event.at), "H:i")}


def _left_with(history: History, event: ChangeEvent | None) -> SafeString | str:
    if event is None:
        return ""
    left = [row.group for row in history.memberships if row.left_at and abs(row.left_at - event.at) <= AT_ONCE]
    if not left:
        return ""
    return format_html(_("Within 5 minutes also removed from: {groups}."), groups=linked_groups(left))


def _removed(history: History, event: ChangeEvent) -> SafeString:
    return format_html(
        _("{removed} on {time} by {actor} (DELETE){request}. Entra normally disables first and deletes 30 days later."),
        removed=_strong(_("Deleted")),
        time=moment(event.at),
        actor=_strong(history.actor(event)),
        request=_in_brackets(history, event),
    )


def _never_active(history: History, event: ChangeEvent) -> SafeString:
    return format_html(
        _("{disabled} since creation on {time} by {actor}: {sent} was in the first request{request}."),
        disabled=_strong(_("Has been disabled")),
        time=moment(event.at),
        actor=_strong(history.actor(event)),
        sent=mark_safe("<code>active = false</code>"),
        request=_in_brackets(history, event),
    )


def _active(history: History, badge: Badge) -> SafeString:
    event = history.events[0] if history.events else None
    if event is None:
        return _no_record(history, badge)
    parts = {
        "active": _strong(_("Active.")),
        "time": moment(event.at),
        "actor": _strong(history.actor(event)),
        "request": _in_brackets(history, event),
    }
    match event.kind:
        case EventKind.RESOURCE_CREATED:
            return format_html(_("{active} Created on {time} by {actor}{request}, and not changed since."), **parts)
        case EventKind.RESOURCE_ENABLED:
            said = _("{active} Enabled on {time} by {actor}: it sent {sent}{request}.")
            return format_html(said, sent=mark_safe("<code>active = true</code>"), **parts)
        case EventKind.RESOURCE_RESTORED:
            return format_html(_("{active} Restored from the recycle bin on {time} by {actor}."), **parts)
    changes = differences_of(event, can_see_names=history.can_see_names)
    said = _("{active} Last changed on {time} by {actor}: {changes}{request}.")
    return format_html(said, changes=_first_changes(changes), **parts)


def _first_changes(changes: list[Difference]) -> SafeString:
    """The first two changes of an event in words, and the number of the others."""
    shown = format_html_join(", ", "{}", ((_change(change),) for change in changes[:2]))
    more = len(changes) - 2
    return format_html(_("{shown} and {count} more"), shown=shown, count=more) if more > 0 else shown


def _change(change: Difference) -> SafeString:
    def quoted(value: str | None) -> SafeString:
        if value is None:
            return format_html("<em>{}</em>", _("not sent"))
        return format_html("'<bdi>{}</bdi>'", value if len(value) <= 60 else f"{value[:60]}…")

    name = change.path.rpartition(":")[2]
    return format_html("{} {} → {}", name, quoted(change.before), quoted(change.after))


def _no_record(history: History, badge: Badge) -> SafeString:
    first = ChangeEvent.objects.of(history.resource.provider_id).order_by("id").first()
    said = format_html(_("{state} We have no record of this change."), state=_strong(f"{badge.word}."))
    if first is None:
        return said
    return format_html("{} {}", said, format_html(_("History starts on {day}."), day=moment(first.at, to="day")))


def _refused(history: History) -> SafeString | str:
    """The newest attempt to change the user, if it was rejected or failed; otherwise ""."""
    row = next(_writes(history), None)
    if row is None or row.outcome not in (Outcome.REJECTED, Outcome.ERROR):
        return ""
    detail = row.detail if history.can_see_names else mask_addresses(row.detail)
    return format_html(
        _(
            "{actor} tried to change this user on {time}, and the request was rejected: {detail} "
            "({status}, request {id})"
        ),
        actor=_strong(history.provider_title),
        time=moment(row.at),
        detail=format_html('<span lang="en">{}</span>', detail),
        status=row.status,
        id=short_id(row.id),
    )


def _writes(history: History) -> Iterator[RequestLog]:
    return (row for row in history.requests if row.resource_id == history.resource.pk and row.action in WRITES)
