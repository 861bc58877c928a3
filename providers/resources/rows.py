"""A resource as a row, and the two statements that write one together with its change event.

Each write goes through `insert` or `update`: the columns come from the fields of `Row` and `Event`,
so that a column is named in one place.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.utils import timezone

from providers.events import Actor, EventKind
from providers.prepared import execute_prepared


@dataclass(frozen=True)
class Row:
    """The stored values of a resource. Each field is a column of `providers_resource` with the same name."""

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

    @property
    def columns(self) -> dict[str, Any]:
        """The value of each column, as PostgreSQL takes it."""
        values = {column.name: getattr(self, column.name) for column in fields(self)}
        return values | {"document": self.document_json, "folded": _json(self.folded)}


@dataclass(frozen=True)
class Locked:
    """A live resource that is to be changed, as `providers.resources.writes` has read it.

    Mostly it is under lock: no other transaction changes or deletes it before this one ends. `groups` are those that
    `lock_for_delete` has locked with it.
    """

    id: UUID
    provider_id: int
    resource_type: str
    version: int
    document: dict[str, Any]
    groups: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class MembersChanged:
    """How many members a request added and removed, and which ids it named that are deleted or unknown."""

    added: int = 0
    removed: int = 0
    deleted: Sequence[str] = ()
    unknown: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.removed)


def now() -> datetime:
    """The time of a change in whole milliseconds, as responses show it, so that a filter by a shown time matches."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Event:
    """The change event of a write: what happened and when, the name of the resource, and the actor.

    Without `subject`, it is the displayName in the resource's row: that of a group that was not read.
    """

    id: UUID
    at: datetime
    kind: EventKind
    subject: str | None
    actor: Actor
    changes: Sequence[Mapping[str, Any]]

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that do not come from the resource's own row."""
        own = {"id": self.id, "at": self.at, "kind": self.kind.value, "subject": self.subject}
        return own | vars(self.actor) | {"changes": _json(self.changes)}


@dataclass(frozen=True)
class Returning:
    """What a write returns, so that nothing has to be read afterwards: a query on `changed`, the row as written.

    `also` is a further change by the same statement, under a name that `query` uses; its parameters come first.
    """

    query: str
    params: tuple[Any, ...] = ()
    also: str = ""


VERSION = Returning("SELECT version FROM changed")


@dataclass(frozen=True)
class Step:
    """What the same statement does before it changes the resource: named queries, of which `moved` has what changed."""

    queries: str
    params: tuple[Any, ...]


def insert(columns: Mapping[str, Any], event: Event, returning: Returning = VERSION) -> tuple[Any, ...]:
    """Insert a resource of version 1 and its event, by one statement. Return the row of `returning`.

    Raises IntegrityError for a name that is taken.
    """
    values = {**columns, "version": 1, "created": event.at, "last_modified": event.at}
    places = ", ".join(["%s"] * len(values))
    change = f"INSERT INTO providers_resource ({', '.join(values)}) VALUES ({places})"
    made = _write(change, list(values.values()), event, returning)
    assert made is not None, "an INSERT returns its row"
    return made


def update(
    provider_id: int,
    resource_id: UUID,
    columns: Mapping[str, Any],
    event: Event,
    returning: Returning = VERSION,
    *,
    version: int | None = None,
    after: Step | None = None,
) -> tuple[Any, ...] | None:
    """Set these columns of a resource, raise its version and insert its event, by one statement.

    Return the row of `returning`. With `version`, nothing is written and None returned if the resource has another
    version, or is deleted; with `after`, if that changed nothing. Raises IntegrityError for a name that is taken.
    """
    values = {**columns, "last_modified": event.at}
    assignments = ", ".join(f"{name} = %s" for name in values)
    change = f"UPDATE providers_resource SET {assignments}, version = version + 1 WHERE id = %s AND provider_id = %s"
    params = [*values.values(), resource_id, provider_id]
    if version is not None:
        change, params = f"{change} AND version = %s AND deleted_at IS NULL", [*params, version]
    if after is not None:
        change, params = f"{change} AND EXISTS (SELECT FROM moved)", [*after.params, *params]
    return _write(change, params, event, returning, after.queries if after else "")


# The columns of an event that are not text. A prepared statement takes the types of a SELECT list from its casts.
_TYPES = {
    "id": "uuid",
    "at": "timestamptz",
    "person_id": "integer",
    "address": "inet",
    "request_id": "uuid",
    "changes": "jsonb",
}


_SUBJECT = "coalesce(%s::text, display_name, '')"


def _write(
    change: str, params: Sequence[Any], event: Event, returning: Returning, first: str = ""
) -> tuple[Any, ...] | None:
    values = event.columns
    places = ", ".join(_SUBJECT if name == "subject" else f"%s::{_TYPES.get(name, 'text')}" for name in values)
    statement = (
        f"WITH {first}changed AS ({change} RETURNING *), noted AS (INSERT INTO providers_changeevent"
        f" (provider_id, resource_id, resource_type, version, {', '.join(values)})"
        f" SELECT provider_id, id, resource_type, version, {places} FROM changed){returning.also} {returning.query}"
    )
    written = execute_prepared(statement, [*params, *values.values(), *returning.params]).fetchone()
    return written and tuple(written)


def raise_versions(provider_id: int, ids: Collection[UUID], moment: datetime) -> None:
    """Raise the versions of resources that have no event of their own: groups that lost or regained a member."""
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE providers_resource SET version = version + 1, last_modified = %s"
            " WHERE provider_id = %s AND id = ANY(%s::uuid[])",
            [moment, provider_id, sorted(ids)],
        )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def subject_of(document: Mapping[str, Any]) -> str:
    """The name under which events keep a resource: the userName of a user, the displayName of a group."""
    return str(document.get("userName") or document.get("displayName") or "")


def member_counts(members: MembersChanged | None) -> list[dict[str, Any]]:
    if members is None or members.is_empty:
        return []
    return [{"path": "members", "added": members.added, "removed": members.removed}]


def differences(before: Mapping[str, Any], after: Mapping[str, Any], home: str = "") -> list[dict[str, Any]]:
    """Before and after by attribute path: complex values by part, lists as a whole. `schemas` follows from the rest."""
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
