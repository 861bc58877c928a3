"""The text that support copies from a user's page into a case (AC-PER-7).

It holds the same truth as the page: state, open attempts, changes, groups and requests, with whole ids and in UTC. It
names no person and no value of an attribute.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from providers.console.frame.masking import is_uuid
from providers.console.history.changes import short_path
from providers.console.log.described import action_words
from providers.console.users.attempts import open_attempts
from providers.console.users.history import History
from providers.events import EventKind
from providers.models import RequestLog, Resource

MOST = 10


def support_summary_of(history: History, address: str) -> str:
    """Return the text. `address` is that of the user's page."""
    return "\n".join(
        [
            *_identity(history, address),
            *_section(_("Not done"), _open_attempts(history)),
            *_section(_("Changes"), _changes(history)),
            *_section(_("Groups"), _moves(history)),
            *_section(_("Last requests"), map(_request, history.own_requests[:MOST])),
        ]
    )


def _section(title: str, lines: Iterator[str]) -> list[str]:
    found = list(lines)
    return ["", f"{title}:", *found] if found else []


def _identity(history: History, address: str) -> Iterator[str]:
    user, provider = history.resource, history.provider
    object_id = user.external_id if user.external_id and is_uuid(user.external_id) else "-"
    yield f"SCIM id: {user.pk}"
    yield f"externalId ({provider.directory.object_id}): {object_id}"
    yield _("Provider: %(title)s (%(id)s)") % {"title": provider.title, "id": provider.pk}
    states = {_("paused"): provider.paused_at, _("deleted"): provider.deleted_at}
    states |= {_("refused"): history.activity.refused_since, _("last contact"): history.activity.accepted_at}
    yield from (f"  {state}: {_utc(at)}" for state, at in states.items() if at)
    yield _("State: %(state)s, version %(version)s") % {"state": user.status.label, "version": user.version}
    yield _("Created: %(time)s") % {"time": _utc(user.created)}
    yield _("Last changed: %(time)s") % {"time": _utc(user.last_modified)}
    yield _("Page: %(address)s") % {"address": address}
    yield _("All times are in UTC.")


def _open_attempts(history: History) -> Iterator[str]:
    for attempt in open_attempts(history)[:MOST]:
        said = _("%(request)s, %(count)s times since %(first)s")
        many = {"request": _request(attempt.log), "count": attempt.count, "first": _utc(attempt.first_at)}
        yield said % many if attempt.count > 1 else _request(attempt.log)


def _changes(history: History) -> Iterator[str]:
    for event in history.events[:MOST]:
        paths = ", ".join(short_path(change["path"]) for change in event.changes[:MOST])
        what = paths if event.kind == EventKind.RESOURCE_CHANGED else event.kind.rpartition(".")[2]
        yield f"{_utc(event.at)} {what}, {_by(event.request_id)}"


def _moves(history: History) -> Iterator[str]:
    for move in history.all_moves[:MOST]:
        for sign, groups in (("+", move.joined), ("-", move.left), ("-", move.ended)):
            for group in groups[:MOST]:
                yield f"{_utc(move.at)} {sign} {_group(group)}, {_by(move.event.request_id if move.event else None)}"


def _group(group: Resource) -> str:
    return f"{group.label} ({group.pk})"


def _by(request_id: object) -> str:
    return _("request %(id)s") % {"id": request_id or "-"}


def _request(row: RequestLog) -> str:
    response = " ".join(filter(None, [str(row.status), row.scim_type, row.reason]))
    return f"{_utc(row.at)} {action_words(row)}: {response}, {_by(row.id)}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
