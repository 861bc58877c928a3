"""Habits of Microsoft Entra ID, with and without `aadOptscim062020` (both at once: docs/clients.md)."""

from typing import Any

from scim.clients.habit import Habit
from scim.protocol.attributes import ENTERPRISE_USER, Attribute
from scim.protocol.filters import Comparison, Path
from scim.protocol.paths import AttrPath
from scim.protocol.policy import Operation


def lower_op(operation: Operation) -> list[Operation]:
    return [Operation(operation.op.lower(), operation.path, operation.value)]


def boolean_from_text(attribute: Attribute, value: Any) -> Any:
    if attribute.type == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


# Entra wraps the value of a single-valued attribute as it does that of a list.
def unwrap_single(attribute: Attribute, value: Any) -> Any:
    if attribute.multi_valued or not isinstance(value, list) or len(value) > 1:
        return value
    element = value[0] if value else None
    if isinstance(element, dict) and not attribute.is_complex:
        return next((part for name, part in element.items() if name.lower() == "value"), None)
    return element


def reference_from_text(attribute: Attribute, value: Any) -> Any:
    if isinstance(value, str) and value and not attribute.multi_valued and "value" in attribute.subs:
        return {"value": value}
    return value


def empty_is_unassigned(attribute: Attribute, value: Any) -> Any:
    return None if value == "" else value


# Entra names the members to remove in `value`. The RFC (§3.5.2.2) looks at the path alone
# and would empty the group, so this runs before anything reads the path (threat V45).
def remove_by_value(operation: Operation) -> list[Operation]:
    path = operation.path
    is_list = isinstance(operation.value, (list, dict))
    if operation.op != "remove" or path is None or path.where or path.attr.sub or not is_list:
        return [operation]
    elements = operation.value if isinstance(operation.value, list) else [operation.value]
    return [
        Operation("remove", Path(path.attr, Comparison(AttrPath("value"), "eq", value)), None)
        for value in map(_value_of, elements)
        if isinstance(value, str) and value
    ]


def _value_of(element: Any) -> Any:
    if isinstance(element, dict):
        return next((part for name, part in element.items() if name.lower() == "value"), None)
    return element


def extension_after_dot(path: AttrPath) -> AttrPath:
    """`urn:…:2.0:User.manager`: the dot that jobs of before 2018 put where the RFC has a colon."""
    is_extension = f"{path.schema}:{path.name}".lower() == ENTERPRISE_USER.lower()
    return AttrPath(path.sub, "", ENTERPRISE_USER) if is_extension and path.sub else path


def manager_without_schema(path: AttrPath) -> AttrPath:
    """`manager`: an enterprise attribute named as if it were a core one, in paths and filters."""
    is_bare = not path.schema and path.name.lower() == "manager"
    return AttrPath("manager", path.sub, ENTERPRISE_USER) if is_bare else path


_DEV = "Entra documentation, use-scim-to-provision-users-and-groups"
HABITS = (
    Habit("entra-capital-op", "writes Add, Replace and Remove with a capital", _DEV, rewrite_operation=lower_op),
    Habit("entra-text-boolean", "writes true and false as text", _DEV, rewrite_value=boolean_from_text),
    Habit("entra-wrapped-single", "wraps a single value in a list", _DEV, rewrite_value=unwrap_single),
    Habit("entra-bare-reference", "sends a manager as a bare id", _DEV, rewrite_value=reference_from_text),
    Habit(
        "entra-empty-clears",
        "sends empty text to clear an attribute",
        _DEV,
        rewrite_value=empty_is_unassigned,
    ),
    Habit(
        "entra-remove-by-value",
        "names the members to remove in value",
        _DEV,
        rewrite_operation=remove_by_value,
    ),
    Habit(
        "entra-extension-after-dot",
        "puts a dot between extension and attribute",
        "Entra documentation, application-provisioning-config-problem-scim-compatibility",
        rewrite_path=extension_after_dot,
    ),
    Habit(
        "entra-manager-without-schema",
        "names manager without its schema",
        _DEV,
        rewrite_path=manager_without_schema,
    ),
)
