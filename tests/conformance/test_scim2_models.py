"""scim2-models, which we did not write: its schemas are ours, and its PATCH gives what ours gives."""

import json
import re
from copy import deepcopy
from random import Random
from typing import Any

import pytest
import scim2_models
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scim.protocol.attributes import ENTERPRISE_USER, SCHEMAS, USER
from scim.protocol.changes import apply_changes
from scim.protocol.errors import ScimError
from scim.protocol.patch import PATCH_SCHEMA, read_patch
from scim.protocol.policy import Policy
from scim.protocol.validation import Notes, finish_resource, validate_resource
from scim.protocol.values import comparison_key
from tests.scim.generated import Maker
from tests.scim.theirs import OUR_TEXTS, model_of, schema_of

CHARACTERISTICS = ("type", "multi_valued", "required", "case_exact", "mutability", "returned", "uniqueness")
# Ours, theirs, and why.
SCHEMAS_DIFFER = {
    ("manager.value", "required"): (False, True, "RFC 7643 §8.7.1: required false; §4.3: RECOMMENDED"),
    ("manager.$ref", "required"): (False, True, "RFC 7643 §8.7.1: required false; §4.3: RECOMMENDED"),
    ("members.display", "mutability"): ("readOnly", "readWrite", "RFC 7643 §2.4: display is the server's to give"),
    ("members.display", "returned"): ("request", "default", "RFC 7643 §7: a server chooses what it returns unasked"),
    ("displayName", "uniqueness"): ("server", "none", "RFC 7643 §7: a server chooses what it keeps unique"),
}


def characteristics(attributes: Any, before: str = "") -> dict[tuple[str, str], Any]:
    found = {}
    for one in attributes or ():
        for name in CHARACTERISTICS:
            value = getattr(one, name)
            found[before + one.name, name] = getattr(value, "value", value)
        found |= characteristics(one.sub_attributes, f"{before}{one.name}.")
    return found


def test_our_schemas_are_those_of_scim2_models():
    known = {str(one.__schema__): one for one in (scim2_models.User, scim2_models.Group, scim2_models.EnterpriseUser)}
    differing = {}
    for schema in SCHEMAS:
        ours = characteristics(schema_of(schema).attributes)
        theirs = characteristics(known[schema.id].to_schema().attributes)
        assert ours.keys() == theirs.keys()
        differing |= {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    assert differing == {key: (ours, theirs) for key, (ours, theirs, _) in SCHEMAS_DIFFER.items()}


MODEL = model_of(USER)
POLICY = Policy()  # no habits: what the RFC says and no more
Body = dict[str, Any]


def our_patch(resource: Body, operations: list[Body]) -> Body | None:
    """The resource after the operations; None when they are refused."""
    body = {"schemas": [PATCH_SCHEMA], "Operations": deepcopy(operations)}
    try:
        changes = read_patch(body, USER, POLICY, Notes())
        return assigned(apply_changes(resource, changes, USER, POLICY))
    except ScimError:
        return None


def their_patch(resource: Body, operations: list[Body]) -> Body | None:
    body = {"schemas": [PATCH_SCHEMA], "Operations": deepcopy(operations)}
    try:
        with OUR_TEXTS:
            patched = MODEL.model_validate(deepcopy(resource))
            patch = scim2_models.PatchOp[MODEL].model_validate(
                body, scim_ctx=scim2_models.Context.RESOURCE_PATCH_REQUEST
            )
            patch.patch(patched)
            return assigned(patched.model_dump())
    except (scim2_models.SCIMException, ValidationError):
        return None


def assigned(value: Any) -> Any:
    """A value without what is unassigned, and without `schemas`, which follow from the rest.

    Ours keeps no value that says only what it is for (RFC 7643 §2.4: there is no value then).
    """
    if isinstance(value, dict):
        parts = {name: assigned(part) for name, part in value.items() if name != "schemas"}
        return {name: part for name, part in parts.items() if part not in (None, [], {})}
    if isinstance(value, list):
        parts = [part for part in map(assigned, value) if part not in (None, [], {})]
        return [part for part in parts if not isinstance(part, dict) or not part.keys() <= {"type", "primary"}]
    return value


def each_once(resource: Body | None) -> Body | None:
    """Theirs with each combination of type and value once. RFC 7643 §2.4 says SHOULD NOT to two; theirs keeps both."""
    try:
        return resource and assigned(finish_resource(deepcopy(resource), USER, POLICY))
    except ScimError:
        return None


def names_reference(operation: Body) -> bool:
    path = operation.get("path", "")
    return "manager" in str(operation.get("value")) or path.endswith((":manager", ":manager.$ref"))


def sets_primary(operation: Body) -> bool:
    return "'primary': True" in str(operation) or operation.get("path", "").endswith(".primary")


def is_list_part(operation: Body) -> bool:
    """`emails.type`: a part of every value."""
    name, _, sub = operation.get("path", "").rpartition(":")[2].partition(".")
    return "[" not in name and sub != "" and USER.core.get(name.lower(), USER.core["name"]).multi_valued


def repeats(operation: Body) -> bool:
    value = operation.get("value")
    lists = [one for one in (value.values() if isinstance(value, dict) else [value]) if isinstance(one, list)]
    keys = [[comparison_key(json.dumps(part, ensure_ascii=False, sort_keys=True)) for part in one] for one in lists]
    return operation["op"] == "add" and any(len(set(one)) < len(one) for one in keys)


# Where ours is another on purpose: why, which operations, and one of them with what ours gives for it.
PATCH_DIFFERS = {
    "part of no value": (
        "RFC 7644 §3.5.2.1: if the target location does not exist, the attribute and value are added",
        is_list_part,
        {"op": "add", "path": "ims.value", "value": "a"},
        {"ims": [{"value": "a"}]},
    ),
    "no such value": (
        "RFC 7644 §3.5.2.1, the same of a value that the filter describes. Theirs: noTarget",
        lambda operation: operation["op"] == "add" and "[" in operation.get("path", ""),
        {"op": "add", "path": 'ims[type eq "work"].value', "value": "a"},
        {"ims": [{"type": "work", "value": "a"}]},
    ),
    "record": (
        "RFC 7644 §3.5.2.3: with a filter all matching record values are replaced. Theirs: parts not named are kept",
        lambda operation: operation["op"] == "replace" and operation.get("path", "").endswith("]"),
        {"op": "replace", "path": 'roles[value eq "a"]', "value": {"display": "b"}},
        {"roles": [{"value": "a", "display": "b"}]},
    ),
    "reference": (
        "RFC 7643 §2.4: value and $ref name the same resource, so one of them alone replaces both",
        names_reference,
        {"op": "replace", "path": f"{ENTERPRISE_USER}:manager", "value": {"value": "b"}},
        {ENTERPRISE_USER: {"manager": {"value": "b"}}},
    ),
    "several primary": (
        "RFC 7643 §2.4: primary is true for one value at the most; ours keeps the last. Theirs: invalidValue",
        sets_primary,
        {"op": "add", "path": "ims", "value": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
        {"ims": [{"value": "a", "primary": False}, {"value": "b", "primary": True}]},
    ),
    "the same twice": (
        "RFC 7643 §2.4 and RFC 7644 §3.5.2.1: a value that is there is not added again, nor one that came just before",
        repeats,
        {"op": "add", "path": "ims", "value": [{"value": "b"}, {"value": "B"}]},
        {"ims": [{"value": "b"}]},
    ),
    "not primary": (
        "RFC 7643 §2.4: a value without `primary` is not primary, in the filter of a path too",
        lambda operation: re.search(r"\bprimary (eq|ne) (true|false)", operation.get("path", "")),
        {"op": "replace", "path": "roles[primary eq false].value", "value": "b"},
        {"roles": [{"value": "b", "type": "work"}]},
    ),
    "derived": (
        "RFC 7643 §3: schemas follow from the attributes that a resource has; ours passes over what is sent",
        lambda operation: operation.get("path") == "schemas",
        {"op": "remove", "path": "schemas"},
        {},
    ),
    "nothing named": (
        "RFC 7644 §3.5.2.3: parts that are not named are left as they are, and {} names none",
        lambda operation: "{}" in str(operation.get("value")),
        {"op": "replace", "path": "roles", "value": [{}]},
        {},
    ),
}
NOW = {
    "userName": "anna",
    "roles": [{"value": "a", "type": "work"}],
    ENTERPRISE_USER: {"manager": {"value": "a", "$ref": "https://x.example/a"}},
}


@pytest.mark.parametrize("name", PATCH_DIFFERS)
def test_our_patch_differs_on_purpose(name):
    _, _, operation, changed = PATCH_DIFFERS[name]
    before = validate_resource(NOW | {"schemas": [USER.schema.id, ENTERPRISE_USER]}, USER, POLICY, Notes())
    assert our_patch(before, [operation]) == NOW | changed
    assert their_patch(before, [operation]) != NOW | changed


@settings(max_examples=800, deadline=None)
@given(st.integers(0, 2**64))
def test_our_patch_gives_what_theirs_gives(seed):
    maker = Maker(Random(seed), USER)
    maker.words = maker.words | {"string": [text for text in maker.words["string"] if text]}
    body = maker.resource() | {"schemas": [USER.schema.id, ENTERPRISE_USER], "userName": "anna"}
    resource = validate_resource(body, USER, POLICY, Notes())
    for _ in range(3):
        operation = maker.operation()
        ours, theirs = our_patch(resource, [operation]), their_patch(resource, [operation])
        is_known = any(applies(operation) for _, applies, _, _ in PATCH_DIFFERS.values())
        assert ours in (theirs, each_once(theirs)) or is_known, (operation, resource, ours, theirs)
        resource = resource if ours is None else ours | {"schemas": resource["schemas"]}
