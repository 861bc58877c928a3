"""Conditions: filters bound to a schema, and whether a value meets one.

`bind` looks up each path and turns each literal into the comparison key of its attribute's type (RFC 7643
§2.3, caseExact), so that PATCH and the store's SQL need no rules about case or time. A path into a
multi-valued attribute becomes an `Element`: one value must meet all of it (RFC 7644 §3.4.2.2).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.errors import ScimError
from scim.protocol.filters import And, Comparison, Node, Not, Or, Presence, ValuePath
from scim.protocol.paths import AttrPath, UnknownAttributeError, find, parse_attr_path
from scim.protocol.policy import Fault, Policy
from scim.protocol.values import comparison_key, date_time_key, parse_date_time


@dataclass(frozen=True)
class Compare:
    """`key` is a comparison key: str, number, bool, or for dateTime the text of `date_time_key`."""

    target: Target
    op: str
    key: Any


@dataclass(frozen=True)
class Exists:
    target: Target


@dataclass(frozen=True)
class Element:
    """One value of the multi-valued attribute meets `inner`."""

    target: Target
    inner: "Condition"


@dataclass(frozen=True)
class Negated:
    inner: "Condition"


@dataclass(frozen=True)
class AllOf:
    terms: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    terms: tuple["Condition", ...]


@dataclass(frozen=True)
class Constant:
    """A condition that every resource of the type meets, or none."""

    holds: bool


Condition = Compare | Exists | Element | Negated | AllOf | AnyOf | Constant

# Types whose values clients also write as text: a habit reads the text, in filters too.
READ_FROM_TEXT = frozenset({"boolean", "integer", "decimal"})
# Which operators an attribute type takes (RFC 7644 §3.4.2.2, table 3).
_EQUALITY = frozenset({"eq", "ne"})
_ORDER = _EQUALITY | {"gt", "ge", "lt", "le"}
_ALL = _ORDER | {"co", "sw", "ew"}
OPERATORS: Mapping[str, frozenset[str]] = {
    "string": _ALL,
    "reference": _ALL,
    "boolean": _EQUALITY,
    "integer": _ORDER,
    "decimal": _ORDER,
    "dateTime": _ORDER,
    "binary": _EQUALITY,
}


def bind(node: Node, resource_type: ResourceType, policy: Policy, among: Sequence[ResourceType] = ()) -> Condition:
    """The condition that `node` states about resources of this type.

    `among`: the types of a query over several of them, where an attribute that only another type has is one
    without a value (RFC 7644 §3.4.2.1). Raises `ScimError` invalidFilter for an unknown attribute, one that is
    never returned (V31, V32) or a literal of another type; no term is ever dropped (V35).
    """
    match node:
        case And(terms):
            return AllOf(tuple(bind(term, resource_type, policy, among) for term in terms))
        case Or(terms):
            return AnyOf(tuple(bind(term, resource_type, policy, among) for term in terms))
        case Not(inner):
            return Negated(bind(inner, resource_type, policy, among))
        case Comparison(path) | Presence(path) | ValuePath(path) if foreign := _foreign(
            path, resource_type, policy, among
        ):
            return Constant(isinstance(node, Comparison) and _is_met_by_nothing(node, foreign))
        case Comparison(path, op, value):
            return _bound(_find(path, resource_type, policy), op, value, policy)
        case Presence(path):
            return _bound_presence(_find(path, resource_type, policy))
        case ValuePath(path, inner, has_part_after):
            if has_part_after:
                reason = (
                    f'a sub-attribute stands behind the brackets of "{path}[ ]": put its comparison inside with "and".'
                )
                policy.overlook(Fault.PART_AFTER_FILTER, partial(errors.invalid_filter, reason))
            target = _find(path, resource_type, policy)
            attribute = target.attribute
            if attribute is None or target.sub or not (attribute.is_complex or attribute.multi_valued):
                raise errors.invalid_filter(f'"{path}" has no sub-attributes, so [ ] cannot follow it.')
            condition = bind_element(inner, target, policy)
            return Element(target, condition) if attribute.multi_valued else condition


def _is_met_by_nothing(node: Comparison, target: Target) -> bool:
    """Whether an attribute without a value meets a comparison. `ne` on several values needs one that differs."""
    if node.value is None:
        return node.op == "eq"
    return node.op == "ne" and not (target.attribute and target.attribute.multi_valued)


def _foreign(
    path: AttrPath, resource_type: ResourceType, policy: Policy, among: Sequence[ResourceType]
) -> Target | None:
    """The attribute that a path names in another type of the query, when this type does not have it."""
    if len(among) < 2 or _known(path, resource_type, policy):
        return None
    return next(filter(None, (_known(path, other, policy) for other in among)), None)


def _known(path: AttrPath, resource_type: ResourceType, policy: Policy) -> Target | None:
    try:
        return find(policy.usual_path(path, resource_type), resource_type)
    except (UnknownAttributeError, ScimError):
        return None


def bind_element(node: Node, home: Target, policy: Policy) -> Condition:
    """The condition that `node`, the filter in `[ ]`, states about one value of the attribute `home`."""
    match node:
        case And(terms):
            return AllOf(tuple(bind_element(term, home, policy) for term in terms))
        case Or(terms):
            return AnyOf(tuple(bind_element(term, home, policy) for term in terms))
        case Not(inner):
            return Negated(bind_element(inner, home, policy))
        case Comparison(path, op, value):
            return _test(_sub(path, home), op, value, policy)
        case Presence(path):
            return Exists(_sub(path, home))
        case ValuePath(path, _):
            raise errors.invalid_filter(f'"{path}[" stands inside another [ ], where it cannot.')


def find_readable(text: str, resource_types: Sequence[ResourceType], policy: Policy) -> Target:
    """The attribute that a text names, in the first type that has it, if filters and orders may use it.

    Raises `ScimError` invalidFilter.
    """
    path = parse_attr_path(text)
    if path is None:
        raise errors.invalid_filter(f"{errors.shown(text)} is no attribute name.")
    knowing = (known for known in resource_types if _known(path, known, policy))
    return _find(path, next(knowing, resource_types[0]), policy)


def _find(path: AttrPath, resource_type: ResourceType, policy: Policy) -> Target:
    try:
        target = find(policy.usual_path(path, resource_type), resource_type)
    except UnknownAttributeError as error:
        raise errors.invalid_filter(f"{error} Correct the matching attribute in the attribute mapping.") from error
    except ScimError as error:  # a habit that the strict policy refuses
        raise errors.invalid_filter(error.sentence) from error
    if target.attribute is None:
        return target
    if "never" in (target.attribute.returned, target.leaf.returned):
        raise errors.invalid_filter(f'"{target}" is never returned, so it cannot be filtered by.')
    return target


def _sub(path: AttrPath, home: Target) -> Target:
    assert home.attribute is not None
    if not home.attribute.is_complex and str(path).lower() == "value":
        return home  # a simple value has that name (RFC 7643 §2.4)
    sub = home.attribute.subs.get(path.name.lower())
    if sub is None or path.sub or path.schema:
        hint = errors.did_you_mean(path.name, (known.name for known in home.attribute.sub_attributes))
        raise errors.invalid_filter(f'"{home.attribute.name}" has no sub-attribute "{path}".{hint}')
    return Target(home.schema, home.attribute, sub)


def _bound(target: Target, op: str, value: Any, policy: Policy) -> Condition:
    attribute = target.attribute
    if value is None and op in _EQUALITY and attribute is not None and attribute.multi_valued:
        present = _bound_presence(target)
        return Negated(present) if op == "eq" else present
    if attribute is None:
        raise errors.invalid_filter(f'"{target}" is a schema, not an attribute: name one of its attributes.')
    if attribute.is_complex and target.sub is None:
        # emails eq "x" is about emails.value (§3.4.2.2); a complex attribute without value cannot be compared.
        default = attribute.subs.get("value")
        if default is None and value is not None:
            names = ", ".join(sub.name for sub in attribute.sub_attributes)
            raise errors.invalid_filter(f'"{target}" has parts; compare one of them: {names}.')
        target = Target(target.schema, attribute, default)
    test = _test(target, op, value, policy)
    return Element(Target(target.schema, attribute), test) if attribute.multi_valued else test


def _bound_presence(target: Target) -> Condition:
    if target.sub and target.attribute and target.attribute.multi_valued:
        return Element(Target(target.schema, target.attribute), Exists(target))
    return Exists(target)


def _test(target: Target, op: str, value: Any, policy: Policy) -> Condition:
    if value is None:
        if op not in _EQUALITY:
            raise errors.invalid_filter(f'"{target} {op} null" has no meaning; null goes with eq and ne.')
        return Negated(Exists(target)) if op == "eq" else Exists(target)
    leaf = target.leaf
    if op not in OPERATORS.get(leaf.type, _EQUALITY):
        allowed = ", ".join(sorted(OPERATORS[leaf.type]))
        raise errors.invalid_filter(f'"{target}" is of type {leaf.type}, which takes {allowed}, not {op}.')
    # As a value, empty text clears; here it is compared.
    if leaf.type in READ_FROM_TEXT or (leaf.names_resource and value != ""):
        value = policy.usual_value(leaf.single, value)
    return Compare(target, op, _literal_key(target, value))


def _literal_key(target: Target, value: Any) -> Any:
    kind = target.leaf.type
    expected = {"boolean": bool, "integer": (int, float), "decimal": (int, float)}.get(kind, str)
    if not isinstance(value, expected) or (kind != "boolean" and isinstance(value, bool)):  # type: ignore[arg-type]
        wanted = "a value in double quotes" if expected is str else "true or false" if kind == "boolean" else "a number"
        raise errors.invalid_filter(f'"{target}" is of type {kind}: {wanted} is expected.')
    if isinstance(value, str) and not is_storable(value):
        raise errors.invalid_filter(f'the value for "{target}" holds a character that no stored value can hold.')
    if isinstance(value, float) and not math.isfinite(value):
        raise errors.invalid_filter(f'the number for "{target}" is too large.')
    key = fold(target.leaf, value)
    if key is None:
        raise errors.invalid_filter(f'"{target}" needs a date and time such as "2026-11-23T09:00:00Z".')
    return key


def is_storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor half a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))


def fold(attribute: Attribute, value: Any) -> Any:
    """The comparison key of one value of `attribute`, of the same JSON shape; None for an invalid dateTime."""
    if isinstance(value, str):
        if attribute.type == "dateTime":
            instant = parse_date_time(value)
            return instant and date_time_key(instant)
        return value if attribute.case_exact or attribute.type == "binary" else comparison_key(value)
    if isinstance(value, dict):
        return {name: fold(attribute.subs[name.lower()], sub) for name, sub in value.items()}
    if isinstance(value, list):
        return [fold(attribute, element) for element in value]
    return value


def fold_resource(resource: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """The comparison keys of a validated resource, with its extensions, in the shape of the resource."""
    folded = {}
    for name, value in resource.items():
        extension = resource_type.extensions_by_urn.get(name.lower())
        if extension:
            # A newer version of the schema may have stored more than this request knows.
            known = extension.by_name
            folded[name] = {sub: fold(known[sub.lower()], part) for sub, part in value.items() if sub.lower() in known}
        else:
            folded[name] = fold(resource_type.core[name.lower()], value)
    return folded


def matches_element(condition: Condition, element: Any) -> bool:
    """Whether one value of a multi-valued attribute meets a condition of `bind_element`."""
    match condition:
        case AllOf(terms):
            return all(matches_element(term, element) for term in terms)
        case AnyOf(terms):
            return any(matches_element(term, element) for term in terms)
        case Negated(inner):
            return not matches_element(inner, element)
        case Exists(target):
            return _in_element(target, element) is not None
        case Compare(target, op, key):
            held = _in_element(target, element)
            return compare(op, target.leaf.assumed if held is None else fold(target.leaf, held), key)
        case Element() | Constant():
            raise AssertionError("bind makes neither inside an Element")


def _in_element(target: Target, element: Any) -> Any:
    return element.get(target.sub.name) if target.sub else element


def compare(op: str, held: Any, key: Any) -> bool:
    """One comparison of comparison keys; an absent value differs from every other (§3.4.2.2, `ne`)."""
    if held is None:
        return op == "ne"
    match op:
        case "eq":
            return bool(held == key)
        case "ne":
            return bool(held != key)
        case "co":
            return key in held
        case "sw":
            return bool(held.startswith(key))
        case "ew":
            return bool(held.endswith(key))
        case "gt":
            return bool(held > key)
        case "ge":
            return bool(held >= key)
        case "lt":
            return bool(held < key)
        case _:
            return bool(held <= key)
