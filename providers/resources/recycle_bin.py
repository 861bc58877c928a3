"""The recycle bin: deleted resources are restored, or purged for good."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.resources import rows
from providers.resources.rows import Event, differences, now, subject_of
from providers.resources.traces import erase_own, plan_erasure, work_off

# A purge in the console erases for this long. Housekeeping does the rest.
ERASES_FOR_S = 5.0

_WITHDRAW = """
UPDATE providers_export SET state = 'failed', failure = 'purged', query = '', stored = 0,
  ended_at = coalesce(ended_at, now())
WHERE state <> 'failed' OR query <> ''
"""


def forget(cursor: Any, ids: Sequence[UUID]) -> None:
    """Remove the rows of deleted resources, which are under lock, and their memberships.

    Exported files may have values of theirs, so all files are deleted too.
    """
    if not ids:
        return
    for column in ("group_id", "member_id"):
        cursor.execute(f"DELETE FROM providers_membership WHERE {column} = ANY(%s) AND left_at IS NOT NULL", [ids])
    cursor.execute("DELETE FROM providers_resource WHERE id = ANY(%s)", [ids])
    withdraw_exports(cursor)


def withdraw_exports(cursor: Any) -> None:
    """Delete the files of all exports, because they may have values of what was purged. Two statements."""
    cursor.execute(_WITHDRAW)
    # After that statement: the row of a file that is being written is locked until its newest part can be seen.
    cursor.execute("DELETE FROM providers_exportpart")


def purge(provider_id: int, resource_id: UUID, actor: Actor) -> bool:
    """Remove a deleted resource for good, with its memberships and its values. False: the recycle bin does not hold it.

    Its events stay, with its id in place of names and values (`traces` shows what is erased elsewhere).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        document = _lock(cursor, provider_id, resource_id)
        if document is None:
            return False
        erasure = plan_erasure(provider_id, [resource_id])
        erase_own(cursor, [resource_id])
        event = Event(uuid7(), now(), EventKind.RESOURCE_PURGED, str(resource_id), actor, [])
        rows.update(provider_id, resource_id, {}, event)
        forget(cursor, [resource_id])
    if erasure:
        work_off(erasure, seconds=ERASES_FOR_S)
    return True


def _lock(cursor: Any, provider_id: int, resource_id: UUID) -> dict[str, Any] | None:
    """Lock a deleted resource; its document, or None when the recycle bin does not hold it."""
    cursor.execute(
        "SELECT document FROM providers_resource WHERE id = %s AND provider_id = %s AND deleted_at IS NOT NULL"
        " FOR UPDATE",
        [resource_id, provider_id],
    )
    found = cursor.fetchone()
    document: dict[str, Any] | None = found and json.loads(found[0])
    return document


class NameTakenError(Exception):
    """A live resource has the name of the one to restore; `holder` is its id."""

    def __init__(self, holder: UUID | None) -> None:
        super().__init__(f"the name is held by {holder}")
        self.holder = holder


_HOLDER = """
SELECT live.id FROM providers_resource gone JOIN providers_resource live
  ON live.provider_id = gone.provider_id AND live.resource_type = gone.resource_type AND live.deleted_at IS NULL
  AND (live.user_name_key = gone.user_name_key OR live.display_name_key = gone.display_name_key)
WHERE gone.id = %s
"""
# A membership is reopened when both its ends are live, unless the member has joined again meanwhile.
_REOPEN = """
UPDATE providers_membership m SET left_at = NULL, left_event = NULL, ending = ''
FROM providers_resource g, providers_resource u
WHERE {whose} AND m.left_at IS NOT NULL
  AND m.ending IN ('member-deleted', 'group-deleted')
  AND g.id = m.group_id AND g.deleted_at IS NULL AND u.id = m.member_id AND u.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM providers_membership n WHERE n.group_id = m.group_id
    AND n.member_id = m.member_id AND (n.left_at IS NULL OR n.id > m.id))
RETURNING m.group_id, m.provider_id
"""
REOPEN = _REOPEN.format(whose="(m.group_id = %s OR m.member_id = %s)")
# The same for many users who are restored at once (providers/resources/many.py).
REOPEN_MANY = _REOPEN.format(whose="m.member_id = ANY(%s::uuid[])")


def restore(provider_id: int, resource_id: UUID, actor: Actor, event_id: UUID) -> bool:
    """Restore a deleted resource and the memberships that deletions ended. False: the recycle bin does not hold it.

    Raises `NameTakenError`, changing nothing, when a live resource has its name now.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        document = _lock(cursor, provider_id, resource_id)
        if document is None:
            return False
        changes = differences({}, document)
        event = Event(event_id, now(), EventKind.RESOURCE_RESTORED, subject_of(document), actor, changes)
        try:
            with transaction.atomic():
                rows.update(provider_id, resource_id, {"deleted_at": None}, event)
        except IntegrityError as error:
            cursor.execute(_HOLDER, [resource_id])
            holder = cursor.fetchone()
            raise NameTakenError(holder and holder[0]) from error
        cursor.execute(REOPEN, [resource_id, resource_id])
        groups = {group_id for group_id, _provider_id in cursor.fetchall()} - {resource_id}
        rows.raise_versions(provider_id, groups, event.at)
    return True
