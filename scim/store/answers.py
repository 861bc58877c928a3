"""Resources as JSON text, made by PostgreSQL: nothing of a document is parsed to be read.

A user bears her direct groups, a group its members; each comes by the one statement that
reads the resource, and only when the answer holds it. Lists are one statement for the page and
at most one for the total (RFC 7644 §3.4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from providers.resources.members import current
from scim.protocol.attributes import ResourceType
from scim.protocol.listing import ListQuery
from scim.protocol.projection import Projection, project
from scim.store.columns import GROUPS_DIGEST
from scim.store.cursors import Position, seal, unseal
from scim.store.filters import TRUE, Sql
from scim.store.sorting import beyond, order_by, sort_key


@dataclass(frozen=True)
class Answer:
    """A resource as it is sent: JSON, its id and its ETag (weak: the JSON may be spaced otherwise)."""

    id: str
    etag: str
    body: bytes


@dataclass(frozen=True)
class Page:
    """Part of a list: resources as JSON, how many there are in all, and the cursors of its neighbours ("": none)."""

    resources: Sequence[tuple[ResourceType, bytes]]
    total: int
    next_cursor: str = ""
    previous_cursor: str = ""


@dataclass(frozen=True)
class Part:
    """A resource type in a list: which of its resources, and what of each is answered."""

    resource_type: ResourceType
    where: Sql
    projection: Projection


_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

# One resource `r` with its relation `n` (groups or members) as JSON. The document opens with "{"
# and is never empty, as userName and a group's displayName are required.
_BODY = f"""
'{{"schemas":' || (r.document -> 'schemas')::text || ',"id":"' || r.id
|| '",' || substr(left((r.document - 'schemas')::text, -1), 2)
|| COALESCE(',"' || n.name || '":[' || n.list || ']', '')
|| ',"meta":{{"resourceType":"' || r.resource_type
|| '","created":"' || to_char(r.created AT TIME ZONE 'UTC', '{_TIME}')
|| '","lastModified":"' || to_char(r.last_modified AT TIME ZONE 'UTC', '{_TIME}')
|| '","location":"' || %s::text || '/' || r.resource_type || 's/' || r.id
|| '","version":"W/\\"' || r.version || COALESCE('-' || n.digest, '') || '\\""}}}}'
"""

_NOTHING = "(SELECT NULL::text AS name, NULL::text AS list, NULL::text AS digest)"

# A user's ETag must change with the user's groups, though joining one does not change the user's version.
_GROUPS = f"""
(SELECT 'groups' AS name,
   string_agg('{{"value":"' || m.group_id || '","$ref":"' || %s::text || m.group_id || '","display":'
     || to_json(x.display_name)::text || ',"type":"direct"}}', ',' ORDER BY m.group_id) AS list,
   {GROUPS_DIGEST} AS digest
 {current("member_id")})
"""


def _members(group: Sql, window: Sql, *, is_named: bool) -> Sql:
    """A member's name costs a join to each member, so it comes when it is asked for (`returned: request`)."""
    name = """ || ',"display":' || to_json(COALESCE(x.display_name, x.user_name))::text""" if is_named else ""
    text = f"""
(SELECT 'members' AS name,
   string_agg('{{"value":"' || m.member_id || '","$ref":"' || %s::text || '/' || m.member_type || 's/' || m.member_id
     || '","type":"' || m.member_type || '"'{name} || '}}', ',' ORDER BY m.member_id) AS list,
   NULL::text AS digest
 {current("group_id", group.text, joins=is_named)} AND ({window.text}))
"""
    return Sql(text, (settings.OPTIONS.scim_url, *group.params, *window.params))


def location_base(resource_type: ResourceType) -> str:
    """What stands before the id in `meta.location`: from PUBLIC_URL, never from the request (V56)."""
    return f"{settings.OPTIONS.scim_url}{resource_type.endpoint}/"


def read_one(
    provider_id: int,
    resource_type: ResourceType,
    resource_id: UUID,
    projection: Projection,
    window: Sql = TRUE,
) -> Answer | None:
    """One live resource, by one statement; None when this provider has none with this id.

    `window`: a condition on its members, row `m`.
    """
    # The id stands in the members' own query as a literal: taken from the outer row, it would be
    # planned for a group of average size.
    relation = _relation(resource_type, projection, Sql("%s", (resource_id,)), window)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.version, n.digest, {_BODY} FROM providers_resource r LEFT JOIN LATERAL {relation.text} n"
            " ON TRUE WHERE r.id = %s AND r.provider_id = %s AND r.resource_type = %s AND r.deleted_at IS NULL",
            [settings.OPTIONS.scim_url, *relation.params, resource_id, provider_id, resource_type.name],
        )
        found = cursor.fetchone()
    if found is None:
        return None
    version, digest, text = found
    return Answer(str(resource_id), etag(version, digest), _projected(text, projection, resource_type))


def etag(version: int, digest: str | None) -> str:
    return f'W/"{version}-{digest}"' if digest else f'W/"{version}"'


def _relation(resource_type: ResourceType, projection: Projection, group: Sql, window: Sql = TRUE) -> Sql:
    """The query for a user's groups or a group's members, or for neither where the answer holds none."""
    if resource_type.name == "User" and (projection.wants("groups") or projection.wants("meta")):
        return Sql(_GROUPS, (f"{settings.OPTIONS.scim_url}/Groups/",))
    if resource_type.name == "Group" and projection.wants("members"):
        return _members(group, window, is_named=projection.asks_for("members", "display"))
    return Sql(_NOTHING)


def _relations(parts: Sequence[Part]) -> Sql:
    """The same for a list: a resource's own type decides which of the queries runs."""
    found = [_relation(part.resource_type, part.projection, Sql("r.id")) for part in parts]
    if len(found) == 1 or all(relation.text == _NOTHING for relation in found):
        return found[0]
    text = " UNION ALL ".join(f"SELECT * FROM {relation.text} q WHERE r.resource_type = %s" for relation in found)
    params = [(*relation.params, part.resource_type.name) for part, relation in zip(parts, found, strict=True)]
    return Sql(f"({text})", tuple(chain.from_iterable(params)))


def _projected(text: str, projection: Projection, resource_type: ResourceType) -> bytes:
    if projection.is_whole and not resource_type.holds_back:
        return text.encode()
    return orjson.dumps(project(orjson.loads(text), projection, resource_type))


def read_page(provider_id: int, parts: Sequence[Part], query: ListQuery, cursor_timeout_s: int) -> Page:
    """Live resources that any of `parts` describes, in the order and the window that the query asks for.

    Raises `ScimError` invalidCursor, expiredCursor.
    """
    by_name = {part.resource_type.name: part for part in parts}
    scope = (provider_id, *by_name, str(query.filter or ""), query.sort and str(query.sort))
    position = unseal(query.cursor, cursor_timeout_s, *scope) if query.cursor else None
    chosen = " OR ".join(f"(r.resource_type = %s AND ({part.where.text}))" for part in parts)
    params = (param for part in parts for param in (part.resource_type.name, *part.where.params))
    found = Sql(f"r.provider_id = %s AND r.deleted_at IS NULL AND ({chosen})", (provider_id, *params))
    rows = _read_rows(parts, found, query, position) if query.count else []
    has_more = len(rows) > query.count
    is_last = len(rows) < query.count or (query.cursor is not None and not has_more)
    rows = rows[: query.count]
    if position:
        total = position.total
    elif is_last and (rows or query.start_index == 1):
        total = query.start_index - 1 + len(rows)
    else:
        total = _count(found)
    is_backward = position is not None and position.is_backward
    if is_backward:
        rows.reverse()

    def neighbour(row: int, *, is_there: bool, is_before: bool) -> str:
        if not is_there or not (rows or position):
            return ""
        if position and not rows:  # deleted meanwhile: the way on is from where this page was to begin
            turned = replace(position, is_backward=is_before, is_inclusive=is_before != position.is_backward)
            return seal(turned, *scope)
        return seal(Position(rows[row][1], rows[row][0], total, is_before), *scope)

    next_cursor = neighbour(-1, is_there=has_more or is_backward, is_before=False)
    previous_cursor = neighbour(0, is_there=has_more if is_backward else position is not None, is_before=True)
    answered = ((by_name[name], text) for _, _, name, text in rows)
    resources = [(part.resource_type, _projected(text, part.projection, part.resource_type)) for part, text in answered]
    return Page(resources, total, next_cursor, previous_cursor)


def _count(found: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM providers_resource r WHERE {found.text}", found.params)
        (total,) = cursor.fetchone()
    return int(total)


def _read_rows(
    parts: Sequence[Part], found: Sql, query: ListQuery, position: Position | None
) -> list[tuple[str, str | None, str, str]]:
    """id, sort key, type and JSON of each row; with cursors one more than the page has, to see whether there is one."""
    relation = _relations(parts)
    key = sort_key(query.sort, [part.resource_type for part in parts])
    start = beyond(position, query.sort, key) if position else TRUE
    order = order_by(query.sort, is_backward=position is not None and position.is_backward)
    with connection.cursor() as cursor:
        # The page is cut before relations are read, and its rows numbered, as the join need not keep their order.
        cursor.execute(
            f"SELECT r.id::text, r.sort_key::text, r.resource_type, {_BODY}"
            " FROM (SELECT r.*, row_number() OVER () AS place FROM (SELECT r.* FROM"
            f" (SELECT r.*, {key.sql.text} AS sort_key FROM providers_resource r WHERE {found.text}) r"
            f" WHERE {start.text} ORDER BY {order} LIMIT %s OFFSET %s) r) r"
            f" LEFT JOIN LATERAL {relation.text} n ON TRUE ORDER BY r.place",
            [
                settings.OPTIONS.scim_url,
                *key.sql.params,
                *found.params,
                *start.params,
                query.count + (query.cursor is not None),
                query.start_index - 1,
                *relation.params,
            ],
        )
        rows: list[tuple[str, str | None, str, str]] = cursor.fetchall()
    return rows
