"""Habits of SCIM-SDK's client, which SCIM for Keycloak uses: it sends JSON inside text."""

import json
import re
from typing import Any

from scim.clients.habit import Habit
from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.paths import UnknownAttributeError, find
from scim.protocol.policy import Operation

_OBJECT_OR_LIST = re.compile(r"\s*[\[{]")


def looks_like_json(text: str) -> bool:
    """Whether a text is null, or is or begins as a JSON object or list. It is not the value of an element then."""
    return bool(_OBJECT_OR_LIST.match(text)) or text.strip() == "null"


def _parsed(value: Any) -> Any:
    """The object or list inside a text. Any other value, and a text that is not valid JSON, is returned unchanged."""
    if not isinstance(value, str) or not _OBJECT_OR_LIST.match(value):
        return value
    try:
        return json.loads(value, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len({*map(str.lower, found)}) < len(pairs):
        raise ValueError("a name is given twice")  # as in a request body (threat V57)
    return found


def _refuse(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def value_from_json(attribute: Attribute, value: Any) -> Any:
    """`"emails": "[{…}]"`, and `["{…}"]`. A text that is a simple value stays one, such as a title of "[]"."""
    is_complex = attribute.type == "complex"
    if not is_complex and not attribute.multi_valued:
        return value
    if isinstance(value, str):
        found = _parsed(value)
        return found if is_complex or isinstance(found, list) else value
    if is_complex and isinstance(value, list) and any(isinstance(element, str) for element in value):
        return [_parsed(element) for element in value]
    return value


def operation_from_json(operation: Operation, resource_type: ResourceType) -> list[Operation]:
    """The same for the value of an operation without path, on an extension, or of a removal."""
    value, path = operation.value, operation.path
    is_short = isinstance(value, list) and (len(value) == 1 or operation.op.lower() == "remove")
    if not is_short and not isinstance(value, str):
        return [operation]
    attribute = None
    if path is not None and str(path.attr).lower() != resource_type.schema.id.lower():
        try:
            target = find(path.attr, resource_type)
        except UnknownAttributeError:
            return [operation]
        attribute = target.attribute
        if target.sub or (attribute and path.where and not attribute.is_complex):
            return [operation]
    found = value_from_json(attribute, value) if attribute else _parsed(_only_text(value))
    return [operation] if found is value else [Operation(operation.op, path, found)]


def _only_text(value: Any) -> Any:
    """The text in a list that holds nothing else; any other value unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) else value


_SEEN = "Captain-P-Goldfish/SCIM-SDK"
HABITS = (
    # These come first, so that the other habits see the JSON and not its text.
    Habit("sdk-json-value", "sends JSON inside text as a value", _SEEN, rewrite_value=value_from_json),
    Habit(
        "sdk-json-operation",
        "sends JSON inside text as the value of an operation",
        _SEEN,
        rewrite_operation=operation_from_json,
    ),
)
