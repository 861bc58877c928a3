"""A list of one resource: what directories ask before each create, `userName eq "…"` or `externalId eq "…"`.

It finds its row by an index, of which the filter gives the whole key. So its statement is planned once, like that of a
read by id (providers/prepared.py), while those of all other filters are planned for their values.
"""

from uuid import UUID

from providers.prepared import execute_prepared
from scim.protocol.attributes import ResourceType
from scim.protocol.conditions import Compare
from scim.protocol.listing import ListQuery
from scim.protocol.projection import Projection
from scim.store.answers import Answer, answer_of, elements_of, shown_of
from scim.store.filters import Sql

# The columns that have one live resource for each value, or mostly so.
_COLUMNS = {
    ("User", "userName"): "user_name_key",
    ("User", "externalId"): "external_id",
    ("Group", "displayName"): "display_name_key",
    ("Group", "externalId"): "external_id",
}


def look_up(
    provider_id: int, resource_type: ResourceType, projection: Projection, query: ListQuery
) -> list[Answer] | None:
    """The list's only resource, or []; None if the query has another form, or finds several resources.

    One statement.
    """
    statement = _statement(provider_id, resource_type, projection, query)
    if statement is None:
        return None
    found = execute_prepared(statement.text, statement.params).fetchall()
    if len(found) > 1:
        return None
    answers = (answer_of(row, provider_id, resource_type, UUID(row_id), projection) for row_id, *row in found)
    return [answer for answer in answers if answer is not None]


def _statement(provider_id: int, resource_type: ResourceType, projection: Projection, query: ListQuery) -> Sql | None:
    if query.filter is None or query.sort or query.cursor is not None or query.start_index != 1 or not query.count:
        return None
    condition = query.filter.conditions[resource_type.name]
    if not (isinstance(condition, Compare) and condition.op == "eq" and isinstance(condition.key, str)):
        return None
    column = _COLUMNS.get((resource_type.name, str(condition.target)))
    elements = elements_of(resource_type, projection, Sql("r.id")) if column else None
    # What a group's members cost depends on their number, so such a statement is planned for its values.
    if column is None or (elements and resource_type.name == "Group"):
        return None
    # The type is a literal, so that the plan can use the indexes of one type. The ids come first and whole: with a
    # limit at this place, a plan for any value could read all rows instead of the index.
    source = Sql(
        "(WITH found AS MATERIALIZED (SELECT id FROM providers_resource WHERE provider_id = %s"
        f" AND resource_type = '{resource_type.name}' AND {column} = %s AND deleted_at IS NULL)"
        " SELECT o.* FROM (SELECT id FROM found LIMIT 2) f JOIN providers_resource o ON o.id = f.id)",
        (provider_id, condition.key),
    )
    return shown_of(source, resource_type, elements, "r.id::text, ")
