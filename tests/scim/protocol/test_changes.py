"""Changes applied to a resource: add, replace, remove × every form of path (RFC 7644 §3.5.2)."""

import pytest

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.changes import apply_changes
from scim.protocol.patch import read_patch
from scim.protocol.validation import Notes
from tests.scim.protocol.patches import HOME, USER_NOW, WORK, op, patched

HOME_NOW = USER_NOW["emails"][1]


def keeps_home(result):
    return [one["value"] for one in result["emails"]] == ["jane@example.com", "jane@home.example"]


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
    # RFC 7643 §2.4: without `primary` a value is not primary
    (
        "replace what is not primary",
        op("replace", "emails[primary eq false]", {"value": "n", "type": "work"}),
        lambda r: r["emails"] == [USER_NOW["emails"][0], {"value": "n", "type": "work"}],
    ),
    (
        "replace a part of what is not primary",
        op("Replace", 'emails[primary eq "False"].value', "n"),
        lambda r: r["emails"] == [USER_NOW["emails"][0], {"type": "home", "value": "n"}],
    ),
    (
        "remove what is not primary",
        op("remove", "emails[primary ne true]"),
        lambda r: r["emails"] == USER_NOW["emails"][:1],
    ),
    (
        "remove what is not not primary",
        op("remove", "emails[not (primary eq false)]"),
        lambda r: r["emails"] == USER_NOW["emails"][1:],
    ),
    (
        "remove what is primary",
        op("remove", "emails[primary ne false]"),
        lambda r: r["emails"] == USER_NOW["emails"][1:],
    ),
    (
        "a new value that is not primary",
        op("add", 'roles[primary eq false and type eq "x"].value', "n"),
        lambda r: r["roles"] == [{"type": "x", "value": "n"}],
    ),
    (
        "a new value from the default alone",
        op("add", "roles[primary eq false].value", "n"),
        lambda r: r["roles"] == [{"value": "n"}],
    ),
    (
        "remove by value what is not primary",
        op("Remove", "emails", [{"type": "home", "primary": False}]),
        lambda r: r["emails"] == USER_NOW["emails"][:1],
    ),
    # RFC 7643 §2.4: the same type and value are there once
    (
        "the same with another display",
        op("add", "emails", [{"type": "HOME", "value": "JANE@home.example", "display": "H"}]),
        lambda r: r["emails"][1:] == [HOME_NOW | {"display": "H"}],
    ),
    (
        "the same becomes primary",
        op("add", "emails", [HOME_NOW | {"primary": True}]),
        lambda r: [one.get("primary") for one in r["emails"]] == [False, True],
    ),
    ("what is primary is added again", op("add", "emails", [USER_NOW["emails"][0]]), lambda r: r == USER_NOW),
    (
        "the same twice in a replace",
        op("replace", "emails", [{"value": "n"}, {"value": "N", "primary": True}, {"value": "n", "type": "work"}]),
        lambda r: r["emails"] == [{"value": "n", "primary": True}, {"value": "n", "type": "work"}],
    ),
    (
        "one value becomes the other",
        op("replace", f"emails{HOME}", {"type": "work", "value": "JANE@example.com"}),
        lambda r: r["emails"] == USER_NOW["emails"][:1],
    ),
    (
        "both values become one",
        op("replace", "emails", [{"value": "a", "type": "work"}, {"value": "b", "type": "work", "primary": True}]),
        lambda r: len(r["emails"]) == 2,
    ),
    ("all types become one", op("replace", "emails.value", "n"), lambda r: len(r["emails"]) == 2),
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
        "the address of a manager has the id",
        op("add", f"{ENTERPRISE_USER}:manager.$ref", "https://x/scim/Users/m9"),
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


@pytest.mark.parametrize("verb", ["add", "replace"])
def test_the_address_alone_names_a_first_manager_too(verb):
    path = f"{ENTERPRISE_USER}:manager.$ref"
    named = patched(op("remove", ENTERPRISE_USER), op(verb, path, "../Users/m9/"))
    assert named[ENTERPRISE_USER] == {"manager": {"$ref": "../Users/m9/", "value": "m9"}}
    other = patched(op(verb, path, "../Users/m9"), op(verb, f"{ENTERPRISE_USER}:manager.value", "m8"))
    assert other[ENTERPRISE_USER]["manager"]["value"] == "m8"


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


def test_a_value_path_that_makes_two_values_the_same_leaves_one():
    work = [{"value": one, "type": "work"} for one in "ab"]
    two = USER_NOW | {"emails": [work[0], work[1] | {"primary": True, "display": "B"}]}
    for path in (f"emails{WORK}.value", "emails.value"):
        result = patched(op("replace", path, "n"), resource=two)
        assert result["emails"] == [{"value": "n", "type": "work", "primary": True, "display": "B"}], path
    assert patched(op("replace", f"emails{WORK}", {"value": "n"}), resource=two)["emails"] == [
        {"value": "n", "type": "work"}
    ]


def test_the_same_address_is_there_once_whether_primary_or_not():
    home = {"type": "home", "locality": "Tilburg", "country": "NL"}
    body = op("add", "addresses", [home, {"type": "work", "locality": "Tilburg"}])
    again = op("add", "addresses", [{**home, "locality": "TILBURG", "primary": True}])
    assert patched(body, again)["addresses"] == [home | {"primary": True}, {"type": "work", "locality": "Tilburg"}]
