"""Resources as JSON text that PostgreSQL makes, so that no document is parsed to be read.

The statement that reads a user also reads the user's direct groups, and that of a group its members, if
the response contains them. A list takes one statement for the page and at most one for the total
(RFC 7644 §3.4.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from providers.prepared import prepared_cursor
from providers.resources.members import current
from scim.protocol.attributes import ResourceType
from scim.protocol.listing import ListQuery, Sort
from scim.protocol.projection import Projection, project
from scim.store.columns import GROUPS_DIGEST
from scim.store.cursors import seal, unseal
from scim.store.filters import TRUE, Sql
from scim.store.sorting import beyond, order_by, sort_key
from scim.store.windows import Row, Window


@dataclass(frozen=True)
class Answer:
    """A resource as JSON with its id and its ETag, which is weak, as the white space of the JSON may differ."""

    id: str
    etag: str
    body: bytes


@dataclass(frozen=True)
class Page:
    """A page of a list: resources as JSON, the total, and the cursors of the pages around it ("": there is none)."""

    resources: Sequence[tuple[ResourceType, bytes]]
    total: int
    next_cursor: str = ""
    previous_cursor: str = ""


@dataclass(frozen=True)
class Part:
    """A resource type in a list: which resources, and which attributes of each."""

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
    """The query for a group's members. Names cost a join, so they come only on request (`returned: request`)."""
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
    """`meta.location` up to the id. It comes from PUBLIC_URL, never from the request (V56)."""
    return f"{settings.OPTIONS.scim_url}{resource_type.endpoint}/"


def read_one(
    provider_id: int,
    resource_type: ResourceType,
    resource_id: UUID,
    projection: Projection,
    window: Sql = TRUE,
) -> Answer | None:
    """Read one live resource by one statement; None when this provider has none with this id.

    `window`: a condition on its members, row `m`.
    """
    # The query for the members has the id as a literal. With the id of the outer row, PostgreSQL would plan
    # for a group of average size.
    relation = _relation(resource_type, projection, Sql("%s", (resource_id,)), window)
    has_members = resource_type.name == "Group" and projection.wants("members")
    with connection.cursor() if has_members else prepared_cursor() as cursor:
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
    """The query for a user's groups or a group's members, or for neither if the response does not contain them."""
    if resource_type.name == "User" and (projection.wants("groups") or projection.wants("meta")):
        return Sql(_GROUPS, (f"{settings.OPTIONS.scim_url}/Groups/",))
    if resource_type.name == "Group" and projection.wants("members"):
        return _members(group, window, is_named=projection.asks_for("members", "display"))
    return Sql(_NOTHING)


def _relations(parts: Sequence[Part]) -> Sql:
    """The same for a list: the type of each resource decides which of the queries runs."""
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
    """Read live resources of `parts`, in the order and the window that the query asks for.

    Raises `ScimError` invalidCursor, expiredCursor.
    """
    by_name = {part.resource_type.name: part for part in parts}
    scope = (provider_id, *by_name, str(query.filter or ""), query.sort and str(query.sort))
    position = unseal(query.cursor, cursor_timeout_s, *scope) if query.cursor else None
    window = Window(query.count, query.start_index, query.cursor is not None, position)
    found = _found(provider_id, parts)
    shown = window.show(_read_rows(parts, found, query.sort, window) if window.limit else [])
    total = _count(found) if shown.total is None else shown.total
    resources = [_answered(by_name[name], text) for _, _, name, text in shown.rows]
    following, previous = shown.next(total), shown.previous(total)
    return Page(
        resources,
        total,
        next_cursor=seal(following, *scope) if following else "",
        previous_cursor=seal(previous, *scope) if previous else "",
    )


def _answered(part: Part, text: str) -> tuple[ResourceType, bytes]:
    return part.resource_type, _projected(text, part.projection, part.resource_type)


def _found(provider_id: int, parts: Sequence[Part]) -> Sql:
    """The condition that a live resource `r` of this provider belongs to one of the parts."""
    chosen = " OR ".join(f"(r.resource_type = %s AND ({part.where.text}))" for part in parts)
    params = (param for part in parts for param in (part.resource_type.name, *part.where.params))
    return Sql(f"r.provider_id = %s AND r.deleted_at IS NULL AND ({chosen})", (provider_id, *params))


def _count(found: Sql) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM providers_resource r WHERE {found.text}", found.params)
        (total,) = cursor.fetchone()
    return int(total)


def _read_rows(parts: Sequence[Part], found: Sql, sort: Sort | None, window: Window) -> list[Row]:
    """id, sort key, type and JSON of each row in the window."""
    relation = _relations(parts)
    key = sort_key(sort, [part.resource_type for part in parts])
    start = beyond(window.position, sort, key) if window.position else TRUE
    order = order_by(sort, is_backward=window.is_backward)
    with connection.cursor() as cursor:
        # The page is cut before relations are read. Its rows are numbered because the join may change their order.
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
                window.limit,
                window.offset,
                *relation.params,
            ],
        )
        return list(cursor.fetchall())
