"""What the directory asked for about a user and did not get: the last word of the directory.

A request that was not done asked for some attributes, or for the user's deletion. Each of these wishes is settled by
a later request that succeeded and asked for it too:

| later request that succeeded        | settles                          |
|-------------------------------------|----------------------------------|
| PATCH, or an operation of a bulk    | the attributes that it names     |
| PUT                                 | all attributes                   |
| DELETE                              | everything                       |

So a disabling that was rejected together with a new user name is still open after the new name alone was accepted, and
after an update of some other attribute.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.console.frame.masking import mask_text
from providers.console.frame.page import moment
from providers.console.history.changes import joined, name_of
from providers.console.log.described import detail_of, shown_names
from providers.console.users.history import History, linked_groups, linked_request, linked_user
from providers.console.users.wording import Sentence, Why, in_brackets, strong
from providers.models import HeldRemoval, RequestLog, Status, TokenState
from providers.outcomes import WRITES, Action, Outcome
from scim.protocol.errors import Reason

MOST = 3
MOST_NAMES = 4
DELETION = "DELETE"
# What a request asked for that was refused before it was read. Any later success settles it.
SOMETHING = "*"


@dataclass(frozen=True)
class Attempt:
    """Requests for the same that were not done for the same reason: the newest, the moment of the first, their number.

    `wishes` are the attributes that are not settled, DELETION or SOMETHING.
    """

    log: RequestLog
    wishes: frozenset[str]
    first_at: datetime
    count: int


def attempts_on(user_requests: Iterable[RequestLog]) -> list[Attempt]:
    """Return the open attempts in the requests about a user, which come newest first. The newest attempt is first."""
    found: dict[tuple[str, frozenset[str]], Attempt] = {}
    granted: set[str] = set()
    is_all_granted = False
    for row in user_requests:
        if row.action not in WRITES:
            continue
        wishes = frozenset([DELETION] if row.method == "DELETE" else row.asked or [SOMETHING])
        if row.outcome == Outcome.SUCCESS:
            if DELETION in wishes:
                return list(found.values())  # whatever was asked before is settled
            granted |= wishes | {SOMETHING}
            is_all_granted = is_all_granted or row.method == "PUT"
            continue
        is_open = wishes - granted if not is_all_granted else wishes & {DELETION}
        if not is_open:
            continue
        key = (row.action, is_open)
        known = found.get(key)
        if known and known.log.reason != row.reason:
            continue  # the newest reason counts
        newest = known.log if known else row
        found[key] = Attempt(newest, is_open, row.at, known.count + 1 if known else 1)
    return list(found.values())


_TOKENS: Mapping[str, TokenState] = {
    Reason.TOKEN_REVOKED: TokenState.REVOKED,
    Reason.TOKEN_EXPIRED: TokenState.EXPIRED,
    Reason.TOKEN_SUSPENDED: TokenState.SUSPENDED,
}
_BY_REASON: Mapping[str, Why] = {
    Reason.PROVIDER_DELETED: Why.GONE,
    Reason.DATABASE_AWAY: Why.AWAY,
}
_BY_OUTCOME: Mapping[str, Why] = {
    Outcome.NOT_FOUND: Why.NOT_FOUND,
    Outcome.THROTTLED: Why.SLOWER,
    Outcome.ERROR: Why.OURS,
}


def open_attempts(history: History) -> list[Attempt]:
    """Return the open attempts on a user. Requests that did not find a deleted user do not count."""
    own = history.own_requests
    if history.resource.status is Status.DELETED:
        own = [row for row in own if row.outcome != Outcome.NOT_FOUND]
    return attempts_on(own)


def not_done(history: History, attempts: Sequence[Attempt]) -> list[SafeString]:
    """Return a sentence for each of the newest attempts: who asked for what, when, and why it was not done."""
    found = [_sentence(history, attempt) for attempt in attempts[:MOST]]
    return [*found, *_with_groups(history)]


def _with_groups(history: History) -> Iterator[SafeString]:
    """The removals of members that are held back and would cost the user a group."""
    if history.provider.rejected_at or history.provider.deleted_at:
        return
    for held in history.held:
        group = history.held_groups.get(held.resource_id)
        if group is None or held.resource_id == history.resource.pk:
            continue
        sentence = Sentence.GROUP_DELETION_HELD if held.is_deletion else Sentence.GROUP_HELD
        why = _allowed(held) or Why.HELD.fill()
        yield sentence.fill(
            actor=strong(history.provider.title), time=moment(held.last_at), group=linked_groups([group]), why=why
        )


def _sentence(history: History, attempt: Attempt) -> SafeString:
    log = attempt.log
    parts = {
        "actor": strong(history.provider.title),
        "wish": _wish(history, attempt),
        "time": moment(log.at),
        "why": _why(history, attempt),
        "request": in_brackets(linked_request(log.id)),
    }
    if attempt.count == 1:
        return Sentence.ASKED.fill(**parts)
    return Sentence.ASKED_AGAIN.fill(count=attempt.count, first=moment(attempt.first_at), **parts)


def _wish(history: History, attempt: Attempt) -> SafeString:
    log = attempt.log
    if DELETION in attempt.wishes:
        return strong(_("delete this user"))
    found: list[object] = []
    wishes = attempt.wishes - {SOMETHING}
    if "active" in wishes and log.action in (Action.DISABLE, Action.ENABLE):
        is_off = log.action == Action.DISABLE
        found.append(strong(_("disable this user") if is_off else _("enable this user")))
        wishes -= {"active"}
    if log.reason == Reason.NAME_TAKEN and "userName" in wishes and log.subject:
        found.append(format_html(_("change the user name to {name}"), name=_asked_name(history, log)))
        wishes -= {"userName"}
    if names := _names(history, log, wishes):
        said = ngettext("change the {names}", "change the attributes {names}", len(names))
        found.append(format_html(said, names=joined(names)))
    if not found:
        return format_html("{}", _("change this user"))
    return format_html(" {} ".format(_("and")).join("{}" for _part in found), *found)


def _names(history: History, log: RequestLog, wishes: frozenset[str]) -> Sequence[str]:
    """The attributes that the request was rejected for, if the response named them, otherwise all it asked for.

    A PUT asks for all of them, so they say nothing.
    """
    rejected = [name for name in log.rejected if name in wishes]
    if not rejected and log.method == "PUT":
        return []
    shown = shown_names(rejected or sorted(wishes), history.provider, can_see_names=history.can_see_names)
    names = [name_of(name) for name in shown]
    more = len(names) - MOST_NAMES
    return [*names[:MOST_NAMES], _("%(count)s more") % {"count": more}] if more > 0 else names


def _asked_name(history: History, log: RequestLog) -> SafeString:
    name = log.subject if history.can_see_names else mask_text(log.subject)
    return format_html("'<bdi>{}</bdi>'", name)


def _why(history: History, attempt: Attempt) -> SafeString:
    log, provider = attempt.log, history.provider
    match log.reason:
        case Reason.REMOVALS_HELD:
            return _held(history, log)
        case Reason.REMOVALS_REJECTED:
            return (Why.REJECTED if provider.rejected_at else Why.REJECTED_ENDED).fill()
        case Reason.PAUSED:
            return (Why.PAUSED if provider.paused_at else Why.PAUSED_ENDED).fill()
        case Reason.ADDRESS_REFUSED:
            return Why.ADDRESS.fill(address=format_html("<bdi>{}</bdi>", log.source_ip or ""))
        case Reason.TOKEN_REVOKED | Reason.TOKEN_EXPIRED | Reason.TOKEN_SUSPENDED:
            return Why.TOKEN.fill(token=str(_TOKENS[log.reason].label).lower())
        case Reason.NAME_TAKEN if log.subject and "userName" in log.asked:
            if "userName" not in attempt.wishes:
                return Why.TAKEN_TOO.fill(name=_asked_name(history, log))
            holder = history.holders.get(log.subject_key)
            return Why.TAKEN.fill(holder=linked_user(holder)) if holder else Why.TAKEN_THEN.fill()
    why = _BY_REASON.get(log.reason) or _BY_OUTCOME.get(log.outcome)
    if why is not None:
        return why.fill()
    detail = detail_of(log, provider, can_see_names=history.can_see_names)
    return Why.DATA.fill(detail=format_html('<span lang="en">{}</span>', detail))


def _held(history: History, log: RequestLog) -> SafeString:
    """What became of a removal that was held back."""
    provider = history.provider
    own = next((held for held in history.held if held.resource_id == log.resource_id), None)
    if provider.deleted_at:
        return Why.HELD_DELETED.fill()
    if provider.rejected_at:
        return Why.HELD_REJECTED.fill()
    if own and (said := _allowed(own)):
        return said
    if provider.held_at:
        return Why.HELD.fill()
    until = provider.removals_count_from
    return Why.HELD_OFF.fill(until=moment(until)) if until and until > history.read_at else Why.HELD_ENDED.fill()


def _allowed(held: HeldRemoval) -> SafeString | None:
    """That an administrator has allowed a removal; None if they have not."""
    return Why.HELD_ALLOWED.fill(until=moment(held.allowed_until)) if held.allowed_until and held.is_allowed else None
