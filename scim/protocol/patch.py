"""PATCH (RFC 7644 §3.5.2), read: a request body becomes a list of changes, which `scim.protocol.changes` applies.

An operation passes six steps. The first five do not need the resource, so a request that is
refused there has touched nothing.

    1. read        op, path and value of each operation            _read_operation, filters.parse_path
    2. habits      a client's own form becomes that of the RFC     _usual_path, _habitual_operations
    3. take apart  an operation on a whole becomes one for each    _Reader
                   part that it names; the others stay
    4. bind        the path becomes an attribute of the schema,    _Reader._find, _bind_where
                   its filter a condition
    5. validate    the value must fit the attribute, and the       _change, _with_value
                   attribute may be written
    6. apply       the resource changes, all or nothing            changes.apply_changes

An example, as Entra ID sends it:

    sent           {"op": "Replace", "value": {"active": "False", "name.familyName": "Doe"}}
    2. habits      replace, without path, {"active": "False", "name.familyName": "Doe"}
    3. take apart  replace active "False"  ·  replace name.familyName "Doe"
    4. bind        active is a boolean  ·  familyName is a sub-attribute of name
    5. validate    Change(replace, active, False)  ·  Change(replace, name.familyName, "Doe")
    6. apply       {"active": false, "name": {"givenName": "Jane", "familyName": "Doe"}}

What each operation does to each target (null, [] and, from Entra, "" as the value of add or replace clear it):

    target                          add                    replace                remove
    no path                         each member on its     as add                 400 noTarget
                                    own, as a path
    urn:…:enterprise:2.0:User       each attribute on      as add                 the extension is cleared
                                    its own
    displayName                     is set                 is set                 is cleared
    name                            each part on its own   as add                 is cleared
    manager (a reference)           is set as a whole      is set as a whole      is cleared
    manager.$ref                    is set, and the id     as add                 is cleared
                                    in it as manager.value
    name.givenName                  is set                 is set                 is cleared
    emails                          values that are not    all values are         all values are
                                    there yet are added    replaced               removed
    emails.type                     is set in each value   as add                 is cleared in each value
    emails[type eq "work"]          parts are merged into  the chosen values are  the chosen values are
                                    the chosen values      replaced               removed
    emails[type eq "work"].value    is set in the chosen   as add                 is cleared in the chosen
                                    values                                        values
    … when no value is chosen       one is made from the   400 noTarget, or made  nothing
                                    filter's eq terms      where the policy
                                                           overlooks that

A user whose `active` is cleared keeps it (`validation.keep_defaults`), and no type and value is there twice afterwards
(`validation.without_repetition`).

What may be written, by the attribute's mutability:

    mutability            POST         PUT                          PATCH
    readWrite             is stored    is stored; unsent: cleared   is changed
    readOnly              is ignored   is ignored                   400 mutability; ignored inside a value
                                                                    where the policy overlooks that
    immutable             is stored    may be set once, stays when  may be set once;
                                       unsent; else 400 mutability  else 400 mutability
    writeOnly (password)  is checked and never stored
    required              400 without  400 without                  400 mutability for a removal
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.budget import Budget
from scim.protocol.changes import Change, apply_changes
from scim.protocol.conditions import READ_FROM_TEXT, AllOf, Compare, Condition, bind_element
from scim.protocol.errors import ScimError
from scim.protocol.filters import FILTER_AFTER_SUB, And, Comparison, Node, Path, count_terms, parse_path
from scim.protocol.paths import AttrPath, UnknownAttributeError, find
from scim.protocol.policy import Fault, Operation, Policy
from scim.protocol.validation import (
    UNASSIGNED,
    Notes,
    leave_out,
    validate_attributes,
    validate_resource,
    validate_single,
    validate_value,
)

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
OPS = ("add", "replace", "remove")


def read_patch(
    body: Any, resource_type: ResourceType, policy: Policy, notes: Notes, budget: Budget | None = None
) -> list[Change]:
    """Steps 1 to 5: the changes that a PATCH body asks for, in order.

    `budget` is that of the whole request, which may be a bulk request with other operations. Raises `ScimError`
    invalidSyntax, invalidPath, invalidValue, noTarget, mutability or tooMany.
    """
    changes: list[Change] = []
    terms, noted = 0, notes.count
    reader = _Reader(resource_type, policy, notes, budget or Budget())
    for operation, target in _parts_of_body(body, reader):
        if operation.path and operation.path.where and target.attribute and not target.attribute.holds_references:
            terms += count_terms(operation.path.where)
            if terms > policy.max_operations:
                raise errors.too_many(policy.max_operations, "comparisons in paths")
        change = _change(operation, target, policy, notes)
        if change is not None:
            changes.append(change)
    if not changes and notes.count > noted:
        notes.understood_nothing = True
    return changes


def read_resource(body: Any, resource_type: ResourceType, policy: Policy, notes: Notes) -> dict[str, Any]:
    """A POST or PUT body as the resource to store. Raises `ScimError` as `validate_resource` does.

    A member of the body whose name is a path (`urn:…:User:department`, `name.givenName`, and by a habit `department`)
    is set as a PATCH without path sets it, if the policy overlooks that.
    """
    paths = {}
    if isinstance(body, dict):
        paths = {name: body[name] for name in body if _is_path(name, resource_type, policy)}
    if not paths:
        return validate_resource(body, resource_type, policy, notes)
    named = {name: value for name, value in body.items() if name not in paths}
    resource = validate_attributes(named, resource_type, policy, notes)
    parts = _Reader(resource_type, policy, notes, Budget()).parts(Operation("add", None, paths))
    changes = (_change(operation, target, policy, notes) for operation, target in parts)
    return apply_changes(resource, filter(None, changes), resource_type, policy)


def _is_path(name: str, resource_type: ResourceType, policy: Policy) -> bool:
    """Whether the name of a member of a body is a path to a known attribute, and not the name of one."""
    lower = name.lower()
    if lower in resource_type.core or lower in resource_type.extensions_by_urn:
        return False
    if lower == resource_type.schema.id.lower():
        return Fault.SCHEMA_IN_NAME in policy.overlooks
    try:
        path = parse_path(name).attr
    except ScimError:
        return False
    try:
        usual = policy.usual_path(path, resource_type)
    except ScimError:
        return True  # a habit that the strict policy refuses, with the habit's name
    try:
        find(usual, resource_type)
    except UnknownAttributeError:
        return usual != path
    return True


Part = tuple[Operation, Target]


def _parts_of_body(body: Any, reader: "_Reader") -> Iterator[Part]:
    policy = reader.policy
    sent = _member(body, "operations") if isinstance(body, dict) else None
    if not isinstance(sent, list):
        raise errors.invalid_syntax('A PATCH body must be an object with a list "Operations" (RFC 7644 §3.5.2).')
    if len(sent) > policy.max_operations:
        raise errors.too_many(policy.max_operations, "operations")
    policy.check_schemas(body, PATCH_SCHEMA)
    if not sent:
        policy.overlook(Fault.NO_OPERATIONS, partial(errors.invalid_syntax, '"Operations" holds no operation.'))
    for number, item in enumerate(sent, 1):
        if not isinstance(item, dict):
            raise errors.invalid_syntax(f"Operation {number} is not an object.")
        for name in item.keys() - _MEMBERS:
            if name.lower() not in _MEMBERS:
                reason = f'Operation {number} has "{name[:200]}", which is neither op, path nor value.'
                policy.overlook(Fault.EXTRA_MEMBER, partial(errors.invalid_syntax, reason))
        for operation in _habitual_operations(_read_operation(item, number), reader.resource_type, policy):
            reader.count()
            yield from reader.parts(operation)


_ABSENT = object()
_MEMBERS = frozenset({"op", "path", "value"})


def _read_operation(item: dict[str, Any], number: int) -> Operation:
    op, path, value = _member(item, "op"), _member(item, "path"), _member(item, "value", _ABSENT)
    if not isinstance(op, str) or op.lower() not in OPS:
        raise errors.invalid_syntax(f'Operation {number} has no "op" of add, replace or remove.')
    if path is not None and not isinstance(path, str):
        raise errors.invalid_path(str(path), "a path must be text.")
    if value is _ABSENT:
        if op.lower() != "remove":
            raise errors.invalid_syntax(f'Operation {number} ({op}) has no "value"; null is the value that clears.')
        value = None
    return Operation(op, parse_path(path) if path else None, value)


def _member(item: dict[str, Any], name: str, default: Any = None) -> Any:
    """A member of a message by its name, without regard to case (RFC 7643 §2.1)."""
    for key, value in item.items():
        if key.lower() == name:
            return value
    return default


def _habitual_operations(operation: Operation, resource_type: ResourceType, policy: Policy) -> list[Operation]:
    if operation.path:  # first, so that the habits of operations find the attribute
        operation = replace(operation, path=_usual_path(operation.path, resource_type, policy))
    operations = [operation]
    for habit in policy.operation_habits:
        operations = [rewritten for known in operations for rewritten in habit(known, resource_type)]
    for known in operations:
        if known.op not in OPS:
            raise errors.invalid_syntax(f'"op" is "{known.op}"; it must be add, replace or remove in lower case.')
    return operations


def _usual_path(path: Path, resource_type: ResourceType, policy: Policy) -> Path:
    """A path in the form of the RFC. Raises `ScimError` invalidPath.

    A path that a habit has rewritten names a schema that is known here. An attribute that this schema does not have
    is then a mistake, not an attribute of a schema that this server does not have.
    """
    usual = policy.usual_path(path.attr, resource_type)
    if path.where is not None and "." in usual.sub:
        raise errors.invalid_path(str(path.attr).rstrip("."), FILTER_AFTER_SUB)
    if usual == path.attr:
        return path
    try:
        find(usual, resource_type)
    except UnknownAttributeError as error:
        raise errors.invalid_path(str(path.attr).rstrip("."), str(error)) from error
    return replace(path, attr=usual)


@dataclass
class _Reader:
    """Takes operations apart until each is about one attribute or sub-attribute.

    An operation without path, on an extension or on a single complex value changes the parts that it names
    and leaves the others (RFC 7644 §3.5.2.1, §3.5.2.3), so it becomes one operation for each part.
    """

    resource_type: ResourceType
    policy: Policy
    notes: Notes
    budget: Budget
    names: int = 0

    def count(self) -> None:
        """Count an operation, or a name in its value: known or not, somebody has to look for it (V65)."""
        self.names += 1
        if self.names > self.policy.max_operations:
            raise errors.too_many(self.policy.max_operations, "attributes in operations")
        self.budget.spend_part()

    def parts(self, operation: Operation, *, is_inner: bool = False) -> Iterator[Part]:
        """The parts of an operation. `is_inner`: it came from a value, where Okta repeats the read-only `id`."""
        if operation.path is None:
            yield from self._members(operation)
            return
        if str(operation.path.attr).lower() == self.resource_type.schema.id.lower():
            yield from self._members(Operation(operation.op, None, operation.value))
            return
        target = self._find(operation.path)
        if target is None or (is_inner and self._may_ignore(target)):
            return
        attribute, value = target.attribute, operation.value
        is_whole = attribute is None or (target.sub is None and _has_independent_parts(attribute, operation.path))
        if is_whole and attribute is not None:
            value = self.policy.usual_value(attribute, value)
        if operation.op != "remove" and is_whole and isinstance(value, dict):
            for name, part in value.items():
                self.count()
                if attribute is None and name.lower() == "schemas":
                    continue  # derived, wherever it is repeated
                path = AttrPath(attribute.name, name, target.schema) if attribute else AttrPath(name, "", target.schema)
                yield from self.parts(Operation(operation.op, Path(path), part), is_inner=True)
        else:
            yield operation, target

    def _members(self, operation: Operation) -> Iterator[Part]:
        """The parts of an operation without path: the name of each member is a path, or the URN of the core schema."""
        if operation.op == "remove":
            raise errors.no_target('A remove operation needs a "path": without one it names nothing to remove.')
        if not isinstance(operation.value, dict):
            raise errors.invalid_value('An operation without "path" needs a "value" that is an object of attributes.')
        for name, value in operation.value.items():
            self.count()
            if name.lower() == self.resource_type.schema.id.lower() and isinstance(value, dict):
                yield from self._members(Operation(operation.op, None, value))
                continue
            try:
                path = parse_path(name)
            except ScimError:
                leave_out(name, self.policy, self.notes)
                continue
            self._overlook_form(name, path)
            path = _usual_path(path, self.resource_type, self.policy)
            yield from self.parts(Operation(operation.op, path, value), is_inner=True)

    def _overlook_form(self, name: str, path: Path) -> None:
        """Members of a value have the names of attributes or extensions, not paths (RFC 7644 §3.5.2.1)."""
        if path == Path(AttrPath(name)) or name.lower() in self.resource_type.extensions_by_urn:
            return
        fault = Fault.SCHEMA_IN_NAME if path.attr.schema else Fault.DOTTED_NAME
        self.policy.overlook(
            fault if path.where is None else Fault.FILTER_IN_NAME,
            lambda: errors.invalid_value(f'"{name[:200]}" is a path, not the name of an attribute: send it as "path".'),
        )

    def _find(self, path: Path) -> Target | None:
        try:
            return find(path.attr, self.resource_type)
        except UnknownAttributeError as error:
            self.policy.overlook(Fault.UNKNOWN_ATTRIBUTE, partial(_unknown, path, error))
            leave_out(str(path.attr), self.policy, self.notes)
            return None

    def _may_ignore(self, target: Target) -> bool:
        if target.attribute is None or not _is_read_only(target):
            return False
        self.policy.overlook(Fault.READ_ONLY_REPEATED, lambda: errors.read_only(str(target)))
        return True


def _unknown(path: Path, error: UnknownAttributeError) -> ScimError:
    return errors.invalid_path(str(path.attr), str(error))


def _has_independent_parts(attribute: Attribute, path: Path) -> bool:
    """Whether a single value may be changed part by part. The value and $ref of a reference belong together."""
    is_single = attribute.is_complex and not attribute.multi_valued and path.where is None
    return is_single and not any(sub.names_resource for sub in attribute.sub_attributes)


def _is_read_only(target: Target) -> bool:
    assert target.attribute is not None
    return "readOnly" in (target.attribute.mutability, target.leaf.mutability)


def _change(operation: Operation, target: Target, policy: Policy, notes: Notes) -> Change | None:
    """The change for one part; None when it changes nothing."""
    try:
        return _bound(operation, target, policy, notes)
    except ScimError as error:  # it may name a sub-attribute, or a value alone
        error.attribute = target.attribute.name if target.attribute else ""
        raise


def _bound(operation: Operation, target: Target, policy: Policy, notes: Notes) -> Change | None:
    assert operation.path is not None
    if target.attribute is None:
        return _extension_change(operation, target)
    if target.attribute.name == "schemas":
        return None  # derived from what the resource holds
    if _is_read_only(target):
        raise errors.read_only(str(target))
    where, seed = _bind_where(operation, target, policy)
    change = Change(operation.op, target, where, None, seed)
    if operation.op == "remove":
        return _refuse_unremovable(change)
    return _with_value(change, operation.value, policy, notes)


def _extension_change(operation: Operation, target: Target) -> Change:
    """The removal of a whole extension. Other operations on it were taken apart before."""
    if operation.op != "remove" and operation.value is not None:
        raise errors.invalid_value(f'"{target.schema}" must hold an object with the attributes of the extension.')
    return Change("remove", target, None, None)


def _bind_where(operation: Operation, target: Target, policy: Policy) -> tuple[Condition | None, dict[str, Any] | None]:
    path = operation.path
    if path is None or path.where is None:
        return None, None
    if not (target.attribute and target.attribute.multi_valued):
        raise errors.invalid_path(str(path.attr), f'"{target}" has one value, so [ ] cannot choose among several.')
    where = bind_element(path.where, target, policy)
    if target.attribute.is_complex:
        return where, _seed(path.where, target, where)
    if operation.op == "add":
        raise errors.invalid_path(str(path.attr), f'values of "{target}" have no parts to add to: add them whole.')
    return where, None


def _seed(node: Node, target: Target, where: Condition) -> dict[str, Any] | None:
    """The sub-attributes that the `eq` terms of a filter fix, as sent; None when it has other terms."""
    terms = node.terms if isinstance(node, And) else (node,)
    bound = where.terms if isinstance(where, AllOf) else (where,)
    seed: dict[str, Any] = {}
    for term, condition in zip(terms, bound, strict=True):
        if not isinstance(term, Comparison) or not isinstance(condition, Compare) or term.op != "eq":
            return None
        leaf = condition.target.leaf
        if condition.key != leaf.assumed:  # a value without it has it
            seed[leaf.name] = condition.key if leaf.type in READ_FROM_TEXT else term.value
    return seed


def _refuse_unremovable(change: Change) -> Change:
    if change.target.sub is None and change.target.leaf.required:
        raise errors.required_removed(str(change.target))
    return change


def _with_value(change: Change, value: Any, policy: Policy, notes: Notes) -> Change | None:
    """The change with its value validated for the target. A value that clears makes it a removal."""
    target, attribute = change.target, change.target.attribute
    assert attribute is not None
    if attribute.holds_references and value == "":
        raise errors.invalid_value(f'"{attribute.name}" cannot be empty text: send [] or null to remove all.')
    if target.sub is not None:
        kept = validate_value(target.sub, value, policy, notes)
    else:
        value = value if change.where is not None else policy.usual_value(attribute, value)
        if _names_nothing(attribute, value) and not attribute.holds_references:
            for name in _unknown_parts(attribute, value):
                leave_out(f"{attribute.name}.{name}", policy, notes)
            return None
        validate = validate_value if change.where is None else _validate_chosen
        kept = validate(attribute, value, policy, notes)
    is_list = attribute.multi_valued and target.sub is None
    adds_nothing = change.op == "add" and is_list and (change.where is None or kept == {})
    if kept in UNASSIGNED and not adds_nothing:
        return _refuse_unremovable(replace(change, op="remove"))
    if attribute.returned == "never":
        return None  # password: checked, then dropped
    return replace(change, value=kept)


def _validate_chosen(attribute: Attribute, value: Any, policy: Policy, notes: Notes) -> Any:
    """Validate the value of `attribute[filter]`, one element. Habits are about whole values, so it becomes a list."""
    elements = policy.usual_value(attribute, value if isinstance(value, list) or value in (None, "") else [value])
    if elements is None:
        return None
    if len(elements) != 1:
        raise errors.invalid_value(f'"{attribute.name}[…]" takes one value.')
    (element,) = elements if attribute.is_complex else (policy.usual_value(attribute.single, one) for one in elements)
    return None if element is None else validate_single(attribute, element, policy, notes)


def _unknown_parts(attribute: Attribute, value: Any) -> list[str]:
    elements = value if isinstance(value, list) else [value]
    return [name for element in elements for name in element if name.lower() not in attribute.subs]


def _names_nothing(attribute: Attribute, value: Any) -> bool:
    """Whether no part of a complex value is known, so that it neither sets nor clears anything."""
    elements = value if isinstance(value, list) else [value]
    if not attribute.is_complex or not elements or not all(isinstance(element, dict) for element in elements):
        return False
    writable = {name for name, sub in attribute.subs.items() if sub.mutability != "readOnly"}
    return not any(name.lower() in writable for element in elements for name in element)
