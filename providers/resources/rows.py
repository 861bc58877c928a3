"""What the writes share: rows as values, differences, ids, and the columns of an event."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone

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
        return to_json(self.document)


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


def now() -> datetime:
    """The time of a change. Milliseconds, as answers show it: a filter on a shown time finds its resource."""
    moment = timezone.now()
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


INSERT_EVENT = """
INSERT INTO providers_changeevent (id, at, kind, provider_id, resource_id, resource_type, version, subject,
  token_prefix, person_id, person_name, address, request_id, changes)
"""


def columns_of(row: Row) -> list[Any]:
    return [
        row.user_name,
        row.user_name_key,
        row.display_name,
        row.display_name_key,
        row.external_id,
        row.active,
        row.document_json,
        to_json(row.folded),
        row.search_text,
    ]


def event_values(
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
        to_json(changes),
    ]


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def subject_of(document: Mapping[str, Any]) -> str:
    """How the record names a resource once it may be gone: the name of a group, the userName of a user."""
    return str(document.get("userName") or document.get("displayName") or "")


def member_counts(members: MembersChanged | None) -> list[dict[str, Any]]:
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


def parse_id(text: str) -> UUID | None:
    """A resource id; None for text that cannot be one (ids are UUIDs in lower or upper case)."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
