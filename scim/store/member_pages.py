"""A group with a page of its members, an extension of this server (docs/scim.md).

A page costs the same at any size of the group. Cursors are those of lists (RFC 9865): a keyset, bound to
the provider and the group.
"""

from dataclasses import replace
from uuid import UUID

import orjson
from django.db import connection

from providers.resources.members import current
from scim.protocol import errors
from scim.protocol.attributes import ResourceType
from scim.protocol.listing import MemberQuery
from scim.protocol.projection import Projection
from scim.store.answers import Answer, read_one
from scim.store.cursors import Position, seal, unseal
from scim.store.filters import Sql

PAGE_SCHEMA = "urn:iprova:params:scim:schemas:extension:memberPage:1.0:Group"
_CURRENT = f"{current('group_id', '%s', joins=False)} AND m.provider_id = %s"


def read_member_page(
    provider_id: int,
    resource_type: ResourceType,
    group_id: UUID,
    projection: Projection,
    query: MemberQuery,
    cursor_timeout_s: int,
) -> Answer | None:
    """Read a group with a page of its members. `PAGE_SCHEMA` holds their total and the cursor of the next page.

    With a count of 0, it holds the total alone. Raises `ScimError` invalidValue, invalidCursor, expiredCursor.
    """
    if not projection.wants("members"):
        raise errors.invalid_value('Pages of members are asked for, and members left out: name them in "attributes".')
    scope = (provider_id, str(group_id), "members")
    position = unseal(query.cursor, cursor_timeout_s, *scope) if query.cursor else None
    after = Sql("m.member_id > %s::uuid", (position.id,)) if position else Sql("TRUE")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.member_id::text {_CURRENT} AND {after.text} ORDER BY m.member_id LIMIT %s",
            [group_id, provider_id, *after.params, query.count + 1],
        )
        ids = [member_id for (member_id,) in cursor.fetchall()]
        total = position.total if position else len(ids)
        if not position and len(ids) > query.count:
            cursor.execute(f"SELECT count(*) {_CURRENT}", [group_id, provider_id])
            (total,) = cursor.fetchone()
    shown = ids[: query.count]
    window = Sql("FALSE")
    if shown:
        window = Sql("m.member_id BETWEEN %s::uuid AND %s::uuid", (shown[0], shown[-1]))
    answer = read_one(provider_id, resource_type, group_id, projection, window)
    if answer is None:
        return None
    page: dict[str, int | str] = {"totalResults": total, "itemsPerPage": len(shown)}
    if shown and len(ids) > query.count:
        page["nextCursor"] = seal(Position(None, shown[-1], total), *scope)
    document = orjson.loads(bytes(answer.body))
    document["schemas"].append(PAGE_SCHEMA)
    return replace(answer, body=orjson.dumps(document | {PAGE_SCHEMA: page}))
