"""Applies changes to a resource (RFC 7644 §3.5.2), the last step of a PATCH.

What each operation does to each target is the table in `scim.protocol.patch`. Changes of a group's members
are not applied here, as members are not part of the resource: see `scim.protocol.members`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.conditions import Condition, matches_element
from scim.protocol.policy import Fault, Policy
from scim.protocol.validation import finish_resource, is_hollow, take_id_of_address, without_repetition
from scim.protocol.values import copied


@dataclass(frozen=True)
class Change:
    """One operation, bound to the schema and validated. `value` is None for a removal.

    `seed` holds the sub-attributes that the `eq` terms of `where` fix, from which a new value can be made;
    None when `where` has other terms.
    """

    op: str
    target: Target
    where: Condition | None
    value: Any
    seed: dict[str, Any] | None = None


def apply_changes(
    resource: dict[str, Any], changes: Iterable[Change], resource_type: ResourceType, policy: Policy
) -> dict[str, Any]:
    """The resource after the changes, applied in order; the argument does not change.

    Raises `ScimError` noTarget, invalidValue. The caller stores the result or nothing.
    """
    result = copied(resource)
    result.pop("schemas", None)
    added: _Added = {}
    for change in changes:
        _apply(result, change, policy, added)
    return finish_resource(result, resource_type, policy)


# The values of each attribute to which only additions were made so far, by what makes two of them the same.
_Added = dict[tuple[str, str], dict[Any, Any]]


def _apply(resource: dict[str, Any], change: Change, policy: Policy, added: _Added) -> None:
    target, attribute = change.target, change.target.attribute
    if attribute is None:
        resource.pop(target.schema, None)
        added.clear()
        return
    home = resource.setdefault(target.schema, {}) if target.schema else resource
    place = (target.schema, attribute.name)
    is_addition = change.op == "add" and change.where is None and target.sub is None
    found = added.setdefault(place, {}) if is_addition else added.pop(place, {})
    if change.where is not None:
        _apply_to_elements(home, change, policy)
    elif attribute.multi_valued:
        _apply_to_list(home, change, policy, found)
    elif target.sub is not None:
        _apply_to_part(home, change)
    elif change.op == "remove":
        home.pop(attribute.name, None)
    else:
        home[attribute.name] = copied(change.value)
    if target.schema and not home:
        del resource[target.schema]


def _apply_to_part(home: dict[str, Any], change: Change) -> None:
    """Change one sub-attribute of a single complex value, such as name.givenName."""
    assert change.target.attribute is not None
    name = change.target.attribute.name
    part = home.get(name, {})
    _set_sub(part, change)
    if part:
        home[name] = part
    else:
        home.pop(name, None)


def _set_sub(element: dict[str, Any], change: Change) -> None:
    """Set or remove the sub-attribute of the target. The id of a reference follows its address."""
    attribute, sub = change.target.attribute, change.target.sub
    assert attribute is not None and sub is not None
    if change.op == "remove":
        element.pop(sub.name, None)
        return
    element[sub.name] = change.value
    if sub.name == "$ref":
        take_id_of_address(attribute, element)


def _apply_to_list(home: dict[str, Any], change: Change, policy: Policy, found: dict[Any, Any]) -> None:
    """Change all values of a multi-valued attribute, or one sub-attribute of each. `found`: see `_Added`."""
    attribute, sub = change.target.attribute, change.target.sub
    assert attribute is not None
    held: list[Any] = home.get(attribute.name, [])
    if sub is not None:
        touched = held if held or change.op == "remove" else [{}]
        for element in touched:
            _set_sub(element, change)
        held = touched
    elif change.op == "remove":
        held = []
    elif change.op == "replace":
        held = copied(change.value)
    else:
        held = _add_values(attribute, held, copied(change.value) or [], found)
    _check_count(attribute, held, policy)
    _store_list(home, attribute, held)


def _check_count(attribute: Attribute, held: list[Any], policy: Policy) -> None:
    """Limit the number of values after each change, as the cost of the next one depends on it (V65)."""
    if len(held) > policy.max_values and not attribute.holds_references:
        raise errors.too_many(policy.max_values, f"values of {attribute.name}")


def _add_values(attribute: Attribute, held: list[Any], added: list[Any], found: dict[Any, Any]) -> list[Any]:
    """Add the values that are not there yet. A new primary value takes that role from the old one (§3.5.2.1)."""
    if any(isinstance(element, dict) and element.get("primary") is True for element in added):
        _demote(held)
    return without_repetition(attribute, added if found else held + added, found)


def _apply_to_elements(home: dict[str, Any], change: Change, policy: Policy) -> None:
    """Change the values that a filter chooses, or one sub-attribute of each: `emails[…]`, `emails[…].value`."""
    attribute, sub, where = change.target.attribute, change.target.sub, change.where
    assert attribute is not None and where is not None
    held: list[Any] = home.get(attribute.name, [])
    chosen = [element for element in held if matches_element(where, element)]
    if not chosen and change.op != "remove":
        if change.op == "replace":
            missing = f'"{attribute.name}" has no value that meets the filter of the path.'
            policy.overlook(Fault.MISSING_ELEMENT, partial(errors.no_target, missing))
        if change.seed is None:
            raise errors.no_target(
                f'"{attribute.name}" has no value that meets the filter of the path, and the filter does not say '
                "what a new one must be like."
            )
        chosen = [dict(change.seed)]
        held = [*held, *chosen]
        _check_count(attribute, held, policy)
    if sub is None and change.op == "remove":
        held = [element for element in held if not any(element is one for one in chosen)]
    elif not attribute.is_complex:
        held = [change.value if matches_element(where, element) else element for element in held]
    else:
        for element in chosen:
            _change_element(element, attribute, change, held)
    _store_list(home, attribute, held)


def _change_element(element: dict[str, Any], attribute: Attribute, change: Change, held: list[Any]) -> None:
    sub = change.target.sub
    becomes_primary = change.value is True if sub and sub.name == "primary" else False
    if sub is None:
        becomes_primary = change.value.get("primary") is True
    if becomes_primary:
        _demote(held)
    if sub is None:
        # A value that only says what it is for (`primary`) does not replace the old one: it changes that part.
        if change.op == "replace" and not is_hollow(attribute, change.value):
            element.clear()
            element.update(change.seed or {})
        element.update(change.value)
    else:
        _set_sub(element, change)


def _demote(held: list[Any]) -> None:
    for element in held:
        if isinstance(element, dict) and element.get("primary") is True:
            element["primary"] = False


def _store_list(home: dict[str, Any], attribute: Attribute, held: list[Any]) -> None:
    kept = [element for element in held if not (attribute.is_complex and is_hollow(attribute, element))]
    if kept:
        home[attribute.name] = kept
    else:
        home.pop(attribute.name, None)
