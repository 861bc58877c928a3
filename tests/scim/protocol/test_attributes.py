"""Schemas as objects: what each attribute is, read from the documents that are served."""

import pytest

from scim.protocol.attributes import ENTERPRISE_USER, GROUP, RESOURCE_TYPES, SCHEMAS, USER, schemas_of
from scim.protocol.paths import AttrPath, find


def test_every_schema_is_there_once():
    assert len({schema.id for schema in SCHEMAS}) == len(SCHEMAS)
    assert [schema.id for schema in schemas_of([GROUP])] == [GROUP.schema.id]


@pytest.mark.parametrize("known", RESOURCE_TYPES, ids=lambda known: known.name)
def test_every_type_has_what_all_resources_have(known):
    for name in ("id", "externalid", "meta", "schemas"):
        assert name in known.core
    assert known.core["id"].mutability == "readOnly"


def test_a_target_is_written_as_a_path():
    assert str(find(AttrPath("name", "givenname"), USER)) == "name.givenName"
    assert str(find(AttrPath("manager", "value", ENTERPRISE_USER), USER)) == f"{ENTERPRISE_USER}:manager.value"


def test_a_target_finds_its_value_in_a_resource():
    resource = {"name": {"givenName": "Jane"}, ENTERPRISE_USER: {"department": "Care"}}
    assert find(AttrPath("name"), USER).held_by(resource) == {"givenName": "Jane"}
    assert find(AttrPath("department", "", ENTERPRISE_USER), USER).held_by(resource) == "Care"
    assert find(AttrPath("title"), USER).held_by(resource) is None


def test_members_are_references_and_emails_are_not():
    assert GROUP.core["members"].holds_references
    assert not USER.core["emails"].holds_references
