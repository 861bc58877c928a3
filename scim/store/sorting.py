"""Compiles `sortBy` to SQL (RFC 7644 §3.4.2.3): one comparison key for each resource `r`.

Filters compare the same keys, so order and equality agree. A resource without a value comes last in
ascending order and first in descending order, as PostgreSQL orders NULLs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from providers.resources.members import OTHER_END, current
from scim.protocol.attributes import ResourceType, Target
from scim.protocol.listing import Sort
from scim.store.columns import COLUMNS, RELATIONS
from scim.store.cursors import Position
from scim.store.filters import Sql, column_sql, element_text, home_of, path_of

# A cursor holds the key of a resource and is part of an address, so only the beginning of a long text is compared.
MAX_KEY_LENGTH = 500
_COLUMN_TYPES = {"text": "text", "id": "uuid", "time": "timestamptz", "boolean": "boolean"}
_DOCUMENT_TYPES = {"boolean": "boolean", "integer": "numeric", "decimal": "numeric"}


@dataclass(frozen=True)
class Key:
    """An SQL expression and its type, by which a cursor's text becomes a value again."""

    sql: Sql
    type: str = "text"


def order_by(sort: Sort | None, *, is_backward: bool = False) -> str:
    """The terms of ORDER BY over `sort_key` and `id`. The id orders what is equal, so pages are stable."""
    last = "r.id DESC" if is_backward else "r.id"
    if sort is None:
        return last
    return f"r.sort_key {'DESC' if sort.is_descending != is_backward else 'ASC'}, {last}"


def beyond(position: Position, sort: Sort | None, key: Key) -> Sql:
    """The condition for what comes after a position in that order, or before it."""
    beyond_id = f"r.id {'<' if position.is_backward else '>'}{'=' if position.is_inclusive else ''} %s::uuid"
    if sort is None:
        return Sql(beyond_id, (position.id,))
    is_descending = sort.is_descending != position.is_backward
    if position.key is None:
        more = "OR r.sort_key IS NOT NULL" if is_descending else "AND r.sort_key IS NULL"
        return Sql(f"{beyond_id} {more}", (position.id,))
    value, sign = f"%s::{key.type}", "<" if is_descending else ">"
    text = f"r.sort_key {sign}= {value} AND (r.sort_key {sign} {value} OR {beyond_id})"
    if not is_descending:
        text = f"r.sort_key IS NULL OR ({text})"
    return Sql(text, (position.key, position.key, position.id))


def sort_key(sort: Sort | None, resource_types: Sequence[ResourceType]) -> Key:
    """The key by which resources of these types are sorted: NULL for a type without the attribute."""
    if sort is None:
        return Key(Sql("NULL"))
    keys = [_key_of(sort.target, known) for known in resource_types]
    if all(key == keys[0] for key in keys):
        return keys[0]
    kind = next((key.type for key in keys if key.type != "text"), "text")
    cases = " ".join(f"WHEN %s THEN ({key.sql.text})::{kind}" for key in keys)
    params = (param for known, key in zip(resource_types, keys, strict=True) for param in (known.name, *key.sql.params))
    return Key(Sql(f"CASE r.resource_type {cases} END", tuple(params)), kind)


def _key_of(target: Target, resource_type: ResourceType) -> Key:
    assert target.attribute is not None
    column = COLUMNS[resource_type.name].get(str(target))
    if column:
        return Key(column_sql(column), _COLUMN_TYPES[column.kind])
    relation = None if target.schema else RELATIONS.get((resource_type.name, target.attribute.name))
    if relation:
        part = relation.columns[target.leaf.name]
        source = column_sql(part)
        text = f"(SELECT {source.text} {current(relation.own)} ORDER BY m.{OTHER_END[relation.own]} LIMIT 1)"
        return Key(Sql(text, source.params), _COLUMN_TYPES[part.kind])
    return _document_key(target)


def _document_key(target: Target) -> Key:
    assert target.attribute is not None
    kind = _DOCUMENT_TYPES.get(target.leaf.type, "text")
    if not target.attribute.multi_valued:
        source = Sql("(r.folded #>> %s)", (path_of(target),))
    else:
        # The primary value, or else the first one.
        value = element_text(target)
        source = Sql(
            f"(SELECT {value.text} FROM jsonb_array_elements(r.folded #> %s) WITH ORDINALITY AS e (v, n)"
            f" ORDER BY e.v @> '{{\"primary\": true}}' DESC, e.n LIMIT 1)",
            (*value.params, home_of(target)),
        )
    if kind == "text":
        return Key(Sql(f'left({source.text}, {MAX_KEY_LENGTH}) COLLATE "C"', source.params))
    return Key(Sql(f"{source.text}::{kind}", source.params), kind)
