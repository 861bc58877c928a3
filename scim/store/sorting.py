"""`sortBy` to SQL (RFC 7644 §3.4.2.3): one comparison key a resource `r`, whatever the attribute.

Keys are those that filters compare, so order and equality agree. Without a value a resource
comes last in ascending order and first in descending, which is PostgreSQL's own order of NULLs.
"""

from scim.protocol.attributes import ResourceType
from scim.protocol.listing import Sort
from scim.store.columns import COLUMNS, RELATIONS
from scim.store.filters import Sql, column_sql, home_of

_CASTS = {"boolean": "::boolean", "integer": "::numeric", "decimal": "::numeric"}


def order_by(sort: Sort | None, resource_type: ResourceType) -> Sql:
    """The terms of ORDER BY; the id settles what is equal, so pages are stable."""
    if sort is None:
        return Sql("r.id")
    key = _key(sort, resource_type)
    return Sql(f"{key.text} {'DESC' if sort.is_descending else 'ASC'}, r.id", key.params)


def _key(sort: Sort, resource_type: ResourceType) -> Sql:
    target = sort.target
    assert target.attribute is not None
    column = COLUMNS[resource_type.name].get(str(target))
    if column:
        return column_sql(column)
    relation = None if target.schema else RELATIONS.get((resource_type.name, target.attribute.name))
    if relation:
        part = column_sql(relation.columns[target.leaf.name])
        return Sql(
            f"(SELECT {part.text} FROM providers_membership m JOIN providers_resource x ON x.id = m.{relation.other}"
            f" WHERE m.{relation.own} = r.id AND m.left_at IS NULL ORDER BY m.{relation.other} LIMIT 1)",
            part.params,
        )
    cast = _CASTS.get(target.leaf.type, ' COLLATE "C"')
    path = home_of(target)
    if not target.attribute.multi_valued:
        return Sql(f"(r.folded #>> %s){cast}", ([*path, *([target.sub.name] if target.sub else [])],))
    # The primary value, or else the first one.
    value = Sql("e.v ->> %s", (target.sub.name,)) if target.sub else Sql("e.v #>> '{}'")
    return Sql(
        f"(SELECT {value.text} FROM jsonb_array_elements(r.folded #> %s) WITH ORDINALITY AS e (v, n)"
        f" ORDER BY e.v @> '{{\"primary\": true}}' DESC, e.n LIMIT 1){cast}",
        (*value.params, path),
    )
