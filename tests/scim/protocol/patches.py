"""PATCH operations for tests, and what they do to a user or to the members of a group."""

import copy

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.changes import apply_changes
from scim.protocol.members import member_changes
from scim.protocol.patch import PATCH_SCHEMA, read_patch
from scim.protocol.validation import Notes

USER_NOW = {
    "schemas": [USER.schema.id, ENTERPRISE_USER],
    "userName": "jane@example.com",
    "displayName": "Jane",
    "active": True,
    "name": {"givenName": "Jane", "familyName": "Doe"},
    "emails": [
        {"type": "work", "value": "jane@example.com", "primary": True},
        {"type": "home", "value": "jane@home.example"},
    ],
    ENTERPRISE_USER: {"department": "Care", "manager": {"value": "m1"}},
}


WORK, HOME = '[type eq "work"]', '[type eq "home"]'


def op(name, path=None, value=None):
    operation = {"op": name}
    if path is not None:
        operation["path"] = path
    if name.lower() != "remove" or value is not None:
        operation["value"] = value
    return operation


def patched(*operations, policy=LIBERAL, resource=USER_NOW, notes=None):
    before = copy.deepcopy(resource)
    changes = read_patch({"schemas": [PATCH_SCHEMA], "Operations": list(operations)}, USER, policy, notes or Notes())
    result = apply_changes(resource, changes, USER, policy)
    assert resource == before, "the argument is left as it was"
    return result


def deltas(*operations):
    changes = read_patch({"Operations": list(operations)}, GROUP, LIBERAL, Notes())
    return [(delta.reset, delta.remove, delta.add) for delta in member_changes(changes)]
