"""Habits of Microsoft Entra ID, with and without `aadOptscim062020` (both at once: docs/clients.md)."""

import json
import re
from typing import Any

from scim.clients.habit import Habit
from scim.clients.scim_sdk import looks_like_json
from scim.protocol.attributes import ENTERPRISE_USER, SCHEMAS, Attribute, ResourceType
from scim.protocol.filters import And, Comparison, Node, Or, Path
from scim.protocol.paths import AttrPath, UnknownAttributeError, find
from scim.protocol.policy import Fault, Operation


def lower_op(operation: Operation, resource_type: ResourceType) -> list[Operation]:
    return [Operation(operation.op.lower(), operation.path, operation.value)]


def boolean_from_text(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


# A number as JSON has it: no sign but a minus, no leading zeros, no blanks, ASCII digits.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_MAX_DIGITS = 400  # more than any number that can be stored has


def number_from_text(attribute: Attribute, value: Any) -> Any:
    """`"badgeNumber": "43"`. Whether the number fits is checked as if it had been sent as a number."""
    if attribute.type not in ("integer", "decimal") or not isinstance(value, str):
        return value
    return json.loads(value) if len(value) <= _MAX_DIGITS and _NUMBER.fullmatch(value) else value


# Entra puts the value of a single-valued attribute into a list, as it does for several values.
def unwrap_single(attribute: Attribute, value: Any) -> Any:
    if attribute.multi_valued or (isinstance(value, list) and len(value) > 1):
        return value
    element = (value[0] if value else None) if isinstance(value, list) else value
    if isinstance(element, dict) and not attribute.is_complex:
        return next((part for name, part in element.items() if name.lower() == "value"), value)
    return element


def reference_from_text(attribute: Attribute, value: Any) -> Any:
    if attribute.multi_valued or not value or not isinstance(value, str) or "value" not in attribute.subs:
        return value
    return value if looks_like_json(value) else {"value": value}


def empty_is_unassigned(attribute: Attribute, value: Any) -> Any:
    return None if value == "" else value


# Entra names the members to remove in `value`. The RFC (§3.5.2.2) looks at the path alone
# and would empty the group, so this runs before anything reads the path (threat V45). A value that
# names nobody removes nobody.
def remove_by_value(operation: Operation, resource_type: ResourceType) -> list[Operation]:
    path = operation.path
    if operation.op != "remove" or operation.value is None or path is None or path.where or path.attr.sub:
        return [operation]
    try:
        attribute = find(path.attr, resource_type).attribute
    except UnknownAttributeError:
        return [operation]
    if attribute is None or not attribute.multi_valued:
        return [operation]
    elements = operation.value if isinstance(operation.value, list) else [operation.value]
    terms = tuple(node for element in elements if (node := _naming(element, attribute)))
    if not terms:
        return []
    return [Operation("remove", Path(path.attr, terms[0] if len(terms) == 1 else Or(terms)), None)]


def _naming(element: Any, attribute: Attribute) -> Node | None:
    """The filter for an element to remove: by value and type, for a member by its id, else by all its parts.

    The same value can be there as another type (RFC 7643 §2.4). A `display` may have changed since it was read.
    """
    parts = {"value": element}
    if isinstance(element, dict):
        parts = {name.lower(): part for name, part in element.items()}
        address = parts.get("$ref")
        value = parts.get("value") or (address.rpartition("/")[2] if isinstance(address, str) else None)
        if attribute.holds_references:
            parts = {"value": value}
        elif value is not None:
            parts = {"value": value, "type": parts.get("type")}
    terms = tuple(Comparison(AttrPath(name), "eq", part) for name, part in parts.items() if _is_said(part))
    return And(terms) if len(terms) > 1 else next(iter(terms), None)


def _is_said(part: Any) -> bool:
    return part != "" and isinstance(part, (str, int, float))


_ENTERPRISE_NAMES = {
    attribute.name.lower() for schema in SCHEMAS if schema.id == ENTERPRISE_USER for attribute in schema.attributes
}


def schema_before_dot(path: AttrPath, resource_type: ResourceType) -> AttrPath:
    """`urn:…:2.0:User.manager`: jobs from before 2018 send a dot where the RFC has a colon.

    The path was read with the last part of the URN as the attribute, and the attribute as its sub-attribute.
    """
    name, _, sub = path.sub.partition(".")
    if not name or not path.schema:
        return path
    meant = f"{path.schema}:{path.name}".lower()
    known = resource_type.schema.id.lower() == meant or meant in resource_type.extensions_by_urn
    return AttrPath(name, sub, f"{path.schema}:{path.name}") if known else path


def enterprise_without_schema(path: AttrPath, resource_type: ResourceType) -> AttrPath:
    """`manager`: an enterprise attribute named as if it were a core one, in paths and filters."""
    is_bare = not path.schema and path.name.lower() in _ENTERPRISE_NAMES
    is_meant = is_bare and ENTERPRISE_USER.lower() in resource_type.extensions_by_urn
    return AttrPath(path.name, path.sub, ENTERPRISE_USER) if is_meant else path


_DEV = "Entra documentation, use-scim-to-provision-users-and-groups"
HABITS = (
    Habit("entra-capital-op", "writes Add, Replace and Remove with a capital", _DEV, rewrite_operation=lower_op),
    # This comes first, so that the other habits see the value without its list.
    Habit("entra-wrapped-single", "wraps a single value in a list", _DEV, rewrite_value=unwrap_single),
    Habit("entra-text-boolean", "writes true and false as text", _DEV, rewrite_value=boolean_from_text),
    Habit("entra-text-number", "writes numbers as text", _DEV, rewrite_value=number_from_text),
    Habit("entra-bare-reference", "sends a manager as a bare id", _DEV, rewrite_value=reference_from_text),
    Habit(
        "entra-empty-clears",
        "sends empty text to clear an attribute",
        _DEV,
        rewrite_value=empty_is_unassigned,
    ),
    Habit(
        "entra-remove-by-value",
        "names what to remove in value",
        _DEV,
        rewrite_operation=remove_by_value,
    ),
    Habit(
        "entra-schema-before-dot",
        "puts a dot between schema and attribute",
        "Entra documentation, application-provisioning-config-problem-scim-compatibility",
        rewrite_path=schema_before_dot,
    ),
    Habit(
        "entra-enterprise-without-schema",
        "names an enterprise attribute without its schema",
        _DEV,
        rewrite_path=enterprise_without_schema,
    ),
    Habit(
        "entra-dotted-name",
        "puts a path such as name.givenName where the name of an attribute goes",
        _DEV,
        overlooks=Fault.DOTTED_NAME,
    ),
    Habit(
        "entra-schema-in-name",
        "puts a schema before the name of an attribute inside a value",
        _DEV,
        overlooks=Fault.SCHEMA_IN_NAME,
    ),
    Habit(
        "entra-filter-in-name",
        "puts a path with a filter where the name of an attribute goes",
        "Entra validation test, compact PATCH",
        overlooks=Fault.FILTER_IN_NAME,
    ),
    Habit(
        "entra-missing-element",
        "changes a part of a value that is not there",
        "ssoready PR 249, SCIM-SDK #416",
        overlooks=Fault.MISSING_ELEMENT,
    ),
    Habit(
        "entra-part-after-filter",
        "compares a sub-attribute behind the brackets of a filter",
        _DEV,
        overlooks=Fault.PART_AFTER_FILTER,
    ),
    Habit("entra-unknown-attribute", "sends attributes that no schema has", _DEV, overlooks=Fault.UNKNOWN_ATTRIBUTE),
    Habit("entra-foreign-schema", "names a schema that has no place in the body", _DEV, overlooks=Fault.FOREIGN_SCHEMA),
    Habit(
        "entra-extra-member",
        "adds a member to a PATCH operation",
        "Entra Postman collection",
        overlooks=Fault.EXTRA_MEMBER,
    ),
    Habit(
        "entra-deleted-member",
        "adds a member that it has deleted",
        "fleetdm/fleet #52600",
        overlooks=Fault.DELETED_MEMBER,
    ),
)
