"""Validates resources against their schema (RFC 7643 §2): names, types, mutability, required attributes.

Names become canonical, values stay as sent. Unassigned values (null, [], {}) are left out (§2.5), and so are
read-only and write-only ones: `password` is checked and dropped here, so that nothing later can store it.
"""

import base64
import binascii
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Schema
from scim.protocol.conditions import fold, is_storable
from scim.protocol.errors import ScimError
from scim.protocol.policy import Fault, Policy
from scim.protocol.values import comparison_key, copied, parse_date_time

UNASSIGNED: tuple[Any, ...] = (None, [], {})
MAX_NOTES = 50


@dataclass
class Notes:
    """What the provisioning log shows of a request besides its body.

    ignored: names of what was sent and left out: attributes of no schema, members that do not exist. The list ends at
        `MAX_NOTES`; `count` is how many there were.
    understood_nothing: the request holds a PATCH of which every operation was left out. It is answered like one that
        changes nothing, so the log marks it.
    was_active: whether the user was active before the request; None if the request did not get as far as the user.
    moves_members: whether members were added to a group or removed from it.
    """

    ignored: list[str] = field(default_factory=list)
    count: int = 0
    understood_nothing: bool = False
    was_active: bool | None = None
    moves_members: bool = False

    def add(self, what: str) -> None:
        self.count += 1
        if len(self.ignored) < MAX_NOTES:
            self.ignored.append(what)


def validate_resource(body: Any, resource_type: ResourceType, policy: Policy, notes: Notes) -> dict[str, Any]:
    """A POST or PUT body as the resource to store: canonical names, `schemas` derived, no id, no meta.

    Raises `ScimError` invalidSyntax, invalidValue naming the attribute.
    """
    return finish_resource(validate_attributes(body, resource_type, policy, notes), resource_type, policy)


def validate_attributes(body: Any, resource_type: ResourceType, policy: Policy, notes: Notes) -> dict[str, Any]:
    """The same, one attribute after the other. `finish_resource` checks the whole."""
    if not isinstance(body, dict):
        raise errors.invalid_syntax(f"The body must be a JSON object holding a {resource_type.name}.")
    extensions = resource_type.extensions_by_urn
    used = [extensions[name.lower()].id for name, value in body.items() if value and name.lower() in extensions]
    policy.check_schemas(body, resource_type.schema.id, *used, allowed=extensions)
    resource: dict[str, Any] = {}
    for name, value in body.items():
        extension = resource_type.extensions_by_urn.get(name.lower())
        if extension is not None:
            part = validate_extension(value, extension, policy, notes)
            if part:
                resource[extension.id] = part
            continue
        attribute = resource_type.core.get(name.lower())
        if attribute is None:
            if value is not None:
                leave_out(name, policy, notes)
        elif attribute.mutability != "readOnly" and attribute.name != "schemas":
            kept = _validate(attribute, value, policy, notes)
            if kept not in UNASSIGNED and attribute.returned != "never":
                resource[attribute.name] = kept
    return resource


def validate_extension(value: Any, extension: Schema, policy: Policy, notes: Notes) -> dict[str, Any]:
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise errors.invalid_value(f'"{extension.id}" must hold an object with the attributes of the extension.')
    part = {}
    for name, sent in value.items():
        attribute = extension.by_name.get(name.lower())
        if name.lower() == "schemas":
            continue  # derived, wherever it is repeated
        if attribute is None:
            leave_out(f"{extension.id}:{name}", policy, notes)
        elif attribute.mutability != "readOnly":
            kept = _validate(attribute, sent, policy, notes)
            if kept not in UNASSIGNED:
                part[attribute.name] = kept
    return part


def _validate(attribute: Attribute, value: Any, policy: Policy, notes: Notes) -> Any:
    try:
        return validate_value(attribute, value, policy, notes)
    except ScimError as error:  # it may name a sub-attribute
        error.attribute = attribute.name
        raise


def finish_resource(resource: dict[str, Any], resource_type: ResourceType, policy: Policy) -> dict[str, Any]:
    """Check the resource as a whole: required attributes, lengths of keys, each value once. Derive `schemas`."""
    used = [extension for extension in resource_type.extensions if extension.id in resource]
    _check_required(resource_type.schema, resource)
    for extension in used:
        _check_required(extension, resource[extension.id])
    for name in ("userName", "displayName", "externalId"):
        if name in resource:
            _check_key(resource_type.core[name.lower()], resource[name], policy)
    for home, known in ((resource, resource_type.core), *((resource[one.id], one.by_name) for one in used)):
        for name, value in home.items():
            attribute = known.get(name.lower())  # None: a newer version of the schema stored it
            if isinstance(value, list) and not (attribute and attribute.holds_references):
                if len(value) > policy.max_values:
                    raise errors.too_many(policy.max_values, f"values of {name}")
                _keep_one_primary(value)
                if attribute and len(value) > 1:
                    home[name] = without_repetition(attribute, value)
    return {"schemas": [resource_type.schema.id, *(extension.id for extension in used)]} | resource


def _check_required(schema: Schema, home: Mapping[str, Any]) -> None:
    """Refuse a resource without a required attribute. Those of an extension count only with the extension."""
    for attribute in schema.demanding:
        value = home.get(attribute.name)
        if value is None:
            if attribute.required:
                raise errors.required_attribute(attribute.name)
            continue
        for element in value if attribute.multi_valued else [value]:
            for name in attribute.required_subs:
                if element.get(name) is None:
                    raise errors.required_attribute(f"{attribute.name}.{name}")


# What this server decides where a request does not: the value of a new resource. RFC 7643 §4.1.1 leaves the meaning of
# `active` to the server, and a resource without it would be neither enabled nor disabled.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"User": {"active": True}}


def keep_defaults(
    before: Mapping[str, Any] | None, after: dict[str, Any], resource_type: ResourceType
) -> dict[str, Any]:
    """The resource with every attribute that has a default of this server (`DEFAULTS`).

    A new resource (`before` is None) gets the default. An existing one keeps the value that it has, however a request
    clears or omits it: nobody is enabled by silence.
    """
    defaults = DEFAULTS.get(resource_type.name, {})
    missing = {name: default for name, default in defaults.items() if after.get(name) is None}
    if before is not None:
        missing = {name: before[name] for name in missing if before.get(name) is not None}
    return {**after, **missing} if missing else after


def check_lengths(before: Mapping[str, Any], after: Mapping[str, Any], policy: Policy) -> None:
    """Refuse a name or externalId with too many characters, also with those that its comparison key leaves out.

    A value that is stored already is kept, so that a user with a longer one from before can still be changed.
    """
    for name in ("userName", "displayName", "externalId"):
        value = after.get(name)
        if isinstance(value, str) and len(value) > policy.max_name_length and value != before.get(name):
            raise errors.invalid_value(
                f'"{name}" is longer than {policy.max_name_length:,} characters, with those that cannot be seen.',
                attribute=name,
            )


def keep_immutable(before: Mapping[str, Any], after: dict[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """The resource of a PUT, with the immutable values that the body does not mention.

    Raises `ScimError` mutability for one that it changes (RFC 7644 §3.5.1).
    """
    kept = [(target, target.held_by(before)) for target in resource_type.immutable_targets]
    unsaid = [(target, held) for target, held in kept if held is not None and target.held_by(after) is None]
    if unsaid:
        after = copied(after)
    for extension in resource_type.extensions:
        # An extension that stays for the sake of an immutable value keeps its required attributes too.
        if extension.id not in after and any(target.schema == extension.id for target, _ in unsaid):
            required = {one.name: before[extension.id].get(one.name) for one in extension.attributes if one.required}
            after[extension.id] = {name: value for name, value in required.items() if value is not None}
    for target, held in unsaid:
        assert target.attribute is not None
        home = after.setdefault(target.schema, {}) if target.schema else after
        if target.sub:
            home.setdefault(target.attribute.name, {})[target.sub.name] = held
        else:
            home[target.attribute.name] = held
        if target.schema and target.schema not in after["schemas"]:
            after["schemas"].append(target.schema)
    check_immutable(before, after, resource_type)
    return after


def check_immutable(before: Mapping[str, Any], after: Mapping[str, Any], resource_type: ResourceType) -> None:
    """Raise `ScimError` mutability when an immutable value was changed or removed (RFC 7643 §2.2)."""
    for target in resource_type.immutable_targets:
        held, now = target.held_by(before), target.held_by(after)
        if held is not None and held != now and _as_compared(target.leaf, held) != _as_compared(target.leaf, now):
            raise errors.immutable(str(target))


def _as_compared(attribute: Attribute, value: Any) -> Any:
    """The value for comparison: without case where it does not count, and without the order of several values."""
    folded = fold(attribute, value)
    return sorted(json.dumps(element, sort_keys=True) for element in folded) if isinstance(folded, list) else folded


def _check_key(attribute: Attribute, value: str, policy: Policy) -> None:
    """Refuse a key that does not fit into an index, and a required value without visible characters."""
    key = value if attribute.case_exact else comparison_key(value)
    if attribute.required and not key:
        raise errors.invalid_value(f'"{attribute.name}" holds no visible character.', attribute=attribute.name)
    if len(key.encode()) > policy.max_key_bytes:
        sentence = f'"{attribute.name}" is longer than {policy.max_key_bytes:,} bytes.'
        raise errors.invalid_value(sentence, attribute=attribute.name)


def _keep_one_primary(elements: list[Any]) -> None:
    """Keep `primary` for at most one value (RFC 7643 §2.4), the last one that has it."""
    primary = [element for element in elements if isinstance(element, dict) and element.get("primary") is True]
    for element in primary[:-1]:
        element["primary"] = False


def without_repetition(attribute: Attribute, elements: Iterable[Any], found: dict[Any, Any] | None = None) -> list[Any]:
    """Values of which no two are the same (RFC 7643 §2.4): each in the place of the first of its kind.

    Two values are the same with the same comparison keys of `type` and `value`; without a `value`, such as an address,
    when all their parts but `primary` are the same. They become one, which is primary if one of them is. Of a part
    that both have, the later one counts. `found` holds values that came before, by what makes them the same; it gets
    these too, so that values that are added one by one are not compared with all the others each time.
    """
    found = {} if found is None else found
    for element in elements:
        key = _identity(attribute, element)
        if key not in found:
            found[key] = element
        elif attribute.is_complex:
            _merge(attribute, found[key], element)
    return list(found.values())


def _identity(attribute: Attribute, element: Any) -> Any:
    folded = fold(attribute, element)
    if not attribute.is_complex:
        return folded
    parts = {name.lower(): part for name, part in folded.items()}
    if "value" in parts:
        return parts.get("type"), parts["value"]
    return frozenset(part for part in parts.items() if part[0] != "primary")


def _merge(attribute: Attribute, kept: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add the parts of another value. One that differs in case alone stays: a value sent again changes nothing."""
    folded = fold(attribute, kept)
    for name, part in other.items():
        if fold(attribute.subs[name.lower()], part) != folded.get(name) and not (
            name.lower() == "primary" and kept.get(name) is True
        ):
            kept[name] = part


def leave_out(name: str, policy: Policy, notes: Notes) -> None:
    """Note an attribute that no schema has, if the policy overlooks that."""
    policy.overlook(Fault.UNKNOWN_ATTRIBUTE, partial(errors.unknown_attribute, name))
    notes.add(name[:200])


def validate_value(attribute: Attribute, value: Any, policy: Policy, notes: Notes) -> Any:
    """Validate the value of an attribute, a list for a multi-valued one. None, [] and {} are unassigned."""
    value = policy.usual_value(attribute, value)
    if value is None:
        return None
    if not attribute.multi_valued:
        return validate_single(attribute, value, policy, notes)
    if not isinstance(value, list):
        raise errors.invalid_value(f'"{attribute.name}" has several values: send a list.')
    if len(value) > policy.max_values and not attribute.holds_references:
        raise errors.too_many(policy.max_values, f"values of {attribute.name}")
    kept = (validate_element(attribute, element, policy, notes) for element in value)
    return [element for element in kept if element not in UNASSIGNED]


def validate_element(attribute: Attribute, element: Any, policy: Policy, notes: Notes) -> Any:
    """Validate one value of a multi-valued attribute; {} when it has nothing but `type` or `primary`."""
    if not attribute.is_complex:
        element = policy.usual_value(attribute.single, element)
    if element is None:
        return None
    kept = validate_single(attribute, element, policy, notes)
    if attribute.holds_references and not kept.get("value"):
        raise errors.invalid_value(
            f'Each of "{attribute.name}" needs a "value" with the id that this server gave the resource.'
        )
    if attribute.holds_references and kept == element:
        return element  # a group may have 300,000 members: no second copy of each
    return {} if attribute.is_complex and is_hollow(attribute, kept) else kept


_LABELS = frozenset({"type", "primary"})


def is_hollow(attribute: Attribute, element: Mapping[str, Any]) -> bool:
    """Whether a value has nothing but `type` or `primary`, although its attribute has other parts."""
    return not element or (element.keys() <= _LABELS and not attribute.subs.keys() <= _LABELS)


def validate_single(attribute: Attribute, value: Any, policy: Policy, notes: Notes) -> Any:
    if attribute.is_complex:
        return _validate_complex(attribute, value, policy, notes)
    check = _CHECKS.get(attribute.type, _check_string)
    problem = check(value)
    if problem:
        raise errors.invalid_value(f'"{attribute.name}" {problem}.')
    if isinstance(value, str):
        if len(value) > policy.max_string_length:
            raise errors.invalid_value(f'"{attribute.name}" is longer than {policy.max_string_length:,} characters.')
        if not is_storable(value):
            raise errors.invalid_value(
                f'"{attribute.name}" holds a character that cannot be stored (NUL or half a pair).'
            )
    return value


def _validate_complex(attribute: Attribute, value: Any, policy: Policy, notes: Notes) -> dict[str, Any]:
    if not isinstance(value, dict):
        names = ", ".join(sub.name for sub in attribute.sub_attributes)
        raise errors.invalid_value(f'"{attribute.name}" must be an object with {names}.')
    kept = {}
    for name, sent in value.items():
        sub = attribute.subs.get(name.lower())
        if sub is None:
            if sent is not None:
                leave_out(f"{attribute.name}.{name}", policy, notes)
        elif sub.mutability != "readOnly":
            part = validate_value(sub, sent, policy, notes)
            if part not in UNASSIGNED:
                kept[sub.name] = part
    if "$ref" in kept and "value" not in kept:
        take_id_of_address(attribute, kept)
    return kept


def take_id_of_address(attribute: Attribute, element: dict[str, Any]) -> None:
    """Set the id of a reference that was sent as an address alone: it is the last part of the address."""
    if "value" in attribute.subs and attribute.subs["value"].names_resource:
        element["value"] = element["$ref"].rstrip("/").rpartition("/")[2]


def _check_string(value: Any) -> str:
    return "" if isinstance(value, str) else "must be text in double quotes"


def _check_boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


# The numbers that every JSON parser of this server reads as such.
_INTEGERS = range(-(2**63), 2**64)
_LARGEST = sys.float_info.max


def _check_integer(value: Any) -> str:
    is_integer = isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS
    return "" if is_integer else "must be a whole number of at most 64 bits"


def _check_decimal(value: Any) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
    return "" if is_number else "must be a number"


def _check_date_time(value: Any) -> str:
    is_instant = isinstance(value, str) and parse_date_time(value) is not None
    return "" if is_instant else 'must be a date and time such as "2026-11-23T09:00:00Z"'


def _check_binary(value: Any) -> str:
    try:
        base64.b64decode("".join(value.split()), validate=True)  # line breaks, as in PEM, are allowed
    except (binascii.Error, AttributeError, ValueError):
        return "must be base64"
    return ""


_CHECKS = {
    "string": _check_string,
    "reference": _check_string,
    "boolean": _check_boolean,
    "integer": _check_integer,
    "decimal": _check_decimal,
    "dateTime": _check_date_time,
    "binary": _check_binary,
}
