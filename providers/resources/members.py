"""Members join and leave a group."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from providers.resources.rows import Locked, MembersChanged, now, parse_id


class SelfMemberError(Exception):
    """A group cannot be its own member."""


_ADD_MEMBERS = """
INSERT INTO providers_membership (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)
SELECT m.provider_id, %s, m.id, m.resource_type, %s, '', %s
FROM (SELECT id, provider_id, resource_type FROM providers_resource
      WHERE id = ANY(%s::uuid[]) AND provider_id = %s AND deleted_at IS NULL ORDER BY id FOR KEY SHARE) m
ON CONFLICT (group_id, member_id) WHERE left_at IS NULL DO NOTHING
"""

# Ids that added nothing: already members, deleted, or never known here.
_WHICH_OF = "SELECT id::text FROM providers_resource WHERE id = ANY(%s::uuid[]) AND provider_id = %s"
_WHICH_LIVE = f"{_WHICH_OF} AND deleted_at IS NULL"


def add(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """Make live resources of the same provider members; those that are stay so. One INSERT, whatever the group's size.

    Ids that were deleted are skipped and reported, ids that this provider never had too. Raises `SelfMemberError`.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return MembersChanged()
    uuids = [parsed for parsed in map(parse_id, wanted) if parsed]
    if group.id in uuids:
        raise SelfMemberError
    with connection.cursor() as cursor:
        cursor.execute(_ADD_MEMBERS, [group.id, now(), event_id, uuids, group.provider_id])
        added = cursor.rowcount
        if added == len(wanted):
            return MembersChanged(added)
        cursor.execute(_WHICH_OF, [uuids, group.provider_id])
        known = {found for (found,) in cursor.fetchall()}
        unknown = [sent for sent in wanted if _canonical(sent) not in known]
        cursor.execute(_WHICH_LIVE, [uuids, group.provider_id])
        live = {found for (found,) in cursor.fetchall()}
    gone = known - live
    deleted = [sent for sent in wanted if _canonical(sent) in gone]
    return MembersChanged(added, deleted=deleted, unknown=unknown)


def _canonical(text: str) -> str:
    parsed = parse_id(text)
    return str(parsed) if parsed else text


END = "UPDATE providers_membership SET left_at = %s, left_event = %s, ending = %s WHERE left_at IS NULL AND "


def remove(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End the memberships of these ids; ids that are no members change nothing."""
    uuids = [parsed for parsed in map(parse_id, ids) if parsed]
    if not uuids:
        return MembersChanged()
    return _end(group, event_id, "group_id = %s AND member_id = ANY(%s::uuid[])", [group.id, uuids])


def remove_except(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End all memberships but those of these ids."""
    uuids = [parsed for parsed in map(parse_id, ids) if parsed]
    return _end(group, event_id, "group_id = %s AND NOT member_id = ANY(%s::uuid[])", [group.id, uuids])


def remove_where(group: Locked, condition: str, params: Sequence[Any], event_id: UUID) -> MembersChanged:
    """End the memberships that a compiled condition on `m` (membership) and `x` (member) chooses."""
    chosen = (
        "id IN (SELECT m.id FROM providers_membership m JOIN providers_resource x ON x.id = m.member_id"
        f" WHERE m.group_id = %s AND m.left_at IS NULL AND ({condition}))"
    )
    return _end(group, event_id, chosen, [group.id, *params])


def _end(group: Locked, event_id: UUID, condition: str, params: Sequence[Any]) -> MembersChanged:
    with connection.cursor() as cursor:
        cursor.execute(END + condition, [now(), event_id, "removed", *params])
        return MembersChanged(removed=cursor.rowcount)


RAISE_GROUPS = """
UPDATE providers_resource SET version = version + 1, last_modified = %s
WHERE provider_id = %s AND id = ANY(%s::uuid[])
"""
