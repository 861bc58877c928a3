"""Writes to many users at once: restores deleted ones and enables disabled ones, in batches of a few statements.

The caller opens the transaction, calls `lock`, and then the writes. The locks are those of a single write, in the same
order: first the groups that get members back, then the users, each by id.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.models import ChangeEvent, Resource
from providers.resources.recycle_bin import REOPEN_MANY
from providers.resources.rows import differences, now, raise_versions, subject_of

BATCH = 500

_LOCK_GROUPS = """
SELECT id FROM providers_resource WHERE deleted_at IS NULL AND id IN (
  SELECT group_id FROM providers_membership WHERE member_id = ANY(%s::uuid[]) AND ending <> '')
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_USERS = "SELECT id FROM providers_resource WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE"
_RESTORE = """
UPDATE providers_resource SET deleted_at = NULL, version = version + 1, last_modified = %s
WHERE id = ANY(%s::uuid[]) AND resource_type = 'User' AND deleted_at IS NOT NULL RETURNING id, version
"""
_ENABLE = """
UPDATE providers_resource SET active = true, version = version + 1, last_modified = %s,
  document = jsonb_set(document, '{active}', 'true'), folded = jsonb_set(folded, '{active}', 'true')
WHERE id = ANY(%s::uuid[]) AND resource_type = 'User' AND deleted_at IS NULL AND NOT active RETURNING id, version
"""


def lock(ids: Sequence[UUID]) -> None:
    """Lock users, deleted or not, and before them the groups that get members back if they are restored."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_GROUPS, [list(ids)])
        cursor.execute(_LOCK_USERS, [list(ids)])


def restore(ids: Sequence[UUID], actor: Actor) -> int:
    """Restore deleted users and the memberships that their deletion ended; return their number.

    Five statements for each batch. Raises IntegrityError for a userName that is taken.
    """
    at = now()
    return sum(_restore(batch, actor, at) for batch in _batches(ids))


def enable(ids: Sequence[UUID], actor: Actor) -> int:
    """Enable disabled users; return their number. Three statements for each batch."""
    at = now()
    return sum(_enable(batch, actor, at) for batch in _batches(ids))


def _batches(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), BATCH):
        yield list(ids[start : start + BATCH])


def _restore(ids: list[UUID], actor: Actor, at: datetime) -> int:
    users = _read(ids)
    versions = _write(_RESTORE, ids, at)
    changes = {pk: differences({}, users[pk].document) for pk in versions}
    _record(EventKind.RESOURCE_RESTORED, [users[pk] for pk in versions], versions, changes, actor, at)
    with connection.cursor() as cursor:
        cursor.execute(REOPEN_MANY, [list(versions)])
        regained: dict[int, set[UUID]] = {}
        for group_id, provider_id in cursor.fetchall():
            regained.setdefault(provider_id, set()).add(group_id)
    for provider_id, groups in regained.items():
        raise_versions(provider_id, groups, at)
    return len(versions)


def _enable(ids: list[UUID], actor: Actor, at: datetime) -> int:
    users = _read(ids)
    versions = _write(_ENABLE, ids, at)
    changes = [{"path": "active", "before": False, "after": True}]
    kind = EventKind.RESOURCE_ENABLED_AGAIN
    _record(kind, [users[pk] for pk in versions], versions, dict.fromkeys(versions, changes), actor, at)
    return len(versions)


def _read(ids: list[UUID]) -> Mapping[UUID, Any]:
    return Resource.objects.only("provider_id", "document").in_bulk(ids)


def _write(change: str, ids: list[UUID], at: datetime) -> dict[UUID, int]:
    """Run an UPDATE; return the new version of each user that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(change, [at, ids])
        return dict(cursor.fetchall())


def _record(
    kind: EventKind,
    users: Sequence[Any],
    versions: Mapping[UUID, int],
    changes: Mapping[UUID, list[dict[str, Any]]],
    actor: Actor,
    at: datetime,
) -> None:
    """Write one change event for each user, by one statement."""
    ChangeEvent.objects.bulk_create(
        ChangeEvent(
            id=uuid7(),
            at=at,
            kind=str(kind.value),
            provider_id=user.provider_id,
            resource_id=user.pk,
            resource_type="User",
            version=versions[user.pk],
            subject=subject_of(user.document),
            changes=changes[user.pk],
            **vars(actor),
        )
        for user in users
    )
