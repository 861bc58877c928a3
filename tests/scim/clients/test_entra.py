"""The rewriting functions of Entra ID's habits: what each changes, and what it leaves alone."""

import pytest

from scim.clients import entra
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER, Attribute
from scim.protocol.filters import Comparison, Or, Path
from scim.protocol.paths import AttrPath, parse_attr_path
from scim.protocol.policy import Operation
from tests.scim.protocol.patches import USER_NOW, op, patched

ACTIVE, TITLE, EMAILS = USER.core["active"], USER.core["title"], USER.core["emails"]


def test_an_operation_is_written_in_small_letters():
    assert entra.lower_op(Operation("Replace", None, 1), USER) == [Operation("replace", None, 1)]


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (ACTIVE, "False", False),
        (ACTIVE, "true", True),
        (ACTIVE, "no", "no"),
        (ACTIVE, 1, 1),
        (TITLE, "true", "true"),
    ],
)
def test_only_true_and_false_of_a_boolean_are_read_from_text(attribute, sent, meant):
    assert entra.boolean_from_text(attribute, sent) is meant


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (TITLE, [{"$ref": None, "value": "Nurse"}], "Nurse"),
        (TITLE, [{"Value": "Nurse"}], "Nurse"),
        (TITLE, [], None),
        (TITLE, ["a", "b"], ["a", "b"]),
        (TITLE, "Nurse", "Nurse"),
        (EMAILS, [{"value": "a@x"}], [{"value": "a@x"}]),
    ],
)
def test_a_single_value_leaves_its_list(attribute, sent, meant):
    assert entra.unwrap_single(attribute, sent) == meant


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{ENTERPRISE_USER}.department", f"{ENTERPRISE_USER}:department"),
        (f"{ENTERPRISE_USER}.manager.value", f"{ENTERPRISE_USER}:manager.value"),
        (f"{ENTERPRISE_USER}:department", f"{ENTERPRISE_USER}:department"),
        ("name.givenName", "name.givenName"),
    ],
)
def test_a_schema_before_a_dot_is_recognized(path, meant):
    assert str(entra.schema_before_dot(parse_attr_path(path), USER)) == meant


def test_a_schema_of_another_type_is_not_meant_by_a_dot():
    path = parse_attr_path(f"{ENTERPRISE_USER}.department")
    assert entra.schema_before_dot(path, GROUP) == path
    assert entra.enterprise_without_schema(parse_attr_path("department"), GROUP) == parse_attr_path("department")


@pytest.mark.parametrize(
    ("path", "meant"), [("Manager", f"{ENTERPRISE_USER}:Manager"), ("title", "title"), ("x:manager", "x:manager")]
)
def test_an_enterprise_attribute_without_schema_gets_it(path, meant):
    assert str(entra.enterprise_without_schema(parse_attr_path(path), USER)) == meant


MEMBERS = AttrPath("members")
ONE, OTHER = (Comparison(AttrPath("value"), "eq", value) for value in ("a", "b"))


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ([{"value": "a"}], ONE),
        ({"$ref": "https://x/Users/a"}, ONE),
        (["a", {"value": "b"}], Or((ONE, OTHER))),
    ],
)
def test_v45_members_to_remove_are_named_in_the_path(value, where):
    removal = Operation("remove", Path(MEMBERS), value)
    assert entra.remove_by_value(removal, GROUP) == [Operation("remove", Path(MEMBERS, where), None)]


def test_v45_a_removal_that_names_nobody_removes_nobody():
    for value in ([], [{"display": "Anna"}], [{"value": ""}]):
        assert entra.remove_by_value(Operation("remove", Path(MEMBERS), value), GROUP) == []


WHOLE, REAL = (Attribute("number", kind) for kind in ("integer", "decimal"))


@pytest.mark.parametrize(
    ("attribute", "sent", "meant"),
    [
        (WHOLE, "43", 43),
        (WHOLE, "-7", -7),
        (WHOLE, "7.5", 7.5),
        (REAL, "7.50", 7.5),
        (REAL, "1e2", 100.0),
        *((REAL, text, text) for text in ("", " 7", "07", "+7", "7.", ".7", "NaN", "٣", "0x1", "seven", "9" * 401)),
        (TITLE, "43", "43"),
        (WHOLE, True, True),
    ],
)
def test_a_number_is_read_from_text_as_json_writes_it(attribute, sent, meant):
    assert entra.number_from_text(attribute, sent) == meant


WORK_AND_HOME = [{"value": "x", "type": "work"}, {"value": "x", "type": "home", "primary": True}]


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ([{"type": "work", "value": "x"}], WORK_AND_HOME[1:]),
        ([{"type": "WORK", "value": "X", "display": "as it was once"}], WORK_AND_HOME[1:]),
        ([{"type": "home", "value": "x", "primary": False}], WORK_AND_HOME[:1]),
        ([{"value": "x"}], None),
        (["x"], None),
        ([{"value": "x", "type": ""}], None),
        ([{"value": "x", "type": None}], None),
        (WORK_AND_HOME, None),
        ([{"type": "other", "value": "x"}], WORK_AND_HOME),
        ([{"type": "work"}], WORK_AND_HOME[1:]),
    ],
)
def test_a_removal_by_value_removes_the_type_that_it_names(named, left):
    removal = op("Remove", "emails", named)
    assert patched(removal, resource=USER_NOW | {"emails": WORK_AND_HOME}).get("emails") == left


def test_a_removal_of_members_looks_at_their_ids_alone():
    removal = Operation("remove", Path(MEMBERS), [{"value": "a", "type": "Group"}])
    assert entra.remove_by_value(removal, GROUP) == [Operation("remove", Path(MEMBERS, ONE), None)]
