"""Every write to the directory, each one transaction with its ChangeEvent in it.

The caller opens the transaction (`transaction.atomic`), takes the row by `lock` or makes one by
`create`, and calls the writes; each raises what the database's constraints refuse. Locks are
taken in one order everywhere: groups by id, then users by id (docs/architecture.md, *Locks*).
All is SQL on rows: a model instance per request would cost more than the rest (bench/).
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.resources.members import END, RAISE_GROUPS
from providers.resources.rows import (
    INSERT_EVENT,
    Locked,
    MembersChanged,
    Row,
    columns_of,
    differences,
    event_values,
    member_counts,
    now,
    subject_of,
)


class GroupsMovedError(Exception):
    """A resource to delete has joined a group since its groups were locked; begin anew."""


_CREATE = f"""
WITH made AS (
  INSERT INTO providers_resource (id, provider_id, resource_type, user_name, user_name_key, display_name,
    display_name_key, external_id, active, document, folded, search_text, version, created, last_modified)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s)
  RETURNING id, provider_id, resource_type, version)
{INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM made
"""

_UPDATE = f"""
WITH changed AS (
  UPDATE providers_resource SET user_name = %s, user_name_key = %s, display_name = %s, display_name_key = %s,
    external_id = %s, active = %s, document = %s, folded = %s, search_text = %s,
    version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM changed
"""

_TOUCH = f"""
WITH changed AS (
  UPDATE providers_resource SET version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM changed
"""


def create(provider_id: int, resource_type: str, row: Row, actor: Actor, event_id: UUID) -> UUID:
    """Insert a resource with its event; returns its id. Raises IntegrityError for a name that is taken."""
    resource_id, moment = uuid7(), now()
    changes = differences({}, row.document)
    with connection.cursor() as cursor:
        cursor.execute(
            _CREATE,
            [
                resource_id,
                provider_id,
                resource_type,
                *columns_of(row),
                moment,
                moment,
                *event_values(event_id, moment, EventKind.RESOURCE_CREATED, subject_of(row.document), actor, changes),
            ],
        )
    return resource_id


def lock(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """The live resource with this id, locked against every other write; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version, document FROM providers_resource WHERE id = %s AND provider_id = %s"
            " AND resource_type = %s AND deleted_at IS NULL FOR NO KEY UPDATE",
            [resource_id, provider_id, resource_type],
        )
        found = cursor.fetchone()
    return found and Locked(resource_id, provider_id, resource_type, found[0], json.loads(found[1]))


def replace(locked: Locked, row: Row, actor: Actor, event_id: UUID, members: MembersChanged | None = None) -> None:
    """Write a changed document over a locked one, with one event; `members` is told in the same event.

    Raises IntegrityError for a name that is taken.
    """
    moment = now()
    changes = differences(locked.document, row.document) + member_counts(members)
    kind = _kind_of_change(locked.document, row.document)
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                *columns_of(row),
                moment,
                locked.id,
                locked.provider_id,
                *event_values(event_id, moment, kind, subject_of(row.document), actor, changes),
            ],
        )


def members_changed(locked: Locked, members: MembersChanged, actor: Actor, event_id: UUID) -> None:
    """Raise a group's version for members that came or went, with one event holding their counts."""
    moment = now()
    event = event_values(
        event_id, moment, EventKind.MEMBERS_CHANGED, subject_of(locked.document), actor, member_counts(members)
    )
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [moment, locked.id, locked.provider_id, *event])


def is_disabling(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return _kind_of_change(before, after) is EventKind.RESOURCE_DISABLED


def _kind_of_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> EventKind:
    was_active, is_active = before.get("active") is not False, after.get("active") is not False
    if was_active == is_active:
        return EventKind.RESOURCE_CHANGED
    return EventKind.RESOURCE_ENABLED if is_active else EventKind.RESOURCE_DISABLED


_DELETE = f"""
WITH changed AS (
  UPDATE providers_resource SET deleted_at = %s, version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM changed
"""

# The groups that lose a member are locked first, in the order of ids, as everywhere.
_LOCK_GROUPS = """
SELECT id FROM providers_resource WHERE provider_id = %s AND id IN (
  SELECT group_id FROM providers_membership WHERE provider_id = %s AND member_id = %s AND left_at IS NULL)
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_FOR_DELETE = """
SELECT version, document FROM providers_resource
WHERE id = %s AND provider_id = %s AND resource_type = %s AND deleted_at IS NULL FOR UPDATE
"""


def lock_for_delete(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """As `lock`, but so that nobody can make the resource a member meanwhile; locks her groups first."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_GROUPS, [provider_id, provider_id, resource_id])
        groups = frozenset(group_id for (group_id,) in cursor.fetchall())
        cursor.execute(_LOCK_FOR_DELETE, [resource_id, provider_id, resource_type])
        found = cursor.fetchone()
    return found and Locked(resource_id, provider_id, resource_type, found[0], json.loads(found[1]), groups)


def delete(locked: Locked, actor: Actor, event_id: UUID) -> None:
    """Put a resource of `lock_for_delete` into the recycle bin: gone for SCIM, its names free, its memberships ended.

    The groups that it leaves get a new version; they get no event of their own, the ended
    memberships bear this one's id. Raises `GroupsMovedError` when it joined a group after those it
    was in were locked: the transaction has to begin anew, in the order of locks.
    """
    moment = now()
    event = event_values(
        event_id,
        moment,
        EventKind.RESOURCE_DELETED,
        subject_of(locked.document),
        actor,
        differences(locked.document, {}),
    )
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, [moment, moment, locked.id, locked.provider_id, *event])
        cursor.execute(
            END + "provider_id = %s AND member_id = %s RETURNING group_id",
            [moment, event_id, "member-deleted", locked.provider_id, locked.id],
        )
        groups = {group_id for (group_id,) in cursor.fetchall()}
        if groups - locked.groups:
            raise GroupsMovedError
        if groups:
            cursor.execute(RAISE_GROUPS, [moment, locked.provider_id, sorted(groups)])
        if locked.resource_type == "Group":
            cursor.execute(END + "group_id = %s", [moment, event_id, "group-deleted", locked.id])
