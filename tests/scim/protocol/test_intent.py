"""What a request asks for is read in every form that clients send, and never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim.clients import LIBERAL
from scim.protocol import errors
from scim.protocol.attributes import USER
from scim.protocol.intent import Asked, read_asked, refused_attributes
from scim.protocol.patch import PATCH_SCHEMA, read_patch, read_resource
from scim.protocol.validation import Notes

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def asked_by(*operations):
    return read_asked("PATCH", {"Operations": list(operations)})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "active", "value": False},
        {"OP": "add", "PATH": "ACTIVE", "VALUE": 0},
        {"op": "Replace", "value": {"active": "false"}},
        {"op": "replace", "path": f"{USER_URN}:active", "value": False},
        {"op": "replace", "path": f"{USER_URN}.active", "value": False},
        {"op": "replace", "path": USER_URN, "value": {"active": False}},
        {"op": "replace", "value": {USER_URN: {"active": False}}},
        {"op": "replace", "path": 'active[value eq "True"].value', "value": "False"},
        {"op": "replace", "path": "active", "value": [{"value": "False"}]},
        {"op": "replace", "value": [{"active": False}]},
        {"op": "replace", "value": '{"active": false}'},
    ],
    ids=str,
)
def test_a_disabling_is_read_in_every_form(operation):
    asked = asked_by(operation)
    assert asked.active is False and asked.is_only_active
    assert read_asked("PATCH", {"operations": operation}) == asked


@pytest.mark.parametrize("value", [None, "", [], [{"$ref": None, "value": ""}], "perhaps", {"a": 1}])
def test_what_is_no_boolean_asks_neither_for_on_nor_off(value):
    assert asked_by({"op": "replace", "path": "active", "value": value}) == Asked(attributes=("active",))


def test_a_removal_clears_and_names_its_attribute():
    remove = {"op": "remove", "path": 'members[value eq "x"]'}
    assert asked_by(remove, {"op": "Remove", "path": "active"}) == Asked(attributes=("active", "members"))


def test_the_last_value_counts():
    off, on = ({"op": "replace", "path": "active", "value": value} for value in (False, True))
    assert asked_by(off, on).active is True


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_names_and_attributes_of_a_whole_resource(method):
    body = {
        "schemas": [USER_URN],
        "ID": "1",
        "username": "jane@x",
        "displayName": "Jane",
        "externalId": "7",
        "Active": "True",
        "name": {"givenName": "J"},
        ENTERPRISE: {"Department": "A"},
    }
    names = ("active", "department", "displayName", "externalId", "name", "userName")
    assert read_asked(method, body) == Asked(True, "jane@x", "Jane", "7", names)


def test_a_rename_next_to_a_disabling():
    asked = asked_by({"op": "replace", "value": {"active": "False", "userName": "new@x", "name.familyName": "New"}})
    assert asked == Asked(False, "new@x", attributes=("active", "name", "userName"))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["active", "[{", '{"a":1}']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Operations", "op", "path", "value", "active", USER_URN, ""]), inner)
    ),
    max_leaves=20,
)


@given(method=st.sampled_from(["POST", "PUT", "PATCH"]), body=_JSON)
def test_no_body_is_too_odd(method, body):
    assert isinstance(read_asked(method, body), Asked)


def test_a_long_request_is_cut():
    asked = read_asked("PUT", {f"a{number}": "x" for number in range(500)} | {"userName": "u" * 999})
    assert len(asked.attributes) == 50 and len(read_asked("PUT", {"userName": "u" * 999}).user_name) == 200


def test_a_rejection_is_about_one_attribute_or_about_all():
    asked = Asked(False, attributes=("active", "emails", "userName"))
    assert refused_attributes(errors.invalid_path("emails.nonsense", "unknown."), asked) == ["emails"]
    assert refused_attributes(errors.not_unique("userName", "User", "jane@x"), asked) == ["userName"]
    assert refused_attributes(errors.invalid_value("Something else."), asked) == []
    assert refused_attributes(None, asked) == []


@pytest.mark.parametrize(
    ("operation", "attribute"),
    [
        ({"op": "replace", "path": "active", "value": "maybe"}, "active"),
        ({"op": "replace", "path": "name.givenName", "value": {"x": 1}}, "name"),
        ({"op": "replace", "value": {"emails": [{"value": {}}]}}, "emails"),
        ({"op": "remove", "path": "userName"}, "userName"),
        ({"op": "replace", "path": 'emails[nonsense eq "a"].value', "value": "a"}, "emails"),
    ],
)
def test_a_refusal_knows_its_attribute(operation, attribute):
    with pytest.raises(errors.ScimError) as refused:
        read_patch({"schemas": [PATCH_SCHEMA], "Operations": [operation]}, USER, LIBERAL, Notes())
    assert refused.value.attribute == attribute


def test_a_refusal_of_a_whole_resource_knows_its_attribute():
    body = {"userName": "jane@x", "name": {"givenName": {"x": 1}}}
    with pytest.raises(errors.ScimError) as refused:
        read_resource(body, USER, LIBERAL, Notes())
    assert refused.value.attribute == "name"
