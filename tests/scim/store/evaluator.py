"""Conditions in plain Python, to hold the SQL against."""

from collections.abc import Mapping
from typing import Any

from scim.protocol.attributes import Target
from scim.protocol.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Element,
    Exists,
    Negated,
    compare,
    fold,
    matches_element,
)


def matches(condition: Condition, resource: Mapping[str, Any]) -> bool:
    """Whether a stored resource meets a condition of `bind`."""
    match condition:
        case AllOf(terms):
            return all(matches(term, resource) for term in terms)
        case AnyOf(terms):
            return any(matches(term, resource) for term in terms)
        case Negated(inner):
            return not matches(inner, resource)
        case Element(target, inner):
            return any(matches_element(inner, element) for element in _read(target, resource) or ())
        case Constant(holds):
            return holds
        case Exists(target):
            return _read(target, resource) is not None
        case Compare(target, op, key):
            return compare(op, fold(target.leaf, _read(target, resource)), key)


def _read(target: Target, resource: Mapping[str, Any]) -> Any:
    home = resource.get(target.schema) if target.schema else resource
    if home is None or target.attribute is None:
        return home
    value = home.get(target.attribute.name)
    return value.get(target.sub.name) if target.sub and value is not None else value
