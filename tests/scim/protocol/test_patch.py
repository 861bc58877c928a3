"""PATCH (RFC 7644 §3.5.2): add, replace, remove × every form of path; the habits of entra.md on top."""

import pytest

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.errors import ScimError
from scim.protocol.patch import read_patch, read_resource
from scim.protocol.validation import Notes
from tests.scim.protocol.patches import USER_NOW, WORK, deltas, op, patched

REFUSED = [
    ("remove without path", op("Remove"), "noTarget"),
    ("core schema removed", op("remove", USER.schema.id), "noTarget"),
    ("broken path", op("replace", "emails[type eq", "x"), "invalidPath"),
    ("read-only", op("replace", "id", "x"), "mutability"),
    ("read-only relation", op("add", "groups", [{"value": "g"}]), "mutability"),
    ("read-only part", op("replace", "meta.created", "x"), "mutability"),
    ("required removed", op("remove", "userName"), "mutability"),
    ("required cleared", op("replace", "userName", ""), "mutability"),
    ("wrong type", op("replace", "displayName", True), "invalidValue"),
    ("wrong boolean", op("replace", "active", "perhaps"), "invalidValue"),
    ("NUL", op("replace", "displayName", "a\0b"), "invalidValue"),
    ("filter after a part", op("replace", f'{USER.schema.id}:emails.value[type eq "x"]', "x"), "invalidPath"),
    ("unknown after a dot", op("replace", f"{USER.schema.id}.shoeSize", "x"), "invalidPath"),
    ("filter on a single value", op("replace", 'name[givenName eq "x"].familyName', "x"), "invalidPath"),
    ("filter that says nothing of a new value", op("replace", 'emails[value co "zzz"].type', "x"), "noTarget"),
    ("no value", {"op": "add", "path": "title"}, "invalidSyntax"),
    ("no values of an element", op("replace", f"emails{WORK}", [{"value": "a"}, {"value": "b"}]), "invalidValue"),
    ("unknown op", op("move", "displayName", "x"), "invalidSyntax"),
    ("value without path is no object", op("add", None, "x"), "invalidValue"),
]


@pytest.mark.parametrize(("operation", "scim_type"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refusal(operation, scim_type):
    with pytest.raises(ScimError) as refused:
        patched(operation)
    assert (refused.value.status, refused.value.scim_type) == (400, scim_type), refused.value.detail


@pytest.mark.parametrize("body", [None, [], "x", {}, {"Operations": {}}, {"Operations": ["x"]}, {"Operations": [{}]}])
def test_body_that_is_no_patch(body):
    with pytest.raises(ScimError):
        read_patch(body, USER, LIBERAL, Notes())


def test_v65_too_many_parts_of_one_operation():
    with pytest.raises(ScimError) as refused:
        patched(op("replace", None, {f'emails[type eq "t{number}"].value': "x" for number in range(13_000)}))
    assert refused.value.scim_type == "tooMany"


@pytest.mark.parametrize("elements", [[{"display": "x"}], [{"value": ""}], "", [{"type": "User"}], ["", "a"]])
@pytest.mark.parametrize("name", ["add", "replace"])
def test_v45_members_without_an_id_are_refused_and_clear_nothing(name, elements):
    with pytest.raises(ScimError) as refused:
        deltas(op(name, "members", elements))
    assert refused.value.scim_type == "invalidValue"


def test_v65_too_many_operations():
    with pytest.raises(ScimError) as refused:
        patched(*[op("replace", "title", "x")] * 1_001)
    assert refused.value.scim_type == "tooMany"


def test_v7_unknown_attributes_are_noted_and_not_stored():
    notes = Notes()
    result = patched(op("replace", None, {"isStaff": True, "is_superuser": True, "urn:x:y": 1}), notes=notes)
    assert result == USER_NOW
    assert notes.ignored == ["isStaff", "is_superuser", "urn:x:y"]


def test_v6_password_is_checked_and_dropped():
    assert patched(op("replace", "password", "S3cret")) == USER_NOW
    assert patched(op("replace", None, {"password": "S3cret"})) == USER_NOW


def test_strict_policy_takes_the_rfc_form_and_refuses_the_unknown():
    assert patched(op("replace", "displayName", "J"), policy=STRICT)["displayName"] == "J"
    with pytest.raises(ScimError, match="no attribute"):
        patched(op("replace", "shoeSize", 43), policy=STRICT)
    with pytest.raises(ScimError) as refused:
        patched(op("replace", 'phoneNumbers[type eq "work"].value', "1"), policy=STRICT)
    assert refused.value.scim_type == "noTarget"


def test_v65_comparisons_in_paths_and_values_are_limited_together():
    chosen = " or ".join(['value eq "x"'] * 99)
    path = f"emails[{chosen}].display"
    with pytest.raises(ScimError) as refused:
        patched(*[op("remove", path)] * 11)
    assert refused.value.scim_type == "tooMany"
    with pytest.raises(ScimError) as refused:
        patched(op("add", "emails", [{"value": str(number)} for number in range(501)]))
    assert refused.value.scim_type == "tooMany"


def test_unknown_parts_are_noted_and_refused_by_the_strict_policy():
    for path, value, noted in (
        ("emails", [{"shoe": 1}, {"hat": 2, "Display": None}], []),
        ("emails", [{"shoe": 1}, {"hat": 2}], ["emails.shoe", "emails.hat"]),
        ("name", {"shoe": 1}, ["name.shoe"]),
    ):
        notes = Notes()
        patched(op("replace", path, value), notes=notes)
        assert [name for name in noted if name not in notes.ignored] == [], notes
        with pytest.raises(ScimError, match="shoe"):
            patched(op("replace", path, value), policy=STRICT)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        (f"{ENTERPRISE_USER}:department", "C", {ENTERPRISE_USER: {"department": "C"}}),
        (f"{ENTERPRISE_USER}.department", "C", {ENTERPRISE_USER: {"department": "C"}}),
        (f"{USER.schema.id}:active", "False", {"active": False}),
        (USER.schema.id, {"title": "T"}, {"title": "T"}),
        ("name.givenName", "J", {"name": {"givenName": "J"}}),
        ('emails[type eq "work"].value', "j@x", {"emails": [{"type": "work", "value": "j@x"}]}),
        (f"{USER.schema.id}:password", "S3cret", {}),
        (f"{USER.schema.id}:id", "x", {}),
        (f"{ENTERPRISE_USER}:shoe", "x", {}),
        ("urn:x:y", {}, {}),
        ("my name.first", "x", {}),
    ],
)
def test_a_path_at_the_top_of_a_body_is_read_as_in_a_patch(name, value, wanted):
    notes = Notes()
    resource = read_resource({"userName": "j", name: value}, USER, LIBERAL, notes)
    assert {part: held for part, held in resource.items() if part != "schemas"} == {"userName": "j"} | wanted
    assert bool(notes.ignored) == (not wanted and "password" not in name and ":id" not in name)


@pytest.mark.parametrize(
    "name", [USER.schema.id, f"{USER.schema.id}:title", f"{USER.schema.id}.title", "name.givenName"]
)
def test_a_path_at_the_top_of_a_body_is_refused_by_the_strict_policy(name):
    body = {"schemas": [USER.schema.id], "userName": "j", name: {"title": "T"} if name == USER.schema.id else "T"}
    with pytest.raises(ScimError) as refused:
        read_resource(body, USER, STRICT, Notes())
    assert "strict protocol" in refused.value.detail


def test_a_body_whose_required_attribute_has_its_full_name_is_whole():
    named = {
        f"{USER.schema.id}:userName": "j",
        f"{USER.schema.id}:emails": [{"value": "a"}],
        "emails": [{"value": "b"}],
    }
    resource = read_resource(named, USER, LIBERAL, Notes())
    assert (resource["userName"], resource["emails"]) == ("j", [{"value": "b"}, {"value": "a"}])
    with pytest.raises(ScimError, match="userName"):
        read_resource({f"{USER.schema.id}:title": "T"}, USER, LIBERAL, Notes())


def test_a_group_s_members_under_their_full_name_are_not_limited():
    members = [{"value": str(number)} for number in range(600)]
    body = {"displayName": "G", f"{GROUP.schema.id}:members": members}
    assert read_resource(body, GROUP, LIBERAL, Notes())["members"] == members
