"""PATCH (RFC 7644 §3.5.2): add, replace, remove × every form of path; the habits of entra.md on top."""

import copy

import pytest

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.changes import apply_changes
from scim.protocol.errors import ScimError
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


def patched(*operations, policy=LIBERAL, resource=USER_NOW, notes=None):
    before = copy.deepcopy(resource)
    changes = read_patch({"schemas": [PATCH_SCHEMA], "Operations": list(operations)}, USER, policy, notes or Notes())
    result = apply_changes(resource, changes, USER, policy)
    assert resource == before, "the argument is left as it was"
    return result


def op(name, path=None, value=None):
    operation = {"op": name}
    if path is not None:
        operation["path"] = path
    if name.lower() != "remove" or value is not None:
        operation["value"] = value
    return operation


def keeps_home(result):
    return [one["value"] for one in result["emails"]] == ["jane@example.com", "jane@home.example"]


WORK, HOME = '[type eq "work"]', '[type eq "home"]'
CASES = [
    ("replace simple", op("replace", "displayName", "J"), lambda r: r["displayName"] == "J"),
    ("add simple that exists", op("add", "displayName", "J"), lambda r: r["displayName"] == "J"),
    ("remove simple", op("remove", "displayName"), lambda r: "displayName" not in r),
    (
        "replace part",
        op("replace", "name.givenName", "X"),
        lambda r: r["name"] == {"givenName": "X", "familyName": "Doe"},
    ),
    ("remove part", op("remove", "name.givenName"), lambda r: r["name"] == {"familyName": "Doe"}),
    ("replace complex merges", op("replace", "name", {"givenName": "X"}), lambda r: r["name"]["familyName"] == "Doe"),
    ("remove complex", op("remove", "name"), lambda r: "name" not in r),
    ("add to list", op("add", "emails", [{"type": "other", "value": "o"}]), lambda r: len(r["emails"]) == 3),
    (
        "add the same again",
        op("add", "emails", [{"type": "HOME", "value": "JANE@home.example"}]),
        lambda r: len(r["emails"]) == 2,
    ),
    ("replace list", op("replace", "emails", [{"value": "n"}]), lambda r: r["emails"] == [{"value": "n"}]),
    ("remove list", op("remove", "emails"), lambda r: "emails" not in r),
    (
        "replace element's part",
        op("replace", f"emails{WORK}.value", "n"),
        lambda r: r["emails"][0] == {"type": "work", "value": "n", "primary": True},
    ),
    (
        "replace element",
        op("replace", f"emails{WORK}", {"value": "n"}),
        lambda r: r["emails"][0] == {"type": "work", "value": "n"},
    ),
    (
        "add to element merges",
        op("add", f"emails{WORK}", {"display": "n"}),
        lambda r: r["emails"][0]["value"] == "jane@example.com" and r["emails"][0]["display"] == "n",
    ),
    ("remove element", op("remove", f"emails{WORK}"), lambda r: [e["type"] for e in r["emails"]] == ["home"]),
    ("remove element's part", op("remove", f"emails{WORK}.primary"), lambda r: "primary" not in r["emails"][0]),
    ("remove part of every element", op("remove", "emails.type"), lambda r: all("type" not in e for e in r["emails"])),
    ("remove what no element is", op("remove", 'emails[type eq "x"]'), lambda r: len(r["emails"]) == 2),
    (
        "extension by URN",
        op("replace", f"{ENTERPRISE_USER}:department", "ICT"),
        lambda r: r[ENTERPRISE_USER]["department"] == "ICT",
    ),
    (
        "whole extension added to",
        op("add", ENTERPRISE_USER, {"costCenter": "7"}),
        lambda r: r[ENTERPRISE_USER]["costCenter"] == "7" and r[ENTERPRISE_USER]["department"] == "Care",
    ),
    (
        "whole extension removed",
        op("remove", ENTERPRISE_USER),
        lambda r: ENTERPRISE_USER not in r and r["schemas"] == [USER.schema.id],
    ),
    (
        "no path",
        op("replace", None, {"title": "T", "name": {"givenName": "X"}, ENTERPRISE_USER: {"division": "D"}}),
        lambda r: (r["title"], r["name"]["familyName"], r[ENTERPRISE_USER]["department"]) == ("T", "Doe", "Care"),
    ),
    (
        "the core schema as path",
        op("replace", USER.schema.id, {"title": "T", "name": {"givenName": "X"}}),
        lambda r: (r["title"], r["name"]["givenName"], r["name"]["familyName"]) == ("T", "X", "Doe"),
    ),
    (
        "new primary demotes the old",
        op("add", "emails", [{"value": "n", "primary": True}]),
        lambda r: [e.get("primary") for e in r["emails"]] == [False, None, True],
    ),
    (
        "primary set in place demotes the old",
        op("replace", 'emails[type eq "home"].primary', True),
        lambda r: [e.get("primary") for e in r["emails"]] == [False, True],
    ),
    # habits
    ("E1 capital op", op("Replace", "displayName", "J"), lambda r: r["displayName"] == "J"),
    ("E2 text boolean", op("Replace", "active", "False"), lambda r: r["active"] is False),
    (
        "E4 absent element is made",
        op("replace", 'phoneNumbers[type eq "work"].value', "1"),
        lambda r: r["phoneNumbers"] == [{"type": "work", "value": "1"}],
    ),
    ("E6 dotted key", op("replace", None, {"name.givenName": "X"}), lambda r: r["name"]["givenName"] == "X"),
    (
        "E7 URN key",
        op("replace", None, {f"{ENTERPRISE_USER}:employeeNumber": "7"}),
        lambda r: r[ENTERPRISE_USER]["employeeNumber"] == "7",
    ),
    ("E8 value-path key", op("add", None, {f"emails{WORK}.value": "n"}), lambda r: r["emails"][0]["value"] == "n"),
    (
        "E10 dot after URN",
        op("replace", f"{ENTERPRISE_USER}.department", "ICT"),
        lambda r: r[ENTERPRISE_USER]["department"] == "ICT",
    ),
    (
        "E11 manager as text",
        op("Add", f"{ENTERPRISE_USER}:manager", "m2"),
        lambda r: r[ENTERPRISE_USER]["manager"] == {"value": "m2"},
    ),
    (
        "E11 manager as list without schema",
        op("Add", "manager", [{"$ref": "../Users/m2", "value": "m2"}]),
        lambda r: r[ENTERPRISE_USER]["manager"]["value"] == "m2",
    ),
    (
        "E11 manager cleared",
        op("Replace", f"{ENTERPRISE_USER}:manager", ""),
        lambda r: "manager" not in r[ENTERPRISE_USER],
    ),
    (
        "E11 manager cleared by part",
        op("replace", f"{ENTERPRISE_USER}:manager", {"value": ""}),
        lambda r: "manager" not in r[ENTERPRISE_USER],
    ),
    (
        "E16 wrapped single",
        op("Replace", "displayName", [{"$ref": None, "value": "J"}]),
        lambda r: r["displayName"] == "J",
    ),
    ("E17 empty clears", op("Replace", "displayName", ""), lambda r: "displayName" not in r),
    ("E17 null clears", op("Replace", "displayName", None), lambda r: "displayName" not in r),
    (
        "E17 hollow element goes",
        op("Replace", f"emails{WORK}.value", ""),
        lambda r: [e["type"] for e in r["emails"]] == ["home"],
    ),
    (
        "E17 an Add of nothing clears too",
        op("Add", f"emails{WORK}.value", ""),
        lambda r: [e["type"] for e in r["emails"]] == ["home"],
    ),
    ("add of a null element", op("add", f"emails{WORK}", None), lambda r: [e["type"] for e in r["emails"]] == ["home"]),
    ("add of no values", op("add", "emails", []), lambda r: r == USER_NOW),
    *(
        (f"{name} of {part} alone keeps the value", op(name, f"emails{HOME}", {part: value}), keeps_home)
        for name in ("add", "replace")
        for part, value in (("primary", True), ("type", "other"), ("shoeSize", 43))
    ),
    ("add of an empty element", op("add", f"emails{HOME}", {"display": None}), lambda r: r == USER_NOW),
    (
        "a part cleared within its whole leaves the others",
        op("replace", "name", {"givenName": "Z", "familyName": ""}),
        lambda r: r["name"] == {"givenName": "Z"},
    ),
    ("a whole of nothing changes nothing", op("replace", "name", {}), lambda r: r == USER_NOW),
    ("a whole of unknown parts changes nothing", op("replace", "name", {"foo": "x"}), lambda r: r == USER_NOW),
    ("a list of unknown parts changes nothing", op("replace", "emails", {"work": "x"}), lambda r: r == USER_NOW),
    (
        "a part of an extension cleared leaves the others",
        op("replace", None, {ENTERPRISE_USER: {"department": ""}}),
        lambda r: r[ENTERPRISE_USER] == {"manager": {"value": "m1"}},
    ),
    ("an extension of nothing changes nothing", op("replace", ENTERPRISE_USER, {}), lambda r: r == USER_NOW),
    (
        "a manager named by address",
        op("replace", f"{ENTERPRISE_USER}:manager", {"$ref": "https://x/scim/Users/m9"}),
        lambda r: r[ENTERPRISE_USER]["manager"] == {"$ref": "https://x/scim/Users/m9", "value": "m9"},
    ),
    (
        "a manager's name alone changes nothing",
        op("replace", f"{ENTERPRISE_USER}:manager", {"displayName": "B"}),
        lambda r: r == USER_NOW,
    ),
    (
        "remove of a single value with a value",
        op("Remove", f"{ENTERPRISE_USER}:manager", [{"$ref": None, "value": "m1"}]),
        lambda r: "manager" not in r[ENTERPRISE_USER],
    ),
    (
        "E2+E16 a wrapped boolean",
        op("Replace", "active", [{"$ref": None, "value": "False"}]),
        lambda r: r["active"] is False,
    ),
    (
        "E12 remove by text",
        op("Remove", "emails", "jane@home.example"),
        lambda r: [e["type"] for e in r["emails"]] == ["work"],
    ),
    ("E12 remove by text that nobody has", op("Remove", "emails", "zzz"), lambda r: r == USER_NOW),
    (
        "an enterprise attribute without schema",
        op("replace", None, {"department": "ICT"}),
        lambda r: r[ENTERPRISE_USER]["department"] == "ICT",
    ),
    ("the core schema as a key", op("replace", None, {USER.schema.id: {"title": "X"}}), lambda r: r["title"] == "X"),
    ("a dot after the core schema", op("replace", f"{USER.schema.id}.title", "X"), lambda r: r["title"] == "X"),
    ("a key that is no path", op("replace", None, {"my attr": 1, "title": "X"}), lambda r: r["title"] == "X"),
    (
        "primary by the filter of a new value demotes the old",
        op("Add", 'emails[type eq "other" and primary eq "True"].value', "n"),
        lambda r: [e.get("primary") for e in r["emails"]] == [False, None, True],
    ),
    ("E23 any case", op("replace", 'EMAILS[Type eq "Work"].Value', "n"), lambda r: r["emails"][0]["value"] == "n"),
    ("E24 unknown attribute", op("replace", "shoeSize", 43), lambda r: r == USER_NOW),
    ("no operations", None, lambda r: r == USER_NOW),
]


@pytest.mark.parametrize(("operation", "holds"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_operation(operation, holds):
    result = patched(*([operation] if operation else []))
    assert holds(result), result


def test_operations_run_in_order():
    result = patched(op("remove", "title"), op("add", "title", "A"), op("replace", "title", "B"))
    assert result["title"] == "B"


def test_several_parts_build_one_element():
    parts = [op("Add", f'addresses[type eq "work"].{part}', part) for part in ("locality", "country", "formatted")]
    assert patched(*parts)["addresses"] == [
        {"type": "work", "locality": "locality", "country": "country", "formatted": "formatted"}
    ]


def test_roles_primary_as_text_makes_one_element():
    parts = [op("Add", f'roles[primary eq "True"].{part}', "Editor") for part in ("value", "display")]
    assert patched(*parts)["roles"] == [{"primary": True, "value": "Editor", "display": "Editor"}]


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


def test_v45_parts_of_members_cannot_be_removed():
    for path in ("members.value", "members.type"):
        with pytest.raises(ScimError):
            deltas(op("remove", path))


def test_changes_can_be_applied_twice():
    changes = read_patch(
        {"Operations": [op("replace", "emails", [{"value": "a"}]), op("replace", 'emails[value eq "a"].value', "b")]},
        USER,
        LIBERAL,
        Notes(),
    )
    once, twice = (apply_changes(USER_NOW, changes, USER, LIBERAL) for _ in range(2))
    assert once == twice
    assert once["emails"] == [{"value": "b"}]


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


def deltas(*operations):
    changes = read_patch({"Operations": list(operations)}, GROUP, LIBERAL, Notes())
    return [(delta.reset, delta.remove, delta.add) for delta in member_changes(changes)]


def member(*ids):
    return [{"$ref": None, "value": one} for one in ids]


MEMBERS = [
    ("add", [op("Add", "members", member("a", "b"))], [(False, [], ["a", "b"])]),
    ("add without path", [op("add", None, {"members": member("a")})], [(False, [], ["a"])]),
    ("add text", [op("add", "members", ["a"])], [(False, [], ["a"])]),
    ("add one object", [op("add", "members", {"value": "a"})], [(False, [], ["a"])]),
    ("remove by filter", [op("remove", 'members[value eq "a"]')], [(False, ["a"], [])]),
    ("v45 remove by value", [op("Remove", "members", member("a", "b"))], [(False, ["a", "b"], [])]),
    ("v45 remove by empty list", [op("Remove", "members", [])], []),
    ("v45 remove by value without id", [op("Remove", "members", [{"display": "x"}])], []),
    ("v45 remove by text", [op("Remove", "members", "a")], [(False, ["a"], [])]),
    ("v45 remove by address", [op("Remove", "members", [{"$ref": "https://x/Users/a"}])], [(False, ["a"], [])]),
    ("v45 remove by empty text", [op("Remove", "members", "")], []),
    ("add by address", [op("add", "members", [{"$ref": "https://x/scim/Users/a"}])], [(False, [], ["a"])]),
    ("add nothing", [op("add", "members", None)], []),
    ("remove all", [op("Remove", "members")], [(True, [], [])]),
    ("replace", [op("replace", "members", member("a"))], [(True, [], ["a"])]),
    ("replace by nothing", [op("replace", "members", [])], [(True, [], [])]),
    (
        "add then remove",
        [op("add", "members", member("a")), op("remove", 'members[value eq "a"]')],
        [(False, ["a"], [])],
    ),
    (
        "remove then add",
        [op("remove", 'members[value eq "a"]'), op("add", "members", member("a"))],
        [(False, [], ["a"])],
    ),
    (
        "v41 a value is no filter",
        [op("remove", "members", member('x" or value pr'))],
        [(False, ['x" or value pr'], [])],
    ),
]


@pytest.mark.parametrize(("operations", "wanted"), [case[1:] for case in MEMBERS], ids=[case[0] for case in MEMBERS])
def test_member_changes(operations, wanted):
    assert deltas(*operations) == wanted


def test_v65_comparisons_in_paths_and_values_are_limited_together():
    chosen = " or ".join(['value eq "x"'] * 99)
    path = f"emails[{chosen}].display"
    with pytest.raises(ScimError) as refused:
        patched(*[op("remove", path)] * 11)
    assert refused.value.scim_type == "tooMany"
    with pytest.raises(ScimError) as refused:
        patched(op("add", "emails", [{"value": str(number)} for number in range(501)]))
    assert refused.value.scim_type == "tooMany"
