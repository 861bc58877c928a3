"""The attribute mapping of the iProva gallery application: the SCIM attribute for each attribute of a person.

`entra` sends by this table and `compare` compares by it. The manager is not in it, because Entra ID
sends it in a request of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iprova_idm.demo.directory import Group, Person

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ADSCIM_GROUP = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
MANAGER = f"{ENTERPRISE_USER}:manager"
Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Attribute:
    """A mapped attribute: its SCIM path, and how to read its value from the source and from a SCIM resource.

    None means that there is no value.
    """

    path: str
    of_person: Callable[[Person], str | bool | None]
    of_resource: Callable[[Resource], Any]


def _work(name: str) -> Callable[[Resource], Any]:
    """Return a function that reads the value of type work, such as `emails[type eq "work"].value`."""

    def read(resource: Resource) -> Any:
        return next((one.get("value") for one in resource.get(name, ()) if one.get("type") == "work"), None)

    return read


def _plain(name: str) -> Callable[[Resource], Any]:
    return lambda resource: resource.get(name)


def _enterprise(name: str) -> Callable[[Resource], Any]:
    return lambda resource: resource.get(ENTERPRISE_USER, {}).get(name)


ACTIVE = Attribute("active", lambda person: person.is_active, _plain("active"))
MAPPING = (
    Attribute("userName", lambda person: person.user_name, _plain("userName")),
    ACTIVE,
    Attribute("displayName", lambda person: person.display_name, _plain("displayName")),
    Attribute("externalId", lambda person: person.object_id, _plain("externalId")),
    Attribute("title", lambda person: person.title, _plain("title")),
    Attribute("preferredLanguage", lambda person: person.language, _plain("preferredLanguage")),
    Attribute('emails[type eq "work"].value', lambda person: person.mail, _work("emails")),
    Attribute('phoneNumbers[type eq "work"].value', lambda person: person.phone, _work("phoneNumbers")),
    Attribute(f"{ENTERPRISE_USER}:department", lambda person: person.department, _enterprise("department")),
)


def manager_of(resource: Resource) -> str | None:
    """Return the id of a user's manager, or None."""
    manager: str | None = resource.get(ENTERPRISE_USER, {}).get("manager", {}).get("value")
    return manager


def user_body(person: Person) -> dict[str, Any]:
    """Return the body with which Entra ID creates a user: no manager, no empty attributes except `roles`."""
    body = {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "externalId": person.object_id,
        "userName": person.user_name,
        "active": person.is_active,
        "displayName": person.display_name,
        "emails": [{"primary": True, "type": "work", "value": person.mail}],
        "meta": {"resourceType": "User"},
        "title": person.title,
        "preferredLanguage": person.language,
        "phoneNumbers": person.phone and [{"type": "work", "value": person.phone}],
        ENTERPRISE_USER: person.department and {"department": person.department},
        "roles": [],
    }
    return {name: value for name, value in body.items() if value is not None}


def group_body(group: Group) -> dict[str, Any]:
    """Return the body with which Entra ID creates a group. It has no members, which follow by PATCH."""
    return {
        "schemas": [CORE_GROUP, ADSCIM_GROUP],
        "externalId": group.object_id,
        "displayName": group.display_name,
        "meta": {"resourceType": "Group"},
    }
