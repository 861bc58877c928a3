"""Memberships: how a group gains and loses members, and the join by which both ends are read.

A membership is a row. It is current while `left_at` is null; ending one is an UPDATE that says how it ended.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from providers.ids import is_exact_id
from providers.models.resource import MembershipEnding
from providers.prepared import execute_prepared
from providers.resources.rows import Locked, MembersChanged, Returning, Step, now


class SelfMemberError(Exception):
    """A group cannot be its own member."""


_ADD_MEMBERS = """
INSERT INTO providers_membership (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)
SELECT m.provider_id, %s, m.id, m.resource_type, %s, '', %s
FROM (SELECT id, provider_id, resource_type FROM providers_resource
      WHERE id = ANY(%s::uuid[]) AND provider_id = %s AND deleted_at IS NULL ORDER BY id FOR KEY SHARE) m
ON CONFLICT (group_id, member_id) WHERE left_at IS NULL DO NOTHING
"""

# For ids that added nothing: whether they are members already, deleted, or were never known here.
_WHICH_OF = "SELECT id::text FROM providers_resource WHERE id = ANY(%s::uuid[]) AND provider_id = %s"
_WHICH_LIVE = f"{_WHICH_OF} AND deleted_at IS NULL"


def add(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """Make live resources of the same provider members; those that are members stay so. One INSERT at any size.

    Ids that were deleted, and ids that this provider never had, are skipped and returned. Raises `SelfMemberError`.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return MembersChanged()
    if str(group.id) in wanted:
        raise SelfMemberError
    ids_sent = _array_of(wanted)
    added = execute_prepared(_ADD_MEMBERS, [group.id, now(), event_id, ids_sent, group.provider_id]).rowcount
    if added == len(wanted):
        return MembersChanged(added)
    known = {found for (found,) in execute_prepared(_WHICH_OF, [ids_sent, group.provider_id]).fetchall()}
    unknown = [sent for sent in wanted if sent not in known]
    live = {found for (found,) in execute_prepared(_WHICH_LIVE, [ids_sent, group.provider_id]).fetchall()}
    gone = known - live
    deleted = [sent for sent in wanted if sent in gone]
    return MembersChanged(added, deleted=deleted, unknown=unknown)


# A change of a group's members and of nothing else is one statement, as long as every id that it names joins or leaves.
# It locks the group before it looks for them, as everybody does. `found` does not see what somebody else committed
# while this waited for that lock: then this change comes before that one. A membership that somebody else made
# meanwhile violates the unique index.
_LOCKED = """
locked AS MATERIALIZED (SELECT FROM providers_resource
  WHERE id = %s AND provider_id = %s AND resource_type = 'Group' AND deleted_at IS NULL FOR NO KEY UPDATE),
"""
_JOIN = f"""{_LOCKED}
found AS MATERIALIZED (SELECT r.id, r.provider_id, r.resource_type FROM providers_resource r
  WHERE EXISTS (SELECT FROM locked) AND r.id = ANY(%s::uuid[]) AND r.provider_id = %s AND r.deleted_at IS NULL
  AND NOT EXISTS (SELECT FROM providers_membership h
    WHERE h.group_id = %s AND h.member_id = r.id AND h.left_at IS NULL)
  ORDER BY r.id FOR KEY SHARE OF r),
moved AS (
  INSERT INTO providers_membership (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)
  SELECT provider_id, %s, id, resource_type, %s, '', %s FROM found WHERE (SELECT count(*) FROM found) = %s
  RETURNING member_id),
"""
_LEAVE = f"""{_LOCKED}
found AS MATERIALIZED (SELECT m.id FROM providers_membership m
  WHERE EXISTS (SELECT FROM locked) AND m.group_id = %s AND m.member_id = ANY(%s::uuid[]) AND m.left_at IS NULL
  FOR NO KEY UPDATE),
moved AS (
  UPDATE providers_membership SET left_at = %s, left_event = %s, ending = '{MembershipEnding.REMOVED.value}'
  WHERE id IN (SELECT id FROM found) AND (SELECT count(*) FROM found) = %s RETURNING member_id),
"""


def joining(provider_id: int, group_id: UUID, ids: Collection[str], moment: datetime, event_id: UUID) -> Step:
    """All of `ids` become members of a group, or none: one may be unknown, deleted, or a member already."""
    wanted, own = _array_of(ids), (group_id, provider_id)
    return Step(_JOIN, (*own, wanted, provider_id, group_id, group_id, moment, event_id, len(ids)))


def leaving(provider_id: int, group_id: UUID, ids: Collection[str], moment: datetime, event_id: UUID) -> Step:
    """All of `ids` leave a group, or none: one may not be a member."""
    return Step(_LEAVE, (group_id, provider_id, group_id, _array_of(ids), moment, event_id, len(ids)))


OTHER_END = {"group_id": "member_id", "member_id": "group_id"}


def current(own: str, whose: str = "r.id", *, joins: bool = True) -> str:
    """FROM and WHERE of the current memberships `m` that have `whose` (SQL) as their `own` end.

    `own`: the column group_id or member_id. `joins`: the resource at the other end is there as `x`.
    """
    join = f" JOIN providers_resource x ON x.id = m.{OTHER_END[own]}" if joins else ""
    return f"FROM providers_membership m{join} WHERE m.{own} = {whose} AND m.left_at IS NULL"


_END = "UPDATE providers_membership SET left_at = %s, left_event = %s, ending = %s WHERE left_at IS NULL AND "


def remove(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End the memberships of these ids; ids that are not members change nothing."""
    wanted = list(ids)
    if not wanted:
        return MembersChanged()
    return _remove(group, event_id, "member_id = ANY(%s::uuid[])", [_array_of(wanted)])


def remove_except(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End all memberships except those of these ids."""
    return _remove(group, event_id, "NOT member_id = ANY(%s::uuid[])", [_array_of(ids)])


def remove_where(group: Locked, condition: str, params: Sequence[Any], event_id: UUID) -> MembersChanged:
    """End the memberships that a compiled condition on `m` (membership) and `x` (member) chooses."""
    chosen = f"id IN (SELECT m.id {current('group_id', '%s')} AND ({condition}))"
    return _remove(group, event_id, chosen, [group.id, *params])


def _remove(group: Locked, event_id: UUID, condition: str, params: Sequence[Any]) -> MembersChanged:
    with connection.cursor() as cursor:
        removed: list[Any] = [now(), event_id, MembershipEnding.REMOVED.value, group.id]
        cursor.execute(f"{_END}group_id = %s AND {condition}", [*removed, *params])
        return MembersChanged(removed=cursor.rowcount)


def end_of_member(member: Locked, moment: datetime, event_id: UUID) -> Returning:
    """End the memberships of a resource with the statement that deletes it, which returns the ids of its groups."""
    ended = f", ended AS ({_END}provider_id = %s AND member_id = %s RETURNING group_id)"
    params = (moment, event_id, MembershipEnding.MEMBER_DELETED.value, member.provider_id, member.id)
    return Returning("SELECT ARRAY(SELECT group_id FROM ended)", params, ended)


def end_of_group(group: Locked, moment: datetime, event_id: UUID) -> None:
    """End the memberships in a deleted group."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_END}group_id = %s", [moment, event_id, MembershipEnding.GROUP_DELETED.value, group.id])


def _array_of(ids: Iterable[str]) -> str:
    """The ids as an array of PostgreSQL, without any text that has not their form.

    It is one text, because a parameter for each of 100,000 ids costs more than the statement.
    """
    return f"{{{','.join(filter(is_exact_id, ids))}}}"
