"""`attributes` and `excludedAttributes` (RFC 7644 §3.9)."""

import pytest

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
    assert project(RESOURCE, parse_projection(attributes, excluded, USER), USER) == wanted


def test_both_lists_or_a_very_long_one_are_refused():
    for attributes, excluded in (("id", "meta"), ("a," * 600_000, "")):
        with pytest.raises(ScimError):
            parse_projection(attributes, excluded, USER)


def test_what_is_not_wanted_need_not_be_read():
    assert not parse_projection("", "members,groups", USER).wants("groups")
    assert not parse_projection("id", "", USER).wants("groups")
    assert parse_projection("groups.value", "", USER).wants("groups")
