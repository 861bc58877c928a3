"""Habits of OneLogin, and of hand-written clients that share them."""

from typing import Any

from scim.clients.habit import Habit
from scim.clients.scim_sdk import looks_like_json
from scim.protocol.attributes import Attribute


def list_from_single(attribute: Attribute, value: Any) -> Any:
    """One value of a multi-valued attribute, sent without its list: `"emails": {…}` or a bare member id."""
    if not attribute.multi_valued or value is None or isinstance(value, list):
        return value
    return [value]


def element_from_text(attribute: Attribute, value: Any) -> Any:
    """Values of a multi-valued complex attribute sent as bare text: `"members": ["<id>"]`."""
    if not attribute.multi_valued or "value" not in attribute.subs or not isinstance(value, list):
        return value
    return [{"value": element} if _is_bare(element) else element for element in value]


def _is_bare(element: Any) -> bool:
    """Whether an element is text that can be a value. JSON that cannot be read stays as it is, to be refused."""
    return isinstance(element, str) and not looks_like_json(element)


HABITS = (
    Habit(
        "onelogin-bare-element",
        "sends one value without a list",
        "goauthentik/authentik #11249",
        rewrite_value=list_from_single,
    ),
    Habit(
        "onelogin-text-element",
        "sends the values of a list as bare text",
        "Entra Postman collection",
        rewrite_value=element_from_text,
    ),
)
