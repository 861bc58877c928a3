"""PATCH (RFC 7644 §3.5.2): a body to a list of changes, and the changes applied to a resource.

`read_patch` validates everything that does not depend on the resource, so that a refused
request has touched nothing. Changes of a relation (a group's `members`) are not applied to a
resource: the store turns them into rows (see `MemberChange`).
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    bind_element,
    fold,
    matches_element,
)
from scim.protocol.filters import And, Comparison, Node, Path, parse_path
from scim.protocol.paths import UnknownAttributeError, find
from scim.protocol.policy import Operation, Policy
from scim.protocol.validation import (
    UNASSIGNED,
    Notes,
    finish_resource,
    is_hollow,
    leave_out,
    validate_element,
    validate_extension,
    validate_value,
)

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
OPS = ("add", "replace", "remove")


@dataclass(frozen=True)
class Change:
    """One operation, looked up and validated. `value` is None for a removal.

    `seed` holds what a new element must bear to meet `where` (its `eq` terms), or None when
    `where` is not of that kind.
    """

    op: str
    target: Target
    where: Condition | None
    value: Any
    seed: dict[str, Any] | None = None


def read_patch(body: Any, resource_type: ResourceType, policy: Policy, notes: Notes) -> list[Change]:
    """The changes that a PATCH body asks for, in order.

    Raises `ScimError` invalidSyntax, invalidPath, invalidValue, noTarget, mutability or tooMany.
    """
    changes: list[Change] = []
    for operation in _read_operations(body, policy):
        parts = [operation] if operation.path else _split(operation)
        for part in parts:
            if operation.path is None and not policy.refuses_read_only and _is_read_only(part, resource_type):
                continue
            change = _look_up(part, resource_type, policy, notes)
            if change is not None:
                changes.append(change)
    return changes


def _read_operations(body: Any, policy: Policy) -> Iterator[Operation]:
    sent = _member(body, "operations") if isinstance(body, dict) else None
    if not isinstance(sent, list):
        raise errors.invalid_syntax('A PATCH body must be an object with a list "Operations" (RFC 7644 §3.5.2).')
    if len(sent) > policy.max_operations:
        raise errors.too_many(policy.max_operations, "operations")
    for number, item in enumerate(sent, 1):
        if not isinstance(item, dict):
            raise errors.invalid_syntax(f"Operation {number} is not an object.")
        op, path = _member(item, "op"), _member(item, "path")
        if not isinstance(op, str) or op.lower() not in OPS:
            raise errors.invalid_syntax(f'Operation {number} has no "op" of add, replace or remove.')
        if path is not None and not isinstance(path, str):
            raise errors.invalid_path(str(path), "a path must be text.")
        operation = Operation(op, parse_path(path) if path else None, _member(item, "value"))
        yield from _apply_habits(operation, policy)


def _member(item: dict[str, Any], name: str) -> Any:
    """A member of a message by name; names are compared without case (RFC 7643 §2.1)."""
    for key, value in item.items():
        if key.lower() == name:
            return value
    return None


def _apply_habits(operation: Operation, policy: Policy) -> list[Operation]:
    operations = [operation]
    for habit in policy.operation_habits:
        operations = [rewritten for known in operations for rewritten in habit(known)]
    for known in operations:
        if known.op not in OPS:
            raise errors.invalid_syntax(f'"op" is "{known.op}"; it must be add, replace or remove in lower case.')
    return operations


def _split(operation: Operation) -> Iterator[Operation]:
    """An operation without path becomes one per member of its value; each member's name is a path."""
    if operation.op == "remove":
        raise errors.no_target('A remove operation needs a "path": without one it names nothing to remove.')
    if not isinstance(operation.value, dict):
        raise errors.invalid_value('An operation without "path" needs a "value" that is an object of attributes.')
    for name, value in operation.value.items():
        yield Operation(operation.op, parse_path(name), value)


def _is_read_only(operation: Operation, resource_type: ResourceType) -> bool:
    """Whether an operation names what only the server sets, as Okta's rename repeats the `id`."""
    assert operation.path is not None
    attribute = resource_type.core.get(operation.path.attr.name.lower())
    return attribute is not None and not operation.path.attr.schema and attribute.mutability == "readOnly"


def _look_up(operation: Operation, resource_type: ResourceType, policy: Policy, notes: Notes) -> Change | None:
    """The change that one operation asks for; None when it asks for nothing that is known."""
    path, op = operation.path, operation.op
    assert path is not None
    try:
        target = find(policy.usual_path(path.attr), resource_type)
    except UnknownAttributeError as error:
        if policy.refuses_unknown:
            raise errors.invalid_path(str(path.attr), str(error)) from error
        leave_out(str(path.attr), policy, notes)
        return None
    if target.attribute is None:
        return _extension_change(op, target, operation.value, resource_type, policy, notes)
    if target.attribute.name == "schemas":
        return None  # derived from what the resource holds
    if "readOnly" in (target.attribute.mutability, target.leaf.mutability):
        raise errors.read_only(str(target))
    where, seed = _bind_where(path, target, policy)
    change = Change(op, target, where, None, seed)
    if op == "remove":
        return _refuse_unremovable(change)
    return _with_value(change, operation.value, policy, notes)


def _extension_change(
    op: str, target: Target, value: Any, resource_type: ResourceType, policy: Policy, notes: Notes
) -> Change:
    extension = resource_type.extensions_by_urn[target.schema.lower()]
    part = None if op == "remove" else validate_extension(value, extension, policy, notes)
    return Change(op, target, None, part)


def _bind_where(path: Path, target: Target, policy: Policy) -> tuple[Condition | None, dict[str, Any] | None]:
    if path.where is None:
        return None, None
    if not (target.attribute and target.attribute.is_complex and target.attribute.multi_valued):
        raise errors.invalid_path(str(path.attr), f'"{target}" has one value, so [ ] cannot choose among several.')
    where = bind_element(path.where, target, policy)
    return where, _seed(path.where, target, where)


def _seed(node: Node, target: Target, where: Condition) -> dict[str, Any] | None:
    """The sub-attributes that the `eq` terms of a filter fix, as sent; None when it says anything else."""
    terms = node.terms if isinstance(node, And) else (node,)
    bound = where.terms if isinstance(where, AllOf) else (where,)
    seed: dict[str, Any] = {}
    for term, condition in zip(terms, bound, strict=True):
        if not isinstance(term, Comparison) or not isinstance(condition, Compare) or term.op != "eq":
            return None
        leaf = condition.target.leaf
        seed[leaf.name] = condition.key if leaf.type == "boolean" else term.value
    return seed


def _refuse_unremovable(change: Change) -> Change:
    if change.target.sub is None and change.target.leaf.required:
        raise errors.ScimError(
            400, "mutability", f'"{change.target}" is required and cannot be removed; replace it instead.'
        )
    return change


def _with_value(change: Change, value: Any, policy: Policy, notes: Notes) -> Change:
    """The change with its value validated for where it goes; a cleared value makes it a removal."""
    target, attribute = change.target, change.target.attribute
    assert attribute is not None
    if target.sub is not None:
        kept = validate_value(target.sub, value, policy, notes)
    elif change.where is not None:
        kept = validate_element(attribute, _habitual(attribute, value, policy), policy, notes)
        if isinstance(kept, list):
            raise errors.invalid_value(f'"{target}[…]" takes one object.')
    else:
        kept = validate_value(attribute, value, policy, notes)
    adds_nothing = change.op == "add" and attribute.multi_valued and not (target.sub or change.where)
    if kept in UNASSIGNED and not adds_nothing:
        return _refuse_unremovable(replace(change, op="remove"))
    if attribute.returned == "never":
        return replace(change, op="add", value=None)  # password: checked, then dropped
    return replace(change, value=kept)


def _habitual(attribute: Attribute, value: Any, policy: Policy) -> Any:
    """One element of a multi-valued attribute after the value habits, which speak of whole values."""
    value = policy.usual_value(attribute, value)
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def apply_changes(
    resource: dict[str, Any], changes: Iterable[Change], resource_type: ResourceType, policy: Policy
) -> dict[str, Any]:
    """`resource` after the changes, in order (RFC 7644 §3.5.2); the argument is left as it was.

    Raises `ScimError` noTarget, invalidValue; all or nothing is the caller's to keep.
    """
    result = deepcopy(resource)
    result.pop("schemas", None)
    for change in changes:
        _apply(result, change, policy)
    return finish_resource(result, resource_type, policy)


def _apply(resource: dict[str, Any], change: Change, policy: Policy) -> None:
    target, attribute = change.target, change.target.attribute
    if attribute is None:
        _apply_extension(resource, change)
        return
    if attribute.returned == "never":
        return
    home = resource.setdefault(target.schema, {}) if target.schema else resource
    if change.where is not None:
        _apply_to_elements(home, change, policy)
    elif attribute.multi_valued:
        _apply_to_list(home, change)
    elif target.sub is not None:
        _apply_to_part(home, change)
    elif change.op == "remove":
        home.pop(attribute.name, None)
    elif attribute.is_complex:
        home[attribute.name] = home.get(attribute.name, {}) | change.value
    else:
        home[attribute.name] = change.value
    if target.schema and not home:
        del resource[target.schema]


def _apply_extension(resource: dict[str, Any], change: Change) -> None:
    """A whole extension: removed, or its attributes set beside those that it has."""
    if change.op == "remove" or (change.op == "replace" and not change.value):
        resource.pop(change.target.schema, None)
    elif change.value:
        resource[change.target.schema] = resource.get(change.target.schema, {}) | change.value


def _apply_to_part(home: dict[str, Any], change: Change) -> None:
    """One sub-attribute of a single complex value, such as name.givenName."""
    assert change.target.attribute is not None and change.target.sub is not None
    name = change.target.attribute.name
    part = home.get(name, {})
    if change.op == "remove":
        part.pop(change.target.sub.name, None)
    else:
        part[change.target.sub.name] = change.value
    if part:
        home[name] = part
    else:
        home.pop(name, None)


def _apply_to_list(home: dict[str, Any], change: Change) -> None:
    """A multi-valued attribute without filter: all its values, or one sub-attribute of each."""
    attribute, sub = change.target.attribute, change.target.sub
    assert attribute is not None
    held: list[Any] = home.get(attribute.name, [])
    if sub is not None:
        touched = held if held or change.op == "remove" else [{}]
        held = _set_in_each(touched, sub, change)
    elif change.op == "remove":
        held = []
    elif change.op == "replace":
        held = change.value
    else:
        held = _add_values(attribute, held, change.value or [])
    _store_list(home, attribute, held)


def _add_values(attribute: Attribute, held: list[Any], added: list[Any]) -> list[Any]:
    """The values with those added that are not there yet; a new primary demotes the old (§3.5.2.1)."""
    keys = [fold(attribute, element) for element in held]
    fresh = []
    for element in added:
        key = fold(attribute, element)
        if key not in keys:
            keys.append(key)
            fresh.append(element)
    if any(isinstance(element, dict) and element.get("primary") is True for element in fresh):
        _demote(held)
    return held + fresh


def _apply_to_elements(home: dict[str, Any], change: Change, policy: Policy) -> None:
    """`attribute[filter]` and `attribute[filter].sub`."""
    attribute, sub, where = change.target.attribute, change.target.sub, change.where
    assert attribute is not None and where is not None
    held: list[Any] = home.get(attribute.name, [])
    chosen = [element for element in held if matches_element(where, element)]
    if not chosen and change.op != "remove":
        if change.op == "replace" and not policy.creates_missing_elements:
            raise errors.no_target(f'"{attribute.name}" has no value that meets the filter of the path.')
        if change.seed is None:
            raise errors.no_target(
                f'"{attribute.name}" has no value that meets the filter of the path, and the filter does not say '
                "what a new one must be like."
            )
        chosen = [dict(change.seed)]
        held = [*held, *chosen]
    if sub is None and change.op == "remove":
        held = [element for element in held if not any(element is one for one in chosen)]
    else:
        for element in chosen:
            _change_element(element, sub, change, held)
    _store_list(home, attribute, held)


def _change_element(element: dict[str, Any], sub: Attribute | None, change: Change, held: list[Any]) -> None:
    becomes_primary = change.value is True if sub and sub.name == "primary" else False
    if sub is None:
        becomes_primary = change.value.get("primary") is True
    if becomes_primary:
        _demote(held)
    if sub is None:
        if change.op == "replace":
            element.clear()
            element.update(change.seed or {})
        element.update(change.value)
    elif change.op == "remove":
        element.pop(sub.name, None)
    else:
        element[sub.name] = change.value


def _set_in_each(held: list[Any], sub: Attribute, change: Change) -> list[Any]:
    for element in held:
        if change.op == "remove":
            element.pop(sub.name, None)
        else:
            element[sub.name] = change.value
    return held


def _demote(held: list[Any]) -> None:
    for element in held:
        if isinstance(element, dict) and element.get("primary") is True:
            element["primary"] = False


def _store_list(home: dict[str, Any], attribute: Attribute, held: list[Any]) -> None:
    kept = [element for element in held if not (attribute.is_complex and is_hollow(element))]
    if kept:
        home[attribute.name] = kept
    else:
        home.pop(attribute.name, None)


@dataclass
class MemberChange:
    """What a PATCH does to a relation, as sets of ids: first `reset` (all others leave), then remove, then add.

    `where` is a condition on the member rows for a removal that names no ids.
    """

    reset: bool = False
    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    where: Condition | None = None


def member_changes(changes: Iterable[Change]) -> list[MemberChange]:
    """Changes of `members`, in order, as few sets as keep their effect."""
    result: list[MemberChange] = []
    added: dict[str, None] = {}
    removed: dict[str, None] = {}
    reset = False
    for change in changes:
        ids = _ids_named(change)
        if ids is None and change.where is not None:
            if reset or added or removed:
                result.append(MemberChange(reset, list(added), list(removed)))
                added, removed, reset = {}, {}, False
            result.append(MemberChange(where=change.where))
            continue
        if ids is None or change.op == "replace":
            added, removed, reset = {}, {}, True
        gain, loss = (added, removed) if change.op != "remove" else (removed, added)
        for member_id in ids or ():
            gain[member_id] = None
            loss.pop(member_id, None)
    if reset or added or removed:
        result.append(MemberChange(reset, list(added), list(removed)))
    return result


def _ids_named(change: Change) -> list[str] | None:
    """The member ids that a change names; None: all, or those that `where` chooses."""
    if change.op == "remove":
        return None if change.where is None else _ids_of_filter(change.where)
    if change.where is not None or change.target.sub is not None:
        raise errors.invalid_path(
            "members", "members are added as a list and removed; a member has no parts to change."
        )
    return [element["value"] for element in change.value if element.get("value")]


def _ids_of_filter(where: Condition) -> list[str] | None:
    """The ids of `value eq "a" or value eq "b"`; None when the filter asks anything else."""
    terms = where.terms if isinstance(where, AnyOf) else (where,)
    ids = []
    for term in terms:
        if not (isinstance(term, Compare) and term.op == "eq" and term.target.leaf.name == "value"):
            return None
        ids.append(term.key)
    return ids
