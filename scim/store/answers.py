"""A resource as JSON text that PostgreSQL makes, so that no document is parsed to be read.

The statement that reads a user also reads the user's direct groups, and that of a group its members, if the response
contains them. A group with more than `MANY` members (or a user in so many groups) is read in parts, and its body is a
`Spool`: in PostgreSQL and here, memory is the same for a group of any size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction

from providers.prepared import execute_prepared
from providers.resources.members import current
from providers.resources.rows import Returning
from scim.protocol.attributes import ResourceType
from scim.protocol.projection import Projection, project, shown_parts
from scim.store.columns import digest_of
from scim.store.filters import TRUE, Sql
from scim.store.spool import Spool


@dataclass(frozen=True)
class Answer:
    """A resource as JSON with its id and its ETag, which is weak, as the white space of the JSON may differ."""

    id: str
    etag: str
    body: bytes | Spool


_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'

# Members of a group, or groups of a user, that one value in PostgreSQL and one row of a result may hold.
MANY = 5_000

# One resource `r` with its relation `n` (groups or members) as JSON. The document opens with "{" and is never empty,
# as userName and a group's displayName are required. concat() makes the text once; in a chain of `||`, each part would
# copy the members before it.
BODY = f"""
concat('{{"schemas":', (r.document -> 'schemas')::text, ',"id":"', r.id, '",',
  substr(left((r.document - 'schemas')::text, -1), 2),
  ',"' || n.name || '":[', n.list, CASE WHEN n.name IS NOT NULL THEN ']' END,
  ',"meta":{{"resourceType":"', r.resource_type,
  '","created":"', to_char(r.created AT TIME ZONE 'UTC', '{_TIME}'),
  '","lastModified":"', to_char(r.last_modified AT TIME ZONE 'UTC', '{_TIME}'),
  '","location":"', %s::text, '/', r.resource_type, 's/', r.id,
  '","version":"W/\\"', r.version, '-' || n.digest, '\\""}}}}')
"""

NO_RELATION = "(SELECT NULL AS name, NULL AS list, NULL AS digest, 0 AS number)"

# The elements of a relation as JSON, by sub-attribute. What is between < and > is SQL: `m` is the membership, `x` the
# resource at the other end, %s the base URL.
_ELEMENTS = {
    "members": {
        "value": '"value":"<m.member_id>"',
        "$ref": '"$ref":"<%s::text>/<m.member_type>s/<m.member_id>"',
        "type": '"type":"<m.member_type>"',
        "display": '"display":<to_json(COALESCE(x.display_name, x.user_name))::text>',
    },
    "groups": {
        "value": '"value":"<m.group_id>"',
        "$ref": '"$ref":"<%s::text>/Groups/<m.group_id>"',
        "display": '"display":<to_json(x.display_name)::text>',
        "type": '"type":"direct"',
    },
}
_RELATION_OF = {"User": ("groups", "member_id", "group_id"), "Group": ("members", "group_id", "member_id")}
# The elements `m` of one resource, in one value.
JOINED = "min(m.name) AS name, string_agg(m.json, ',') AS list"
# A user's ETag must change with the user's groups, though joining one does not change the user's version.
DIGEST = digest_of("m.id", "m.name = 'groups'")


def elements_of(
    resource_type: ResourceType, projection: Projection, whose: Sql, window: Sql = TRUE, limit: int | None = None
) -> Sql | None:
    """The query for a user's groups or a group's members, in order; None if the response does not contain them.

    A row is the name of the relation, the id at the other end, and the element as JSON. `whose`: the resource's id.
    `window`: a condition on the membership `m`. `limit`: how many of them. Names cost a join, so those of members come
    only on request.
    """
    name, own, other = _RELATION_OF[resource_type.name]
    is_in_version = name == "groups" and projection.wants("meta")
    if not (projection.wants(name) or is_in_version):
        return None
    chosen = shown_parts(name, projection, resource_type)
    parts = [part for sub, part in _ELEMENTS[name].items() if sub in chosen]
    element = ",".join(parts).replace("<", "' || ").replace(">", " || '")
    joins = "x." in element
    source = f"{current(own, whose.text, joins=joins and limit is None)} AND ({window.text}) ORDER BY m.{other}"
    if limit is not None:
        # The join is outside, or PostgreSQL might merge two whole indexes to find a few names.
        join = f"JOIN providers_resource x ON x.id = m.{other}" if joins else ""
        source = f"FROM (SELECT m.* {source} LIMIT {limit:d}) m {join} ORDER BY m.{other}"
    base = (settings.OPTIONS.scim_url,) * ("$ref" in chosen)
    text = f"SELECT '{name}' AS name, m.{other} AS id, '{{{element}}}' AS json {source}"
    return Sql(text, (*base, *whose.params, *window.params))


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
    """Read one live resource; None when this provider has none with this id.

    `window`: a condition on its memberships, row `m`. One statement, unless the resource has more than `MANY` of them.
    """
    # The elements' query has the id as a literal. With the id of the outer row, PostgreSQL would plan for a group of
    # average size.
    elements = elements_of(resource_type, projection, Sql("%s", (resource_id,)), window)
    shown = shown_of(Sql("providers_resource"), resource_type, elements)
    statement = f"{shown.text} WHERE r.id = %s AND r.provider_id = %s AND r.resource_type = %s AND r.deleted_at IS NULL"
    params = [*shown.params, resource_id, provider_id, resource_type.name]
    if elements and resource_type.name == "Group":
        # What a group's members cost depends on their number, so that statement is planned for its values.
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            found = cursor.fetchone()
    else:
        found = execute_prepared(statement, params).fetchone()
    return found and answer_of(found, provider_id, resource_type, resource_id, projection)


def returning_answer(resource_type: ResourceType, resource_id: UUID | None, projection: Projection) -> Returning | None:
    """What a write returns for `answer_of`; None if the response needs members of a group, which are read afterwards.

    Without an id, the resource is a new one, which has no groups or members.
    """
    elements = elements_of(resource_type, projection, Sql("%s", (resource_id,))) if resource_id else None
    if elements and resource_type.name == "Group":
        return None
    shown = shown_of(Sql("changed"), resource_type, elements)
    return Returning(shown.text, shown.params)


def shown_of(source: Sql, resource_type: ResourceType, elements: Sql | None, first: str = "") -> Sql:
    """The query for what `answer_of` needs, from the rows `r` of `source` (a table or a query)."""
    relation = Sql(NO_RELATION)
    if elements:
        digest = DIGEST if resource_type.name == "User" else "NULL"
        text = f"(SELECT {JOINED}, {digest} AS digest, count(*) AS number FROM ({elements.text} LIMIT %s) m)"
        relation = Sql(text, (*elements.params, MANY + 1))
    return Sql(
        f"SELECT {first}r.version, n.digest, n.number, {BODY}"
        f" FROM {source.text} r LEFT JOIN LATERAL {relation.text} n ON TRUE",
        (settings.OPTIONS.scim_url, *source.params, *relation.params),
    )


def answer_of(
    found: Sequence[Any], provider_id: int, resource_type: ResourceType, resource_id: UUID, projection: Projection
) -> Answer | None:
    """The response from a row of `returning_answer`. A resource with more than `MANY` elements is read again for it."""
    version, digest, number, text = found
    if number > MANY:
        return read_large(provider_id, resource_type, resource_id, projection)
    return Answer(str(resource_id), etag(version, digest), projected(text, projection, resource_type))


def etag(version: int, digest: str | None) -> str:
    return f'W/"{version}-{digest}"' if digest else f'W/"{version}"'


def projected(text: str, projection: Projection, resource_type: ResourceType) -> bytes:
    if projection.is_whole and not resource_type.holds_back:
        return text.encode()
    return orjson.dumps(project(orjson.loads(text), projection, resource_type))


def read_large(
    provider_id: int, resource_type: ResourceType, resource_id: UUID, projection: Projection
) -> Answer | None:
    """Read a resource with any number of members or groups, in parts of `MANY`; they come last in the JSON.

    A cursor reads them, so that all parts are of one moment. Two statements, and one for each two parts.
    """
    name, *_ = _RELATION_OF[resource_type.name]
    head, spool = None, Spool()
    with transaction.atomic(), connection.cursor() as cursor:
        statement = _large_statement(provider_id, resource_type, resource_id, projection)
        cursor.execute(f"DECLARE large NO SCROLL CURSOR FOR {statement.text}", statement.params)
        while True:
            cursor.execute("FETCH FORWARD 2 FROM large")
            parts = cursor.fetchall()
            if not parts:
                break
            for version, digest, text, part in parts:
                head = (etag(version, digest), text) if text else head
                spool.add((b"," if len(spool) else b"") + part.encode())
        cursor.execute("CLOSE large")
    if head is None:  # it has no elements any more, or was deleted
        spool.close()
        return read_one(provider_id, resource_type, resource_id, projection)
    shown = projected(head[1], projection, resource_type)
    if not (projection.wants(name) and shown_parts(name, projection, resource_type)):
        spool.close()
        return Answer(str(resource_id), head[0], shown)
    return Answer(str(resource_id), head[0], spool.wrap(shown[:-1] + f',"{name}":['.encode(), b"]}"))


# Where each part of the elements begins: after no id, and then after the last id of the part before. PostgreSQL finds
# these in the index, and the next one only when the cursor asks for it.
_PARTS = """
WITH RECURSIVE part AS (
  SELECT 1 AS place, '00000000-0000-0000-0000-000000000000'::uuid AS after
  UNION ALL
  SELECT place + 1, (SELECT m.{other} {current} AND m.{other} > part.after ORDER BY m.{other} OFFSET %s LIMIT 1)
  FROM part WHERE part.after IS NOT NULL)
"""


def _large_statement(provider_id: int, resource_type: ResourceType, resource_id: UUID, projection: Projection) -> Sql:
    """Version, digest, the resource without elements (first row only), and the elements, `MANY` a row."""
    _, own, other = _RELATION_OF[resource_type.name]
    whose = Sql("%s", (resource_id,))
    part = elements_of(resource_type, projection, whose, Sql(f"m.{other} > part.after"), MANY)
    assert part is not None, "a resource of which no elements are read is not large"
    digest = Sql("NULL")
    if resource_type.name == "User":
        elements = elements_of(resource_type, projection, whose)
        assert elements is not None
        digest = Sql(f"(SELECT {DIGEST} FROM ({elements.text}) m)", elements.params)
    parts = _PARTS.format(other=other, current=current(own, "%s", joins=False))
    text = f"""
{parts}
SELECT r.version, n.digest, CASE WHEN part.place = 1 THEN {BODY} END, l.list
FROM providers_resource r
CROSS JOIN LATERAL (SELECT NULL AS name, NULL AS list, {digest.text} AS digest) n
CROSS JOIN part CROSS JOIN LATERAL (SELECT {JOINED} FROM ({part.text}) m) l
WHERE r.id = %s AND r.provider_id = %s AND r.resource_type = %s AND r.deleted_at IS NULL
  AND part.after IS NOT NULL AND l.list IS NOT NULL
"""
    own_id = (resource_id, provider_id, resource_type.name)
    base = settings.OPTIONS.scim_url
    return Sql(text, (resource_id, MANY - 1, base, *digest.params, *part.params, *own_id))
