"""Habits of scripts and of clients written for one company."""

from typing import Any

from scim.clients.habit import Habit
from scim.protocol.attributes import Attribute
from scim.protocol.policy import Fault


def text_from_number(attribute: Attribute, value: Any) -> Any:
    """`"employeeNumber": 40182`: a number where the schema has text."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number and attribute.type == "string" and not attribute.multi_valued else value


_SEEN = "hand-written clients"
HABITS = (
    Habit("other-number-as-text", "sends a number for text", _SEEN, rewrite_value=text_from_number),
    Habit("other-no-schemas", "does not say in schemas what the body is", _SEEN, overlooks=Fault.MISSING_SCHEMAS),
    Habit(
        "other-no-operations", "sends a PATCH without operations", "scimmyjs/scimmy #59", overlooks=Fault.NO_OPERATIONS
    ),
)
