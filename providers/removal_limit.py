"""The removal limit: what happens if a provider removes too many users at once.

* Off: nothing.
* Warn: when a provider reaches its limit within an hour, the removals are noted for the console and a mail.
* Hold: from then on each removal gets 503 and changes nothing, so the directory tries again later. An
  administrator decides about it (providers/removal_decisions.py).

Who counts. Each user counts once within the hour (SPAN), however many of these rules apply:

    request                                                       counts
    ------------------------------------------------------------  -----------------------------------------------
    disables or deletes a user                                    the user
    removes users from a group (PATCH or PUT of the group)        active users who are in no group afterwards
    empties a group by that, or deletes it                        also the active users whom it lost this hour
    moves a user: out of one group, into another                  nobody, once the user is in the other group
    removes a few users from a group that keeps other members     nobody who is still in some group
    empties or deletes a group without users, or removes a group  nobody
    from a group
    removes users from groups who are disabled or deleted         nobody (they count when they are disabled)
    renames users, however many                                   nobody: they keep id, state and groups, and when
                                                                  a domain is renamed, all users are
    creates or changes users and groups in any other way          nobody

Groups are counted by what is true at the moment: a user who joins a group again, and a group that gets a member
again, no longer count. So an ordinary reorganisation counts few, even if it moves many.

The limit has two parts, a number of users and a share of the active users. Both must be reached.

What is held:

* The request that disables or deletes the last user below the limit succeeds, and the hold starts after it.
* A change of a group that affects several users and reaches the limit is held itself, because nothing would be left to
  hold. It is one request, so it is held as a whole.
* While a hold lasts, each request that would count somebody is held. All others succeed.

Under *hold*, the removals are counted while the transaction holds the lock of the provider's row, and by a statement
that begins after it was locked. So two workers cannot both make the last removal that is allowed, or remove the same
user from their last two groups unnoticed. Locks are taken as everywhere: groups, users, then the provider.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from providers.audit import record_act
from providers.events import SYSTEM, EventKind
from providers.ids import first_id_at
from providers.models import HeldRemoval, Provider, RemovalLimit

SPAN = timedelta(minutes=60)
# The kinds of events by which users are removed; a group's events do not name the users who lose their groups.
REMOVALS = (EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_DELETED)

# The users who were disabled or deleted. An index of exactly these events makes it fast (migration 0011).
_GONE = """
providers_changeevent WHERE provider_id = %s AND id >= %s AND id < %s AND at >= %s
  AND kind IN ('resource.disabled', 'resource.deleted') AND resource_type = 'User'
"""
# The memberships from which users were removed. An index of exactly these memberships makes it fast (migration 0021).
_LEFT = """
providers_membership m WHERE m.provider_id = %s AND m.left_at >= %s AND m.left_at IS NOT NULL
  AND m.member_type = 'User' AND m.ending IN ('removed', 'group-deleted')
"""
# Those of them that count: the user is active, and is in no group now, or the group has no members now.
_COUNTS = """
  AND EXISTS (SELECT FROM providers_resource u WHERE u.id = m.member_id AND u.active AND u.deleted_at IS NULL)
  AND (NOT EXISTS (SELECT FROM providers_membership o WHERE o.member_id = m.member_id AND o.left_at IS NULL)
    OR NOT EXISTS (SELECT FROM providers_membership o WHERE o.group_id = m.group_id AND o.left_at IS NULL))
"""
# An upper bound: everybody who was removed from any group counts. It reads two indexes.
_AT_MOST = f"""
SELECT count(DISTINCT resource_id), min(at), max(at), (SELECT count(*) FROM {_LEFT}) FROM {_GONE}
"""
_EXACTLY = f"""
SELECT count(*), count(*) FILTER (WHERE NOT is_gone), min(first), max(last) FROM (
  SELECT resource_id, bool_or(is_gone) AS is_gone, min(at) AS first, max(at) AS last FROM (
    SELECT resource_id, true AS is_gone, at FROM {_GONE}
    UNION ALL SELECT m.member_id, false, m.left_at FROM {_LEFT} {_COUNTS}) each GROUP BY resource_id) users
"""
_ACTIVE = """
SELECT count(*) FROM (SELECT FROM providers_resource
  WHERE provider_id = %s AND resource_type = 'User' AND active AND deleted_at IS NULL LIMIT %s) found
"""
# The users whom one change of a group affects.
_LOST = f"""
SELECT DISTINCT m.member_id FROM providers_membership m
WHERE m.left_event = %s AND m.member_type = 'User' AND m.ending IN ('removed', 'group-deleted') {_COUNTS}
"""
_LIST = f"""
SELECT resource_id, name, what, at, count(*) OVER () FROM (
  SELECT DISTINCT ON (resource_id) resource_id, name, what, at FROM (
    SELECT resource_id, subject AS name, kind AS what, at FROM {_GONE} AND at <= %s
    UNION ALL
    SELECT m.member_id, (SELECT n.user_name FROM providers_resource n WHERE n.id = m.member_id), '', m.left_at
    FROM {_LEFT} AND m.left_at <= %s {_COUNTS}) each ORDER BY resource_id, at DESC) users
ORDER BY at, resource_id
"""
_NOTE = """
INSERT INTO providers_heldremoval
  (provider_id, resource_id, resource_type, first_at, last_at, is_deletion, user_count, user_ids)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::uuid[])
ON CONFLICT (provider_id, resource_id) DO UPDATE SET last_at = EXCLUDED.last_at, is_deletion = EXCLUDED.is_deletion,
  user_count = EXCLUDED.user_count, user_ids = EXCLUDED.user_ids, allowed_until = NULL
"""


@dataclass(frozen=True)
class Removals:
    """The number of users who were removed, and the moments of the first and the last one."""

    users: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Removed:
    """One user who was removed: the name, how (the kind of event, or "" for the groups they lost), and when."""

    user_id: UUID
    name: str
    what: str
    at: datetime


class RemovalHeldError(Exception):
    """A removal cannot happen now: the provider's removals are held back, or rejected.

    `resource_id` is the user to disable or delete, or the group that would lose its members. Then `user_ids` has the
    users affected, as PostgreSQL writes an array. `starts_hold`: this removal is the first one that is held.
    """

    def __init__(self, provider: Provider, resource_id: UUID, resource_type: str, *, is_deletion: bool) -> None:
        super().__init__(f"removals of provider {provider.pk} are held back")
        self.provider_id = provider.pk
        self.resource_id = resource_id
        self.resource_type = resource_type
        self.is_deletion = is_deletion
        self.is_rejected = provider.rejected_at is not None
        self.starts_hold = provider.held_at is None
        self.user_count = 1
        self.user_ids = "{}"


def removals_above_limit(provider: Provider, start: datetime) -> Removals | None:
    """Return the removals since `start` if they reach the provider's limit, otherwise None.

    At most two statements if nobody was removed from a group, otherwise three. The first gives an upper bound. The
    second stops counting active users as soon as the share cannot be reached. The exact number is read only if the
    bound reaches the limit.
    """
    least = max(provider.removal_limit_users, 1)
    with connection.cursor() as cursor:
        cursor.execute(_AT_MOST, [provider.pk, start, *_values_of_gone(provider, start)])
        gone, since, until, left = cursor.fetchone()
        if gone + left < least:
            return None
        most = _most_active(provider, gone + left, staying=left)
        cursor.execute(_ACTIVE, [provider.pk, most + 1])
        (active,) = cursor.fetchone()
        if active > most or not left:
            return Removals(gone, since, until) if active <= most else None
        cursor.execute(_EXACTLY, [*_values_of_gone(provider, start), provider.pk, start])
        users, staying, since, until = cursor.fetchone()
    is_reached = users >= least and active <= _most_active(provider, users, staying=staying)
    return Removals(users, since, until) if is_reached else None


def _values_of_gone(provider: Provider, start: datetime) -> list[Any]:
    """The parameters of `_GONE`. The bounds of the id are values, so PostgreSQL plans only for the months between."""
    first, last = start - timedelta(minutes=1), timezone.now() + timedelta(days=1)
    return [provider.pk, first_id_at(first), first_id_at(last), start]


def _most_active(provider: Provider, users: int, *, staying: int) -> int:
    """Return how many users can be active if these removals are to reach the share; `staying` of the removed are."""
    return users * (100 - provider.removal_limit_percent) // max(provider.removal_limit_percent, 1) + staying


def held_from(provider: Provider) -> datetime:
    """Return the start of the time in which the removals were counted that caused the hold."""
    assert provider.held_at
    start = provider.held_at - SPAN
    return max(start, provider.removals_count_from) if provider.removals_count_from else start


def removed_between(provider: Provider, since: datetime, until: datetime, most: int) -> tuple[list[Removed], int]:
    """Return the first users who were removed in a time, at most `most`, and the number of all. One statement.

    A user who is in a group again, or whose group has members again, is no longer among those who lost their groups.
    """
    with connection.cursor() as cursor:
        gone = _values_of_gone(provider, since)
        cursor.execute(f"{_LIST} LIMIT %s", [*gone, until, provider.pk, since, until, most])
        rows = cursor.fetchall()
    return [Removed(*row[:4]) for row in rows], rows[0][4] if rows else 0


def removals_query(since: datetime, until: datetime) -> str:
    """Return the query string for the page that shows exactly these removals (AC-HEA-6)."""
    first, last = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in (since, until))
    return f"since={first}&until={last}"


@contextmanager
def watch(provider_id: int, user_id: UUID, *, is_deletion: bool) -> Iterator[None]:
    """Guard the write that disables or deletes a user; use it inside the write's transaction.

    Locks the provider. Raises `RemovalHeldError` before the write if the removal is held back or rejected. After the
    write it starts the hold if the limit is reached.
    """
    provider = _lock(provider_id)
    if provider.removal_limit != RemovalLimit.HOLD:
        yield
    elif provider.held_at:
        removal = RemovalHeldError(provider, user_id, "User", is_deletion=is_deletion)
        if not _use_permission(removal):
            raise removal
        yield
    else:
        yield
        now = timezone.now()
        if _is_above_limit(provider, now):
            _start_hold(provider, now)


def check_members(provider_id: int, group_id: UUID, event_id: UUID, *, is_deletion: bool) -> None:
    """Guard a change that ended memberships of a group; call it after the change, inside its transaction.

    Locks the provider. Raises `RemovalHeldError` if the change is held back or rejected: the transaction is then
    rolled back. One statement finds the users whom the change affects, whatever their number.
    """
    provider = _lock(provider_id)
    now = timezone.now()
    is_off = provider.removals_count_from and provider.removals_count_from > now
    if provider.removal_limit != RemovalLimit.HOLD or (is_off and not provider.held_at):
        return
    removal = RemovalHeldError(provider, group_id, "Group", is_deletion=is_deletion)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), array_agg(member_id)::text FROM ({_LOST}) lost", [event_id])
        removal.user_count, removal.user_ids = cursor.fetchone()
    if not removal.user_count:
        if provider.held_at:  # what was held before affects nobody any more
            HeldRemoval.objects.of(provider).filter(resource_id=group_id).delete()
    elif provider.held_at:
        if not _use_permission(removal):
            raise removal
    elif _is_above_limit(provider, now):
        if removal.user_count > 1:
            raise removal
        _start_hold(provider, now)


def _lock(provider_id: int) -> Provider:
    return Provider.objects.select_for_update(no_key=True).get(pk=provider_id)


def _is_above_limit(provider: Provider, now: datetime) -> bool:
    start = max(now - SPAN, provider.removals_count_from or now - SPAN)
    return start <= now and removals_above_limit(provider, start) is not None


_WAITING = """
SELECT provider_id, count(DISTINCT id) FROM (
  SELECT provider_id, unnest(CASE resource_type WHEN 'User' THEN ARRAY[resource_id] ELSE user_ids END) AS id
  FROM providers_heldremoval WHERE provider_id = ANY(%s) AND (allowed_until IS NULL OR allowed_until <= %s)) users
GROUP BY provider_id
"""


def waiting_users(provider_ids: list[int]) -> Counter[int]:
    """Return the number of users of each provider whose removal waits for a decision. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [provider_ids, timezone.now()])
        return Counter(dict(cursor.fetchall()))


# A permission is for what was held: a disabling is not a deletion, and a group may lose only these users.
_USE = """
DELETE FROM providers_heldremoval
WHERE provider_id = %s AND resource_id = %s AND is_deletion = %s AND allowed_until > %s
  AND NOT EXISTS (SELECT unnest(%s::uuid[]) EXCEPT SELECT unnest(user_ids))
"""


def _use_permission(removal: RemovalHeldError) -> bool:
    """Use up the permission that an administrator gave for exactly this removal. Return whether there was one."""
    if removal.is_rejected:
        return False
    given: list[Any] = [removal.provider_id, removal.resource_id, removal.is_deletion, timezone.now(), removal.user_ids]
    with connection.cursor() as cursor:
        cursor.execute(_USE, given)
        return bool(cursor.rowcount)


def _start_hold(provider: Provider, now: datetime) -> None:
    Provider.objects.filter(pk=provider.pk).update(held_at=now, rejected_at=None)
    HeldRemoval.objects.of(provider).delete()
    record_act(EventKind.REMOVALS_HELD, SYSTEM, provider=provider)


@transaction.atomic
def note(held: RemovalHeldError) -> None:
    """Record a removal that is held back. Call it after the rollback of the transaction that raised the error.

    If it is the first one that is held, it starts the hold. Nothing is recorded if the hold has ended meanwhile.
    """
    provider = _lock(held.provider_id)
    now = timezone.now()
    if provider.held_at is None:
        is_off = provider.removals_count_from and provider.removals_count_from > now
        if not held.starts_hold or is_off or provider.removal_limit != RemovalLimit.HOLD:
            return
        _start_hold(provider, now)
    own: list[Any] = [held.provider_id, held.resource_id, held.resource_type, now, now, held.is_deletion]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [*own, held.user_count, held.user_ids])


def clear_hold(provider: Provider, *, count_from: datetime | None) -> None:
    """End the hold of a provider whose row is locked; removals before `count_from` do not count."""
    Provider.objects.filter(pk=provider.pk).update(held_at=None, rejected_at=None, removals_count_from=count_from)
    HeldRemoval.objects.of(provider).delete()
