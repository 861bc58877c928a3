"""`attributes` and `excludedAttributes` (RFC 7644 §3.9)."""

import pytest

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, USER
from scim.protocol.errors import ScimError
from scim.protocol.projection import parse_projection, project

RESOURCE = {
    "schemas": [USER.schema.id, ENTERPRISE_USER],
    "id": "1",
    "userName": "j",
    "name": {"givenName": "J", "familyName": "D"},
    "emails": [{"type": "work", "value": "w"}, {"type": "home", "value": "h"}],
    ENTERPRISE_USER: {"department": "Care", "costCenter": "7"},
    "meta": {"resourceType": "User"},
}
ALWAYS = {"schemas": RESOURCE["schemas"], "id": "1"}

CASES = [
    ("userName", "", ALWAYS | {"userName": "j"}),
    ("USERNAME,name.givenName", "", ALWAYS | {"userName": "j", "name": {"givenName": "J"}}),
    ("emails.value", "", ALWAYS | {"emails": [{"value": "w"}, {"value": "h"}]}),
    (f"{ENTERPRISE_USER}:department", "", ALWAYS | {ENTERPRISE_USER: {"department": "Care"}}),
    (ENTERPRISE_USER, "", ALWAYS | {ENTERPRISE_USER: RESOURCE[ENTERPRISE_USER]}),
    ("shoeSize", "", ALWAYS),
    ("", "emails,meta,name,userName", ALWAYS | {ENTERPRISE_USER: RESOURCE[ENTERPRISE_USER]}),
    ("", "id,schemas", RESOURCE),
    ("", "name.givenName", RESOURCE | {"name": {"familyName": "D"}}),
]


@pytest.mark.parametrize(("attributes", "excluded", "wanted"), CASES)
def test_projection(attributes, excluded, wanted):
    assert project(RESOURCE, parse_projection(attributes, excluded, USER, LIBERAL), USER) == wanted


def test_v65_a_very_long_list_is_refused():
    with pytest.raises(ScimError):
        parse_projection("a," * 600_000, "", USER, LIBERAL)


def test_attributes_count_where_both_lists_are_sent():
    assert project(RESOURCE, parse_projection("userName", "userName", USER, LIBERAL), USER) == ALWAYS | {
        "userName": "j"
    }


def test_habitual_names_are_known_here_too():
    assert parse_projection("department", "", USER, LIBERAL).only == {(ENTERPRISE_USER, "department", "")}


def test_what_is_not_wanted_need_not_be_read():
    assert not parse_projection("", "members,groups", USER, LIBERAL).wants("groups")
    assert not parse_projection("id", "", USER, LIBERAL).wants("groups")
    assert parse_projection("groups.value", "", USER, LIBERAL).wants("groups")
