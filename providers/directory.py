"""Every write to the directory, each one transaction with its ChangeEvent in it.

The caller opens the transaction (`transaction.atomic`), takes the row by `lock` or makes one by
`create`, and calls the writes; each raises what the database's constraints refuse. Locks are
taken in one order everywhere: groups by id, then users by id (docs/architecture.md, *Locks*).
All is SQL on rows: a model instance per request would cost more than the rest (bench/).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind


@dataclass(frozen=True)
class Row:
    """What of a resource is stored: its columns, its document and the folded twin."""

    user_name: str | None
    user_name_key: str | None
    display_name: str | None
    display_name_key: str | None
    external_id: str | None
    active: bool | None
    document: Mapping[str, Any]
    folded: Mapping[str, Any]
    search_text: str

    @cached_property
    def document_json(self) -> str:
        return _json(self.document)


@dataclass(frozen=True)
class Locked:
    """A live resource under lock: nobody else changes or deletes it before the transaction ends.

    `groups` are those that `lock_for_delete` has locked with it.
    """

    id: UUID
    provider_id: int
    resource_type: str
    version: int
    document: dict[str, Any]
    groups: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class MembersChanged:
    """How many members a request added and removed, and the ids it named that were deleted before, or never there."""

    added: int = 0
    removed: int = 0
    deleted: Sequence[str] = ()
    unknown: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed)


class GroupsMovedError(Exception):
    """A resource to delete has joined a group since its groups were locked; begin anew."""


class SelfMemberError(Exception):
    """A group cannot be its own member."""


def now() -> datetime:
    """The time of a change. Milliseconds, as answers show it: a filter on a shown time finds its resource."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


_INSERT_EVENT = """
INSERT INTO providers_changeevent (id, at, kind, provider_id, resource_id, resource_type, version, subject,
  token_prefix, person_id, person_name, address, request_id, changes)
"""

_CREATE = f"""
WITH made AS (
  INSERT INTO providers_resource (id, provider_id, resource_type, user_name, user_name_key, display_name,
    display_name_key, external_id, active, document, folded, search_text, version, created, last_modified)
  VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s)
  RETURNING id, provider_id, resource_type, version)
{_INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM made
"""

_UPDATE = f"""
WITH changed AS (
  UPDATE providers_resource SET user_name = %s, user_name_key = %s, display_name = %s, display_name_key = %s,
    external_id = %s, active = %s, document = %s, folded = %s, search_text = %s,
    version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{_INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM changed
"""

_TOUCH = f"""
WITH changed AS (
  UPDATE providers_resource SET version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{_INSERT_EVENT}
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
                *_columns(row),
                moment,
                moment,
                *_event(event_id, moment, EventKind.RESOURCE_CREATED, _subject(row.document), actor, changes),
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
    changes = differences(locked.document, row.document) + _member_counts(members)
    kind = _kind_of_change(locked.document, row.document)
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                *_columns(row),
                moment,
                locked.id,
                locked.provider_id,
                *_event(event_id, moment, kind, _subject(row.document), actor, changes),
            ],
        )


def members_changed(locked: Locked, members: MembersChanged, actor: Actor, event_id: UUID) -> None:
    """Raise a group's version for members that came or went, with one event holding their counts."""
    moment = now()
    event = _event(
        event_id, moment, EventKind.MEMBERS_CHANGED, _subject(locked.document), actor, _member_counts(members)
    )
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [moment, locked.id, locked.provider_id, *event])


def _columns(row: Row) -> list[Any]:
    return [
        row.user_name,
        row.user_name_key,
        row.display_name,
        row.display_name_key,
        row.external_id,
        row.active,
        row.document_json,
        _json(row.folded),
        row.search_text,
    ]


def _event(
    event_id: UUID, moment: datetime, kind: EventKind, subject: str, actor: Actor, changes: Sequence[Any]
) -> list[Any]:
    return [
        event_id,
        moment,
        kind.value,
        subject,
        actor.token_prefix,
        actor.person_id,
        actor.person_name,
        actor.address,
        actor.request_id,
        _json(changes),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _subject(document: Mapping[str, Any]) -> str:
    """How the record names a resource once it may be gone: the name of a group, the userName of a user."""
    return str(document.get("userName") or document.get("displayName") or "")


def is_disabling(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return _kind_of_change(before, after) is EventKind.RESOURCE_DISABLED


def _kind_of_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> EventKind:
    was_active, is_active = before.get("active") is not False, after.get("active") is not False
    if was_active == is_active:
        return EventKind.RESOURCE_CHANGED
    return EventKind.RESOURCE_ENABLED if is_active else EventKind.RESOURCE_DISABLED


def _member_counts(members: MembersChanged | None) -> list[dict[str, Any]]:
    if members is None or members.is_empty:
        return []
    return [{"path": "members", "added": members.added, "removed": members.removed}]


def differences(before: Mapping[str, Any], after: Mapping[str, Any], home: str = "") -> list[dict[str, Any]]:
    """Before and after per attribute path: complex values by part, lists whole; `schemas` follows from the rest."""
    changes: list[dict[str, Any]] = []
    for name in sorted({*before, *after} - {"schemas"}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old or new, dict):
            separator = ":" if name.startswith("urn:") else "."
            changes += differences(old or {}, new or {}, f"{home}{name}{separator}")
        else:
            change = {"path": f"{home}{name}"}
            change |= {} if old is None else {"before": old}
            change |= {} if new is None else {"after": new}
            changes.append(change)
    return changes


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


def add_members(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
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


def parse_id(text: str) -> UUID | None:
    """A resource id; None for text that cannot be one (ids are UUIDs in lower or upper case)."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def _canonical(text: str) -> str:
    parsed = parse_id(text)
    return str(parsed) if parsed else text


_END = "UPDATE providers_membership SET left_at = %s, left_event = %s, ending = %s WHERE left_at IS NULL AND "


def remove_members(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End the memberships of these ids; ids that are no members change nothing."""
    uuids = [parsed for parsed in map(parse_id, ids) if parsed]
    if not uuids:
        return MembersChanged()
    return _end(group, event_id, "group_id = %s AND member_id = ANY(%s::uuid[])", [group.id, uuids])


def remove_members_except(group: Locked, ids: Iterable[str], event_id: UUID) -> MembersChanged:
    """End all memberships but those of these ids."""
    uuids = [parsed for parsed in map(parse_id, ids) if parsed]
    return _end(group, event_id, "group_id = %s AND NOT member_id = ANY(%s::uuid[])", [group.id, uuids])


def remove_members_where(group: Locked, condition: str, params: Sequence[Any], event_id: UUID) -> MembersChanged:
    """End the memberships that a compiled condition on `m` (membership) and `x` (member) chooses."""
    chosen = (
        "id IN (SELECT m.id FROM providers_membership m JOIN providers_resource x ON x.id = m.member_id"
        f" WHERE m.group_id = %s AND m.left_at IS NULL AND ({condition}))"
    )
    return _end(group, event_id, chosen, [group.id, *params])


def _end(group: Locked, event_id: UUID, condition: str, params: Sequence[Any]) -> MembersChanged:
    with connection.cursor() as cursor:
        cursor.execute(_END + condition, [now(), event_id, "removed", *params])
        return MembersChanged(removed=cursor.rowcount)


_DELETE = f"""
WITH changed AS (
  UPDATE providers_resource SET deleted_at = %s, version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s
  RETURNING id, provider_id, resource_type, version)
{_INSERT_EVENT}
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
_RAISE_GROUPS = """
UPDATE providers_resource SET version = version + 1, last_modified = %s
WHERE provider_id = %s AND id = ANY(%s::uuid[])
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
    event = _event(
        event_id,
        moment,
        EventKind.RESOURCE_DELETED,
        _subject(locked.document),
        actor,
        differences(locked.document, {}),
    )
    with connection.cursor() as cursor:
        cursor.execute(_DELETE, [moment, moment, locked.id, locked.provider_id, *event])
        cursor.execute(
            _END + "provider_id = %s AND member_id = %s RETURNING group_id",
            [moment, event_id, "member-deleted", locked.provider_id, locked.id],
        )
        groups = {group_id for (group_id,) in cursor.fetchall()}
        if groups - locked.groups:
            raise GroupsMovedError
        if groups:
            cursor.execute(_RAISE_GROUPS, [moment, locked.provider_id, sorted(groups)])
        if locked.resource_type == "Group":
            cursor.execute(_END + "group_id = %s", [moment, event_id, "group-deleted", locked.id])


def forget(cursor: Any, ids: Sequence[UUID]) -> None:
    """Delete the rows of deleted resources, which are under lock, and their memberships."""
    for column in ("group_id", "member_id"):
        cursor.execute(f"DELETE FROM providers_membership WHERE {column} = ANY(%s) AND left_at IS NOT NULL", [ids])
    cursor.execute("DELETE FROM providers_resource WHERE id = ANY(%s)", [ids])


def purge(provider_id: int, resource_id: UUID, actor: Actor) -> bool:
    """Take a resource out of the recycle bin for good, with its memberships; False: it is not there.

    The event keeps its name and no value; what is in the record of changes and in the log ends with their own time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT document, resource_type, version FROM providers_resource WHERE id = %s AND provider_id = %s"
            " AND deleted_at IS NOT NULL FOR UPDATE",
            [resource_id, provider_id],
        )
        found = cursor.fetchone()
        if found is None:
            return False
        document, resource_type, version = found
        forget(cursor, [resource_id])
        event = _event(uuid7(), now(), EventKind.RESOURCE_PURGED, _subject(json.loads(document)), actor, [])
        whose = [*event[:3], provider_id, resource_id, resource_type, version + 1, *event[3:]]
        cursor.execute(f"{_INSERT_EVENT} VALUES ({', '.join(['%s'] * len(whose))})", whose)
    return True


class NameTakenError(Exception):
    """The name of a resource to restore belongs to a live one now; `holder` is that one's id."""

    def __init__(self, holder: UUID | None) -> None:
        super().__init__(f"the name is held by {holder}")
        self.holder = holder


_RESTORE = f"""
WITH changed AS (
  UPDATE providers_resource SET deleted_at = NULL, version = version + 1, last_modified = %s
  WHERE id = %s AND provider_id = %s AND deleted_at IS NOT NULL
  RETURNING id, provider_id, resource_type, version)
{_INSERT_EVENT}
SELECT %s, %s, %s, provider_id, id, resource_type, version, %s, %s, %s, %s, %s, %s, %s FROM changed
"""
_HOLDER = """
SELECT live.id FROM providers_resource gone JOIN providers_resource live
  ON live.provider_id = gone.provider_id AND live.resource_type = gone.resource_type AND live.deleted_at IS NULL
  AND (live.user_name_key = gone.user_name_key OR live.display_name_key = gone.display_name_key)
WHERE gone.id = %s
"""
# A membership comes back once both its ends live; whoever joined again meanwhile keeps that one.
_REOPEN = """
UPDATE providers_membership m SET left_at = NULL, left_event = NULL, ending = ''
FROM providers_resource g, providers_resource u
WHERE (m.group_id = %s OR m.member_id = %s) AND m.left_at IS NOT NULL
  AND m.ending IN ('member-deleted', 'group-deleted')
  AND g.id = m.group_id AND g.deleted_at IS NULL AND u.id = m.member_id AND u.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM providers_membership n WHERE n.group_id = m.group_id
    AND n.member_id = m.member_id AND (n.left_at IS NULL OR n.id > m.id))
RETURNING m.group_id
"""


def restore(provider_id: int, resource_id: UUID, actor: Actor, event_id: UUID) -> bool:
    """Take a resource out of the recycle bin, with the memberships that deletions had ended; False: it is not there.

    Raises `NameTakenError`, changing nothing, when a live resource has its name now.
    """
    moment = now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT document, resource_type FROM providers_resource WHERE id = %s AND provider_id = %s"
            " AND deleted_at IS NOT NULL FOR UPDATE",
            [resource_id, provider_id],
        )
        found = cursor.fetchone()
        if found is None:
            return False
        document = json.loads(found[0])
        event = _event(
            event_id, moment, EventKind.RESOURCE_RESTORED, _subject(document), actor, differences({}, document)
        )
        try:
            with transaction.atomic():
                cursor.execute(_RESTORE, [moment, resource_id, provider_id, *event])
        except IntegrityError as error:
            cursor.execute(_HOLDER, [resource_id])
            holder = cursor.fetchone()
            raise NameTakenError(holder and holder[0]) from error
        cursor.execute(_REOPEN, [resource_id, resource_id])
        groups = {group_id for (group_id,) in cursor.fetchall()} - {resource_id}
        if groups:
            cursor.execute(_RAISE_GROUPS, [moment, provider_id, sorted(groups)])
    return True
