"""Compiles conditions to SQL about one resource `r`, with bound parameters only.

The result does not name the provider: the caller puts `r.provider_id = %s AND (…)` around it, so that an
`or` cannot leave the tenant (V12). No term is dropped (V35). An attribute without a column is read from
the folded document, by containment for `eq`; an index finds what `scim.store.columns.INDEXED` has of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from providers.ids import exact_id
from providers.resources.members import current
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.conditions import AllOf, AnyOf, Compare, Condition, Constant, Element, Exists, Negated
from scim.store.columns import COLUMNS, RELATIONS, Column, Relation, indexed_part


@dataclass(frozen=True)
class Sql:
    """SQL text and its parameters: a condition, where NULL counts as false, or an expression."""

    text: str
    params: tuple[Any, ...] = ()


TRUE, FALSE = Sql("TRUE"), Sql("FALSE")
_SQL_OPS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_HOUR_OPS = {"eq": "=", "gt": ">=", "ge": ">=", "lt": "<=", "le": "<="}


# Each of these finds one resource or few, by an index of its own.
_FINDS_FEW = ("id", "userName", "externalId")


def compile_condition(condition: Condition, resource_type: ResourceType, *, is_found: bool = False) -> Sql:
    """The condition on resource `r` as SQL. Sends no query.

    `is_found`: another term finds the resource, so this one is only compared. Entra ID asks for an id and a manager,
    and looking up all users of this manager first would cost more than the rest.
    """
    match condition:
        case AllOf(terms):
            is_found = is_found or any(
                isinstance(term, Compare) and term.op == "eq" and str(term.target) in _FINDS_FEW for term in terms
            )
            return _joined(" AND ", [compile_condition(term, resource_type, is_found=is_found) for term in terms])
        case AnyOf(terms):
            return _joined(" OR ", [compile_condition(term, resource_type, is_found=is_found) for term in terms])
        case Negated(inner):
            return _negated(compile_condition(inner, resource_type, is_found=is_found))
        case Element(target, inner):
            relation = _relation(target, resource_type)
            return _related(relation, inner) if relation else _element(target, inner, is_found=is_found)
        case Exists(target):
            return _exists(target, resource_type)
        case Constant(holds):
            return TRUE if holds else FALSE
        case Compare(target, op, key):
            column = COLUMNS[resource_type.name].get(str(target))
            if column:
                return _compare_column(column, op, key)
            return _compare_in_document(target, op, key, is_found=is_found)


def compile_member_condition(condition: Condition, relation: Relation) -> Sql:
    """A condition on one value of a relation as SQL on its row `m` and its other end `x`."""
    match condition:
        case AllOf(terms):
            return _joined(" AND ", [compile_member_condition(term, relation) for term in terms])
        case AnyOf(terms):
            return _joined(" OR ", [compile_member_condition(term, relation) for term in terms])
        case Negated(inner):
            return _negated(compile_member_condition(inner, relation))
        case Exists(target):
            source = column_sql(relation.columns[target.leaf.name])
            return Sql(f"{source.text} IS NOT NULL", source.params)
        case Compare(target, op, key):
            return _compare_column(relation.columns[target.leaf.name], op, key)
        case Element() | Constant():
            raise AssertionError("bind makes neither inside an Element")


def _joined(word: str, parts: Sequence[Sql]) -> Sql:
    text = word.join(f"({part.text})" for part in parts)
    return Sql(text, tuple(param for part in parts for param in part.params))


def _negated(inner: Sql) -> Sql:
    # NULL means "no value", which does not meet a condition but meets its negation.
    return Sql(f"NOT COALESCE(({inner.text}), FALSE)", inner.params)


def column_sql(column: Column) -> Sql:
    """A column's expression with its parameters."""
    if "{base}" not in column.sql:
        return Sql(column.sql)
    return Sql(column.sql.replace("{base}", "%s::text"), (settings.OPTIONS.scim_url,))


def _compare_column(column: Column, op: str, key: Any) -> Sql:
    source = column_sql(column)
    if column.kind == "time":
        exact = _ordered(source, op, Sql("%s::timestamptz", (key,)))
        return exact if op == "ne" or not column.hour else _joined(" AND ", [_same_hours(column.hour, op, key), exact])
    if column.kind == "id":
        parsed = exact_id(key)
        if op in ("eq", "ne"):
            equal = Sql(f"{source.text} = %s", (parsed,)) if parsed else FALSE
            return equal if op == "eq" else _negated(equal)
        source = Sql(f"{source.text}::text", source.params)
    return _compare_text(source, op, key) if isinstance(key, str) else _ordered(source, op, Sql("%s", (key,)))


def _same_hours(column: str, op: str, key: str) -> Sql:
    """The hours in which a time that meets the comparison can lie."""
    hour = int(datetime.fromisoformat(key).timestamp() // 3600)
    return Sql(f"{column} {_HOUR_OPS[op]} %s", (hour,))


def _ordered(source: Sql, op: str, key: Sql) -> Sql:
    params = (*source.params, *key.params)
    if op == "eq":
        return Sql(f"{source.text} = {key.text}", params)
    if op == "ne":
        return Sql(f"{source.text} IS DISTINCT FROM {key.text}", params)
    return Sql(f"{source.text} {_SQL_OPS[op]} {key.text}", params)


def _compare_text(source: Sql, op: str, key: str) -> Sql:
    if op in ("co", "sw", "ew"):
        literal = key.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        pattern = f"{'' if op == 'sw' else '%'}{literal}{'' if op == 'ew' else '%'}"
        return Sql(f"{source.text} LIKE %s", (*source.params, pattern))
    if op in _SQL_OPS:
        source = Sql(f'({source.text}) COLLATE "C"', source.params)
    return _ordered(source, op, Sql("%s", (key,)))


def home_of(target: Target) -> list[str]:
    """The path of an attribute in the document."""
    assert target.attribute is not None
    return [target.schema, target.attribute.name] if target.schema else [target.attribute.name]


def path_of(target: Target) -> list[str]:
    """The path of a single value in the document: of the attribute, or of its sub-attribute."""
    return [*home_of(target), target.sub.name] if target.sub else home_of(target)


def element_text(target: Target) -> Sql:
    """A scalar of one value `e.v` of a list in the document, as text."""
    if target.sub is None:
        return Sql("(e.v #>> '{}')")
    if target.sub.assumed is None:
        return Sql("(e.v ->> %s)", (target.sub.name,))
    return Sql("COALESCE(e.v ->> %s, %s)", (target.sub.name, json.dumps(target.sub.assumed)))


def _contains(path: Sequence[str], value: Any, *, is_found: bool) -> Sql:
    """The folded document has this value at a path. If an index has a part of it, that finds the rows (not `is_found`).

    The ids are an array, not a subquery to join: then the primary key finds the rows even in the midst of OR and NOT.
    """
    for name in reversed(path):
        value = {name: value}
    held = Sql("r.folded @> %s::jsonb", (json.dumps(value, ensure_ascii=False),))
    part = {} if is_found else indexed_part(value)
    if not part:
        return held
    found = "r.id = ANY(ARRAY(SELECT resource_id FROM providers_sought WHERE indexed @> %s::jsonb))"
    return _joined(" AND ", [Sql(found, (json.dumps(part, ensure_ascii=False),)), held])


def _compare_in_document(target: Target, op: str, key: Any, *, is_found: bool) -> Sql:
    path = path_of(target)
    if op in ("eq", "ne"):
        equal = _contains(path, key, is_found=is_found)
        return equal if op == "eq" else _negated(equal)
    return _compare_json(Sql("(r.folded #>> %s)", (path,)), op, key)


def _compare_json(text: Sql, op: str, key: Any) -> Sql:
    """Compare a scalar that was taken from JSON as text; `bind` has checked its type."""
    if isinstance(key, str):
        return _compare_text(text, op, key)
    return _ordered(Sql(f"{text.text}::numeric", text.params), op, Sql("%s", (key,)))


def _exists(target: Target, resource_type: ResourceType) -> Sql:
    if target.attribute is None:
        return Sql("r.document -> %s IS NOT NULL", (target.schema,))
    relation = _relation(target, resource_type)
    if relation:
        return _related(relation, None)
    column = COLUMNS[resource_type.name].get(str(target))
    if column:
        source = column_sql(column)
        return Sql(f"{source.text} IS NOT NULL", source.params)
    if str(target) == "meta":
        return TRUE
    return Sql("r.folded #> %s IS NOT NULL", (path_of(target),))


def _element(target: Target, inner: Condition, *, is_found: bool) -> Sql:
    """One value of a list in the document meets `inner`. The index answers its `eq` terms first."""
    path = home_of(target)
    terms = inner.terms if isinstance(inner, AllOf) else (inner,)
    fixed: dict[str, Any] = {}
    rest: list[Condition] = []
    for term in terms:
        held = _part_held(term)
        if held and held.keys().isdisjoint(fixed):
            fixed |= held
        else:
            rest.append(term)
    if len(terms) == 1 and isinstance(inner, Compare) and inner.op == "eq" and not inner.target.sub:
        return _contains(path, [inner.key], is_found=is_found)
    prefilter = _contains(path, [fixed], is_found=is_found) if fixed else None
    if prefilter and not rest:
        return prefilter
    each = _on_element(inner)
    walk = Sql(
        f"EXISTS (SELECT 1 FROM jsonb_array_elements(r.folded #> %s) AS e (v) WHERE {each.text})",
        (path, *each.params),
    )
    return _joined(" AND ", [prefilter, walk]) if prefilter else walk


def _part_held(term: Condition) -> dict[str, Any]:
    """The part that every value holds which meets a term; {} for none. What is assumed may be missing in the value."""
    match term:
        case Compare(Target(sub=Attribute() as sub), "eq", key) if key != sub.assumed:
            return {sub.name: key}
    return {}


def _on_element(condition: Condition) -> Sql:
    match condition:
        case AllOf(terms):
            return _joined(" AND ", [_on_element(term) for term in terms])
        case AnyOf(terms):
            return _joined(" OR ", [_on_element(term) for term in terms])
        case Negated(inner):
            return _negated(_on_element(inner))
        case Exists(target):
            return Sql("e.v -> %s IS NOT NULL", (target.sub.name,)) if target.sub else Sql("e.v IS NOT NULL")
        case Compare(target, op, key):
            return _compare_on_element(target, op, key)
        case Element() | Constant():
            raise AssertionError("bind makes neither inside an Element")


def _compare_on_element(target: Target, op: str, key: Any) -> Sql:
    if op in ("eq", "ne"):
        if target.sub and target.sub.assumed is not None and key == target.sub.assumed:
            # Not to hold the opposite is to hold it, or nothing.
            op, key = ("ne" if op == "eq" else "eq"), not key
        value = {target.sub.name: key} if target.sub else key
        equal = Sql("e.v @> %s::jsonb", (json.dumps(value, ensure_ascii=False),))
        return equal if op == "eq" else _negated(equal)
    return _compare_json(element_text(target), op, key)


def _relation(target: Target, resource_type: ResourceType) -> Relation | None:
    if target.schema or target.attribute is None:
        return None
    return RELATIONS.get((resource_type.name, target.attribute.name))


def _related(relation: Relation, inner: Condition | None) -> Sql:
    where = compile_member_condition(inner, relation) if inner else TRUE
    return Sql(f"EXISTS (SELECT 1 {current(relation.own)} AND ({where.text}))", where.params)
