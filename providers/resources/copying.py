"""Creates many resources at once by COPY, each with its event: generated ones (`manage.py fill`), in one transaction.

The caller opens the transaction. What is written is what `writes.create` and `members.add` would have written.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from providers.events import SYSTEM, EventKind
from providers.resources.rows import Event, now

CHUNK = 2_000
_OWN = ("id", "provider_id", "resource_type", "version", "created", "last_modified")
_GIN = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'providers_sought' AND schemaname = current_schema() AND indexdef LIKE '%% USING gin %%'
"""


@contextmanager
def without_slow_indexes(count: int) -> Iterator[None]:
    """Make the GIN indexes of what is searched again at the end, if at least as many rows are added as there are.

    That takes a fraction of the time that they take row by row. Until the transaction ends, nobody else can read.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # checks that wait would prevent it
        cursor.execute("SELECT count(*) FROM (SELECT FROM providers_resource LIMIT %s) few", [count])
        indexes = []
        if cursor.fetchone()[0] < count:
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            cursor.execute(_GIN)
            indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        for _name, definition in indexes:
            cursor.execute(definition)


def create(
    provider_id: int, resource_type: str, made: Iterable[tuple[dict[str, Any], str, str]]
) -> Iterator[list[tuple[UUID, UUID]]]:
    """Create a resource of each `(columns, subject, changes)`. Yield the ids and events of each chunk.

    `columns` are those of a `Row`, as PostgreSQL takes them; `changes` is the JSON of its event.
    """
    rest = iter(made)
    while chunk := list(islice(rest, CHUNK)):
        at = now()
        ids = [(uuid7(), uuid7()) for _ in chunk]
        rows = (
            (own, provider_id, resource_type, 1, at, at, *columns.values())
            for (own, _event), (columns, _, _) in zip(ids, chunk, strict=True)
        )
        _copy("providers_resource", (*_OWN, *chunk[0][0]), rows)
        _copy_events(provider_id, resource_type, at, zip(ids, chunk, strict=True))
        yield ids


def _copy_events(provider_id: int, resource_type: str, at: datetime, made: Iterable[Any]) -> None:
    shared = Event(UUID(int=0), at, EventKind.RESOURCE_CREATED, "", SYSTEM, []).columns
    own = ("provider_id", "resource_type", "resource_id", "version")
    rows = (
        (
            provider_id,
            resource_type,
            resource_id,
            1,
            *(shared | {"id": event_id, "subject": subject, "changes": changes}).values(),
        )
        for (resource_id, event_id), (_columns, subject, changes) in made
    )
    _copy("providers_changeevent", (*own, *shared), rows)


def add_members(provider_id: int, members: Iterable[tuple[UUID, UUID, Sequence[UUID]]]) -> None:
    """Make users members of new groups: each group with the event that created it, and the ids of its members."""
    columns = ("provider_id", "group_id", "member_id", "member_type", "joined_at", "ending", "joined_event")
    at = now()
    rows = (
        (provider_id, group_id, member_id, "User", at, "", event_id)
        for group_id, event_id, ids in members
        for member_id in ids
    )
    _copy("providers_membership", columns, rows)


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
