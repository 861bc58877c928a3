"""Resources against their schema (RFC 7643 §2), over every attribute of every file."""

import pytest

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, RESOURCE_TYPES, USER, Target
from scim.protocol.errors import ScimError
from scim.protocol.validation import Notes, validate_resource


def validated(body, resource_type=USER, policy=LIBERAL, notes=None):
    return validate_resource(body, resource_type, policy, notes or Notes())


def test_names_are_canonical_and_values_as_sent():
    body = {"USERNAME": " Jane ", "Emails": [{"Value": "J@X", "TYPE": "Work", "Primary": "True"}], "title": "  T "}
    assert validated(body) == {
        "schemas": [USER.schema.id],
        "userName": " Jane ",
        "emails": [{"value": "J@X", "type": "Work", "primary": True}],
        "title": "  T ",
    }


def test_unassigned_values_are_left_out():
    body = {"userName": "j", "title": None, "roles": [], "name": {}, "emails": [{"type": "work"}], "externalId": ""}
    assert validated(body) == {"schemas": [USER.schema.id], "userName": "j"}


def test_extension_brings_its_schema():
    body = {"userName": "j", ENTERPRISE_USER.lower(): {"Department": "Care", "manager": "m"}}
    assert validated(body)["schemas"] == [USER.schema.id, ENTERPRISE_USER]
    assert validated(body)[ENTERPRISE_USER] == {"department": "Care", "manager": {"value": "m"}}


def test_read_only_and_never_returned_attributes_are_not_stored():
    body = {"userName": "j", "id": "1", "meta": {"created": "x"}, "groups": [{"value": "g"}], "password": "S3cret"}
    assert validated(body) == {"schemas": [USER.schema.id], "userName": "j"}


def test_unknown_attributes_are_noted_or_refused():
    notes = Notes()
    validated({"userName": "j", "shoe": 1, "name": {"nick": "x"}, "urn:x": {}}, notes=notes)
    assert notes.ignored == ["shoe", "name.nick", "urn:x"]
    with pytest.raises(ScimError, match="shoe"):
        validated({"schemas": [USER.schema.id], "userName": "j", "shoe": 1}, policy=STRICT)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"userName": ""},
        {"userName": "\u200b"},
        {"userName": True},
        {"userName": "j", "active": "maybe"},
        {"userName": "j", "emails": 7},
        {"userName": "j", "name": "Jane"},
        {"userName": "j\0"},
        {"userName": "j\ud800"},
        {"userName": "j" * 3_000},
        {"userName": "j", "title": "x" * 200_000},
        {"userName": "j", "x509Certificates": [{"value": "not base64!"}]},
        {"userName": "j", ENTERPRISE_USER: "x"},
    ],
)
def test_bad_body_is_400(body):
    with pytest.raises(ScimError) as refused:
        validated(body)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([{"value": "a", "type": "work"}] * 2, [{"value": "a", "type": "work"}]),
        ([{"value": "a"}, {"value": "A "}], [{"value": "a"}]),
        ([{"value": "a", "type": "work"}, {"value": "a", "type": "home"}], None),
        ([{"value": "a"}, {"value": "a", "type": "home"}], None),
        (
            [{"value": "a", "primary": True}, {"value": "a", "primary": False, "display": "x"}],
            [{"value": "a", "primary": True, "display": "x"}],
        ),
        (
            [{"value": "a", "display": "x"}, {"value": "b", "primary": True}, {"value": "a", "primary": True}],
            [{"value": "a", "display": "x", "primary": True}, {"value": "b", "primary": False}],
        ),
        ([{"value": "a", "display": "x"}, {"value": "a", "display": "y"}], [{"value": "a", "display": "y"}]),
        ([{"type": "work", "display": "x"}] * 2, [{"type": "work", "display": "x"}]),
        (["a", {"value": "a"}, "b"], [{"value": "a"}, {"value": "b"}]),
    ],
)
def test_no_type_and_value_twice(sent, kept):
    assert validated({"userName": "j", "emails": sent})["emails"] == (sent if kept is None else kept)


def test_case_counts_for_the_same_value_where_the_schema_says_so():
    photos = [{"value": "https://x/A"}, {"value": "https://x/a"}]
    assert validated({"userName": "j", "photos": photos})["photos"] == photos


def _value(target: Target) -> object:
    by_type = {"boolean": True, "dateTime": "2026-11-23T09:00:00Z", "integer": 1, "decimal": 1.5, "binary": "AAAA"}
    leaf = target.leaf
    if leaf.is_complex:
        return {sub.name: _value(Target("", sub)) for sub in leaf.sub_attributes if sub.mutability != "readOnly"}
    return by_type.get(leaf.type, "text")


TARGETS = [
    (resource_type, target)
    for resource_type in RESOURCE_TYPES
    for target in resource_type.targets()
    if target.sub is None and target.leaf.mutability == "readWrite" and target.leaf.name != "schemas"
]


@pytest.mark.parametrize(
    ("resource_type", "target"), TARGETS, ids=[f"{kind.name}-{target}" for kind, target in TARGETS]
)
def test_every_writable_attribute_is_kept(resource_type, target):
    value = [_value(target)] if target.leaf.multi_valued else _value(target)
    body = {"userName": "j", "displayName": "d"}
    body |= {target.schema: {target.leaf.name: value}} if target.schema else {target.leaf.name: value}
    kept = validated(body, resource_type)
    assert (kept[target.schema] if target.schema else kept)[target.leaf.name] == value
