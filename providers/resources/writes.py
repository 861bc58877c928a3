"""Creates, changes and deletes resources, each together with its change event.

`create` is one statement. To change a resource, the caller opens a transaction (`transaction.atomic`), then calls
`lock` and a write. `find` and `replace` do the same without a transaction and without a lock, if no members change:
`replace` writes nothing if the resource was changed in between. A write raises what the constraints of
the database refuse. Locks are taken in one order everywhere: groups by id, then users by id (docs/architecture.md,
*Locks*). Everything is SQL on rows: a model instance for each request would cost more than the rest (bench/).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.prepared import execute_prepared
from providers.resources import members, rows
from providers.resources.rows import (
    VERSION,
    Event,
    Locked,
    MembersChanged,
    Returning,
    Row,
    differences,
    member_counts,
    now,
    subject_of,
)


class ChangedMeanwhileError(Exception):
    """Another transaction changed what this one had read without a lock, or before it: it has to run again."""


def create(
    provider_id: int, resource_type: str, row: Row, actor: Actor, event_id: UUID, returning: Returning = VERSION
) -> tuple[UUID, tuple[Any, ...]]:
    """Insert a resource with its event; returns its id, and the row of `returning`.

    Raises IntegrityError for a name that is taken.
    """
    resource_id = uuid7()
    event = _event(event_id, EventKind.RESOURCE_CREATED, row.document, actor, differences({}, row.document))
    own = {"id": resource_id, "provider_id": provider_id, "resource_type": resource_type}
    return resource_id, rows.insert(own | row.columns, event, returning)


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


_FIND = """
SELECT version, document FROM providers_resource
WHERE id = %s AND provider_id = %s AND resource_type = %s AND deleted_at IS NULL
"""


def find(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """Read the live resource with this id, for `replace`; None when there is none. It is not locked."""
    return _read(_FIND, provider_id, resource_type, resource_id)


def lock(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """Lock the live resource with this id against every other write; None when there is none."""
    return _read(f"{_FIND} FOR NO KEY UPDATE", provider_id, resource_type, resource_id)


def _read(statement: str, provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    found = execute_prepared(statement, [resource_id, provider_id, resource_type]).fetchone()
    return found and Locked(resource_id, provider_id, resource_type, found[0], orjson.loads(found[1]))


def replace(
    locked: Locked,
    row: Row,
    actor: Actor,
    event_id: UUID,
    moved: MembersChanged | None = None,
    returning: Returning = VERSION,
) -> tuple[Any, ...] | None:
    """Replace the document of a resource, with one event that also counts the members who joined and left.

    Return the row of `returning`. Without a lock, somebody may have changed the resource since it was read: if its
    version differs, nothing is written and None returned. Raises IntegrityError for a name that is taken.
    """
    changes = differences(locked.document, row.document) + member_counts(moved)
    event = _event(event_id, _kind_of_change(locked.document, row.document), row.document, actor, changes)
    return rows.update(locked.provider_id, locked.id, row.columns, event, returning, version=locked.version)


def members_changed(
    locked: Locked, moved: MembersChanged, actor: Actor, event_id: UUID, returning: Returning = VERSION
) -> tuple[Any, ...] | None:
    """Raise a group's version for members who joined or left, with one event that counts them."""
    event = _event(event_id, EventKind.MEMBERS_CHANGED, locked.document, actor, member_counts(moved))
    return rows.update(locked.provider_id, locked.id, {}, event, returning, version=locked.version)


def move_members(
    provider_id: int, group_id: UUID, moved: MembersChanged, ids: Collection[str], actor: Actor, event_id: UUID
) -> bool:
    """Let all of `ids` join a group, or leave it, as `moved` says. One statement, which needs no transaction.

    Return whether it was done. Nothing is written if the group is not here, or one of them cannot join or leave. Raises
    IntegrityError if one has joined, or was purged, since the statement began.
    """
    moment = now()
    step = (members.joining if moved.added else members.leaving)(provider_id, group_id, ids, moment, event_id)
    event = Event(event_id, moment, EventKind.MEMBERS_CHANGED, None, actor, member_counts(moved))
    return rows.update(provider_id, group_id, {}, event, after=step) is not None


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


# The groups that lose a member are locked first, by id, as everywhere: the resource itself is looked for only when
# `locked` has been counted.
_LOCK_FOR_DELETE = """
WITH locked AS MATERIALIZED (
  SELECT id FROM providers_resource WHERE provider_id = %s AND id IN (
    SELECT group_id FROM providers_membership WHERE provider_id = %s AND member_id = %s AND left_at IS NULL)
  ORDER BY id FOR NO KEY UPDATE)
SELECT version, document, ARRAY(SELECT id FROM locked) FROM providers_resource
WHERE (SELECT count(*) FROM locked) >= 0
  AND id = %s AND provider_id = %s AND resource_type = %s AND deleted_at IS NULL FOR UPDATE
"""


def lock_for_delete(provider_id: int, resource_type: str, resource_id: UUID) -> Locked | None:
    """Like `lock`, but no other transaction can make the resource a member meanwhile. Locks its groups first."""
    params = [provider_id, provider_id, resource_id, resource_id, provider_id, resource_type]
    found = execute_prepared(_LOCK_FOR_DELETE, params).fetchone()
    if found is None:
        return None
    version, document, groups = found
    return Locked(resource_id, provider_id, resource_type, version, orjson.loads(document), frozenset(groups))


def delete(locked: Locked, actor: Actor, event_id: UUID) -> None:
    """Move a resource of `lock_for_delete` to the recycle bin: its names become free, its memberships end.

    The groups that it leaves get a new version but no event: the ended memberships have this event's id.
    Raises `ChangedMeanwhileError` when it joined a group after its groups were locked: the transaction has to run
    again, to take the locks in their order.
    """
    event = _event(event_id, EventKind.RESOURCE_DELETED, locked.document, actor, differences(locked.document, {}))
    left = members.end_of_member(locked, event.at, event_id)
    written = rows.update(locked.provider_id, locked.id, {"deleted_at": event.at}, event, left)
    groups = set(written[0] if written else ())
    if groups - locked.groups:
        raise ChangedMeanwhileError
    rows.raise_versions(locked.provider_id, groups, event.at)
    if locked.resource_type == "Group":
        members.end_of_group(locked, event.at, event_id)
