"""The summary at the top of a user's page: the user's state, and what stands between it and what the directory wants.

A pure function of what is on record (`History`): it sends no query. SCIM gives no reason for a change, so the summary
gives none. It shows what arrived, what changed at the same time, and where in the directory to look for the reason.

It has three parts, in this order. The first is always there, the others only where they matter.

1. **The state of the record**, by the newest event that set it:

   | status   | event                       | sentence                                             |
   |----------|-----------------------------|------------------------------------------------------|
   | deleted  | deleted, disabled before    | deleted on … , after being disabled on …             |
   | deleted  | deleted, active before      | deleted on … without being disabled first            |
   | disabled | disabled                    | disabled on …                                        |
   | disabled | created                     | disabled since creation                              |
   | active   | created, no change since    | created on …, and not changed since                  |
   | active   | created, groups changed     | created on …; the attributes have not changed since  |
   | active   | enabled, restored           | enabled on … / restored by …                         |
   | active   | changed                     | last changed on …: which attributes                  |
   | any      | none                        | nothing is recorded since the history starts         |

   What belongs to it follows: what the same request changed, a restoration, later changes of a disabled user, and
   changes of groups after that.

2. **The directory's last word**: each request about the user that was not done and is not settled
   (`providers.console.users.attempts`): what it asked for, and why it was not done.

3. **The state of the provider**: deleted, paused, refused at the door, or silent. Newer changes may then be missing.

Notes follow: other users with this name or external id, nested groups, and where in the directory to look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.page import clock, moment
from providers.console.history.changes import Difference, joined
from providers.console.users.attempts import Attempt, not_done, open_attempts
from providers.console.users.history import AT_ONCE, History, Move, linked_groups, linked_user
from providers.console.users.wording import Sentence, in_brackets, strong
from providers.events import EventKind
from providers.models import RECYCLE_BIN_DAYS, ChangeEvent, IpMode, Resource, Status
from providers.outcomes import Action

MOST_CHANGES = 2
MOST_NAMES = 8


@dataclass(frozen=True)
class Summary:
    """The summary. `lead` is the state in one sentence, and `more` what changed with it.

    `warnings` are what the directory asked for in vain, and what keeps its changes away. `notes` are what else may
    explain the user's state.
    """

    badge: Badge
    lead: SafeString
    more: Sequence[SafeString] = ()
    warnings: Sequence[SafeString] = ()
    notes: Sequence[SafeString] = ()


def summary(history: History) -> Summary:
    """Return the summary of a user."""
    lead, event = _state(history)
    attempts = open_attempts(history)
    return Summary(
        badge=badge_of(history.resource.status),
        lead=lead,
        more=tuple(_with_it(history, event)),
        warnings=(*not_done(history, attempts), *_provider(history)),
        notes=(*_where_to_look(history, event, attempts), *_others(history), *_nested(history)),
    )


def _newest(history: History, *kinds: EventKind, before: ChangeEvent | None = None) -> ChangeEvent | None:
    older = (event for event in history.events if before is None or event.id < before.id)
    return next((event for event in older if event.kind in kinds), None)


# What sets whether a user is active. A restoration does not: the user comes back as they were.
_SETS_STATUS = (
    EventKind.RESOURCE_CREATED,
    EventKind.RESOURCE_DISABLED,
    EventKind.RESOURCE_ENABLED,
    EventKind.RESOURCE_ENABLED_AGAIN,
)


def _state(history: History) -> tuple[SafeString, ChangeEvent | None]:
    """The lead, and the event that it is about; the first part of the table above."""
    match history.resource.status:
        case Status.DELETED:
            event = _newest(history, EventKind.RESOURCE_DELETED)
            said = _deleted(history, event) if event else None
        case Status.DISABLED:
            event = _newest(history, *_SETS_STATUS)
            said = _disabled(history, event) if event else None
        case _:
            event = history.events[0] if history.events else None
            said = _active(history, event) if event else None
    return (said, event) if said else (_no_record(history), None)


def _about(history: History, event: ChangeEvent, sentence: Sentence, state: str, **more: object) -> SafeString:
    """A sentence about one event. `state` stands at its beginning."""
    link = history.request_link(event)
    return sentence.fill(
        state=strong(state),
        time=moment(event.at),
        actor=strong(history.actor(event)),
        request=in_brackets(link),
        comma=format_html(", {}", link) if link else "",
        **more,
    )


_SENT_ACTIVE = {value: format_html("<code>active = {}</code>", value) for value in ("true", "false")}


def _deleted(history: History, event: ChangeEvent) -> SafeString:
    before = _newest(history, *_SETS_STATUS, before=event)
    if before is None or not _is_off(before):
        return _about(history, event, Sentence.DELETED_ACTIVE, _("Deleted"))
    if before.kind == EventKind.RESOURCE_CREATED:
        return _about(history, event, Sentence.DELETED_DISABLED, _("Deleted"))
    return _about(history, event, Sentence.DELETED, _("Deleted"), since=moment(before.at))


def _is_off(event: ChangeEvent) -> bool:
    """Whether the user was disabled after this event."""
    if event.kind == EventKind.RESOURCE_CREATED:
        return any(change["path"] == "active" and change.get("after") is False for change in event.changes)
    return event.kind == EventKind.RESOURCE_DISABLED


def _disabled(history: History, event: ChangeEvent) -> SafeString | None:
    """The sentence about what disabled the user; None if that is older than the history."""
    if not _is_off(event):
        return None
    is_new = event.kind == EventKind.RESOURCE_CREATED
    if not is_new and not event.token_prefix:
        return _about(history, event, Sentence.DISABLED_HERE, _("Disabled"))
    sentence = Sentence.NEVER_ACTIVE if is_new else Sentence.DISABLED
    return _about(history, event, sentence, _("Disabled"), sent=_SENT_ACTIVE["false"])


def _active(history: History, event: ChangeEvent) -> SafeString:
    active = _("Active.")
    match event.kind:
        case EventKind.RESOURCE_CREATED:
            moved = history.moves and history.moves[0].event_id > event.id
            return _about(history, event, Sentence.GROUPS_CHANGED if moved else Sentence.CREATED, active)
        case EventKind.RESOURCE_ENABLED:
            before = _newest(history, EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_CREATED, before=event)
            if before is None:
                return _about(history, event, Sentence.ENABLED, active, sent=_SENT_ACTIVE["true"])
            since = {"sent": _SENT_ACTIVE["true"], "since": moment(before.at)}
            return _about(history, event, Sentence.ENABLED_AFTER, active, **since)
        case EventKind.RESOURCE_ENABLED_AGAIN:
            return _about(history, event, Sentence.ENABLED_HERE, active)
        case EventKind.RESOURCE_RESTORED:
            return _about(history, event, Sentence.RESTORED, active)
    changes = _differences(history, event) or history.differences(event)
    return _about(history, event, Sentence.CHANGED, active, changes=_changes(changes))


def _no_record(history: History) -> SafeString:
    status = history.resource.status
    if history.starts_at is None:
        return Sentence.NOTHING.fill(state=strong(f"{status.label}."))
    day = moment(history.starts_at, to="day")
    if history.events and status is Status.DISABLED:
        return Sentence.DISABLED_BEFORE.fill(state=strong(status.label), day=day)
    return Sentence.OLDER.fill(state=strong(f"{status.label}."), day=day)


def _differences(history: History, event: ChangeEvent) -> list[Difference]:
    return [change for change in history.differences(event) if change.path != "active"]


def _changes(changes: Sequence[Difference]) -> SafeString:
    """The first two changes with their values, and the names of the others by what happened to them."""
    shown = [_change(change) for change in changes[:MOST_CHANGES]]
    rest = changes[MOST_CHANGES:]
    for text, own in (
        (_("also set: {names}"), [change for change in rest if change.before is None]),
        (_("also changed: {names}"), [change for change in rest if None not in (change.before, change.after)]),
        (_("also removed: {names}"), [change for change in rest if change.after is None]),
    ):
        names = list(dict.fromkeys(change.name for change in own))
        more = len(names) - MOST_NAMES
        if names:
            listed = [*names[:MOST_NAMES], _("%(count)s more") % {"count": more}] if more > 0 else names
            shown.append(format_html(text, names=joined(listed)))
    return format_html_join("; ", "{}", ((text,) for text in shown))


def _change(change: Difference) -> SafeString:
    before, after = _value(change.before, change.old_user), _value(change.after, change.new_user)
    if change.after is None:
        return format_html(_("{name} removed (was {before})"), name=change.name, before=before)
    if change.before is None:
        return format_html(_("{name} set to {after}"), name=change.name, after=after)
    return format_html("{name} {before} → {after}", name=change.name, before=before, after=after)


def _value(value: str | None, user: Resource | None) -> SafeString:
    if user is not None:
        return linked_user(user)
    value = value or ""
    return format_html("'<bdi>{}</bdi>'", value if len(value) <= 60 else f"{value[:60]}…")


def _with_it(history: History, event: ChangeEvent | None) -> Iterator[SafeString]:
    """What belongs to the state: what an administrator undid, changes with it and after it, and the user's groups."""
    yield from _undone(history, event)
    status = history.resource.status
    changes = _differences(history, event) if event else []
    if event and changes and event.kind in (EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_ENABLED):
        yield Sentence.CHANGED_TOO.fill(changes=_changes(changes))
    is_shorter = any(change.after is None for change in changes)
    if event and is_shorter and status is Status.ACTIVE and history.is_replacement(event):
        yield Sentence.REPLACED.fill()
    changed = _newest(history, EventKind.RESOURCE_CHANGED) if status is Status.DISABLED else None
    if changed and (event is None or changed.id > event.id):
        since = _changes(_differences(history, changed))
        yield _about(history, changed, Sentence.CHANGED_SINCE, "", changes=since)
    yield from _groups(history, event)


def _undone(history: History, event: ChangeEvent | None) -> Iterator[SafeString]:
    """What the directory had done before an administrator restored or enabled the user, and that it may do it again."""
    if event and event.kind == EventKind.RESOURCE_ENABLED_AGAIN:
        disabled = _newest(history, EventKind.RESOURCE_DISABLED, before=event)
        if disabled:
            yield _about(history, disabled, Sentence.DISABLED_BEFORE_THAT, "", sent=_SENT_ACTIVE["false"])
        yield Sentence.UNAWARE_ENABLED.fill()
    restored = _newest(history, EventKind.RESOURCE_RESTORED)
    if restored is None:
        return
    deleted = _newest(history, EventKind.RESOURCE_DELETED, before=restored)
    is_since = history.resource.status is Status.DISABLED and (event is None or restored.id > event.id)
    if deleted and (restored is event or is_since):
        yield _about(history, deleted, Sentence.DELETED_SINCE if is_since else Sentence.DELETED_BEFORE, "")
    if is_since:
        yield _about(history, restored, Sentence.RESTORED_SINCE, "")
    if restored is history.events[0]:
        yield Sentence.UNAWARE.fill()


def _groups(history: History, event: ChangeEvent | None) -> Iterator[SafeString]:
    """The groups that the user left with the state, and the newest change of groups after it with those about then."""
    if event is None:
        return
    mentioned: list[Move] = []
    if event.kind in (EventKind.RESOURCE_DELETED, EventKind.RESOURCE_DISABLED):
        own = history.move_of(event)
        if own and own.left:
            yield Sentence.ENDED_TOO.fill(groups=linked_groups(own.left))
        mentioned = [move for move in history.moves if abs(move.at - event.at) <= AT_ONCE and not move.joined]
        yield from _also(Sentence.LEFT_TOO, [group for move in mentioned for group in move.gone])
    newer = [move for move in history.moves if move.event_id > event.id and move not in mentioned]
    if newer:
        yield _groups_changed(history, newer[0])
        others = [move for move in newer[1:] if newer[0].at - move.at <= AT_ONCE]
        now = {row.group_id for row in history.memberships if row.left_at is None}
        joined = [group for move in others for group in move.joined if group.pk in now]
        yield from _also(Sentence.JOINED_TOO, joined)
        yield from _also(Sentence.LEFT_TOO, [group for move in others for group in move.gone if group.pk not in now])


def _also(sentence: Sentence, groups: Sequence[Resource]) -> Iterator[SafeString]:
    if groups:
        yield sentence.fill(groups=linked_groups({group.pk: group for group in groups}.values()))


def _groups_changed(history: History, move: Move) -> SafeString:
    said = format_html_join(
        "; ",
        "{}",
        (
            (format_html(text, groups=linked_groups(groups)),)
            for text, groups in (
                (_("added to {groups}"), move.joined),
                (_("removed from {groups}"), move.left),
                (_("removed from {groups}, because the group was deleted"), move.ended),
            )
            if groups
        ),
    )
    return Sentence.GROUPS.fill(
        time=moment(move.at),
        actor=strong(history.actor(move.event)),
        groups=said,
        request=in_brackets(history.request_link(move.event)),
    )


def _provider(history: History) -> Iterator[SafeString]:
    """The state of the provider, if newer changes may be missing because of it: the first that matches."""
    provider, activity = history.provider, history.activity
    title = strong(provider.title)
    if provider.deleted_at:
        until = provider.deleted_at + timedelta(days=RECYCLE_BIN_DAYS)
        yield Sentence.PROVIDER_DELETED.fill(
            provider=title, time=moment(provider.deleted_at), until=moment(until, to="day")
        )
    elif history.resource.status is Status.DELETED:
        return
    elif provider.paused_at:
        yield Sentence.PROVIDER_PAUSED.fill(provider=title, time=moment(provider.paused_at))
    elif activity.refused_since and activity.refused_address:
        if provider.ip_mode == IpMode.ENFORCE:
            address = format_html("<bdi>{}</bdi>", activity.refused_address)
            yield Sentence.ADDRESS_REFUSED.fill(provider=title, time=moment(activity.refused_since), address=address)
    elif activity.refused_since:
        token = str(history.refused_token.state.label).lower() if history.refused_token else _("unknown")
        yield Sentence.TOKEN_REFUSED.fill(provider=title, time=moment(activity.refused_since), token=token)
    elif activity.accepted_at and history.read_at - activity.accepted_at > timedelta(hours=provider.silent_after_hours):
        yield Sentence.SILENT.fill(provider=title, time=moment(activity.accepted_at))


def _others(history: History) -> Iterator[SafeString]:
    """Other users who may be the same person, or whom the directory may take for this one."""
    user = history.resource
    own = [other for other in history.same_name if other.provider_id == user.provider_id]
    newer, earlier = ([other for other in own if (other.pk > user.pk) is is_newer] for is_newer in (True, False))
    for other in newer[:1]:
        is_in_use = user.status is Status.DELETED and other.status is not Status.DELETED
        yield (Sentence.NAME_IN_USE if is_in_use else Sentence.NEWER_RECORD).fill(
            user=linked_user(other), state=_state_word(other)
        )
    for other in earlier[:1]:
        at = moment(other.deleted_at or other.last_modified)
        sentence = Sentence.EARLIER_GROUPS if history.earlier_had_groups else Sentence.EARLIER_RECORD
        yield sentence.fill(user=linked_user(other), time=at)
    for other in history.same_name:
        if other.provider_id != user.provider_id and other.status is not Status.DELETED:
            yield Sentence.OTHER_PROVIDER.fill(
                provider=strong(other.provider.title), user=linked_user(other), state=_state_word(other)
            )
    for other in history.same_external_id:
        yield Sentence.SAME_EXTERNAL_ID.fill(
            provider=strong(history.provider.title), user=linked_user(other), state=_state_word(other)
        )


def _state_word(user: Resource) -> str:
    return str(user.status.label).lower()


def _nested(history: History) -> Iterator[SafeString]:
    for inner, outer in history.outer_groups:
        yield Sentence.NESTED.fill(inner=linked_groups([inner]), outer=linked_groups([outer]))


def _where_to_look(history: History, event: ChangeEvent | None, attempts: Sequence[Attempt]) -> Iterator[SafeString]:
    is_wanted_back = any(attempt.log.action == Action.ENABLE for attempt in attempts)
    if event and event.kind == EventKind.RESOURCE_DISABLED and event.token_prefix and not is_wanted_back:
        provider = strong(history.provider.title)
        logs = history.provider.directory.logs
        yield Sentence.WHERE_TO_LOOK.fill(provider=provider, clock=clock(event.at, event.at), logs=logs)
