"""Creates, changes and deletes resources, each together with its change event.

The caller opens the transaction (`transaction.atomic`), then calls `create`, or `lock` and a write. A
write raises what the constraints of the database refuse. Locks are taken in one order everywhere: groups
by id, then users by id (docs/architecture.md, *Locks*). Everything is SQL on rows: a model instance for
each request would cost more than the rest (bench/).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.prepared import prepared_cursor
from providers.resources import members, rows
from providers.resources.rows import Event, Locked, MembersChanged, Row, differences, member_counts, now, subject_of


class GroupsMovedError(Exception):
    """A resource to delete has joined a group since its groups were locked: the transaction has to run again."""


def create(provider_id: int, resource_type: str, row: Row, actor: Actor, event_id: UUID) -> UUID:
    """Insert a resource with its event; returns its id. Raises IntegrityError for a name that is taken."""
    resource_id = uuid7()
    event = _event(event_id, EventKind.RESOURCE_CREATED, row.document, actor, differences({}, row.document))
    own = {"id": resource_id, "provider_id": provider_id, "resource_type": resource_type}
    rows.insert(own | row.columns, event)
    return resource_id


def held_name(provider_id: int, resource_type: str, column: str, key: str) -> str | None:
    """The name of the live resource with this comparison key, as it was sent; None when there is none any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column} FROM providers_resource WHERE provider_id = %s AND resource_type = %s"
            f" AND {column}_key = %s AND deleted_at IS NULL",
            [provider_id, resource_type, key],
        )
        found = cursor.fetchone()
    return found and str(found[0])


def lock(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """Lock the live resource with this id against every other write; None when there is none."""
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT version, document FROM providers_resource WHERE id = %s AND provider_id = %s"
            " AND resource_type = %s AND deleted_at IS NULL FOR NO KEY UPDATE",
            [resource_id, provider_id, resource_type],
        )
        found = cursor.fetchone()
    return found and Locked(resource_id, provider_id, resource_type, found[0], json.loads(found[1]))


def replace(locked: Locked, row: Row, actor: Actor, event_id: UUID, moved: MembersChanged | None = None) -> None:
    """Replace the document of a locked resource, with one event that also counts the members who joined and left.

    Raises IntegrityError for a name that is taken.
    """
    changes = differences(locked.document, row.document) + member_counts(moved)
    event = _event(event_id, _kind_of_change(locked.document, row.document), row.document, actor, changes)
    rows.update(locked.provider_id, locked.id, row.columns, event)


def members_changed(locked: Locked, moved: MembersChanged, actor: Actor, event_id: UUID) -> None:
    """Raise a group's version for members who joined or left, with one event that counts them."""
    event = _event(event_id, EventKind.MEMBERS_CHANGED, locked.document, actor, member_counts(moved))
    rows.update(locked.provider_id, locked.id, {}, event)


def _event(
    event_id: UUID, kind: EventKind, document: Mapping[str, Any], actor: Actor, changes: Sequence[Mapping[str, Any]]
) -> Event:
    return Event(event_id, now(), kind, subject_of(document), actor, changes)


def is_disabling(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return _kind_of_change(before, after) is EventKind.RESOURCE_DISABLED


def _kind_of_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> EventKind:
    # Only `true` enables. A group has no `active`, before or after.
    was_active, is_active = before.get("active") is True, after.get("active") is True
    if was_active == is_active:
        return EventKind.RESOURCE_CHANGED
    return EventKind.RESOURCE_ENABLED if is_active else EventKind.RESOURCE_DISABLED


# The groups that lose a member are locked first, by id, as everywhere.
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
    """Like `lock`, but no other transaction can make the resource a member meanwhile. Locks its groups first."""
    with prepared_cursor() as cursor:
        cursor.execute(_LOCK_GROUPS, [provider_id, provider_id, resource_id])
        groups = frozenset(group_id for (group_id,) in cursor.fetchall())
        cursor.execute(_LOCK_FOR_DELETE, [resource_id, provider_id, resource_type])
        found = cursor.fetchone()
    return found and Locked(resource_id, provider_id, resource_type, found[0], json.loads(found[1]), groups)


def delete(locked: Locked, actor: Actor, event_id: UUID) -> None:
    """Move a resource of `lock_for_delete` to the recycle bin: its names become free, its memberships end.

    The groups that it leaves get a new version but no event: the ended memberships have this event's id.
    Raises `GroupsMovedError` when it joined a group after its groups were locked: the transaction has to run
    again, to take the locks in their order.
    """
    event = _event(event_id, EventKind.RESOURCE_DELETED, locked.document, actor, differences(locked.document, {}))
    rows.update(locked.provider_id, locked.id, {"deleted_at": event.at}, event)
    groups = members.end_of_member(locked, event.at, event_id)
    if groups - locked.groups:
        raise GroupsMovedError
    rows.raise_versions(locked.provider_id, groups, event.at)
    if locked.resource_type == "Group":
        members.end_of_group(locked, event.at, event_id)
