"""The attribute mapping of the demo: one table to send by and to compare by."""

from dataclasses import replace

from iprova_idm.demo.mapping import ENTERPRISE_USER, MAPPING, group_body, manager_of, user_body
from tests.iprova_idm.demo.conftest import ANNA, BRAM, small


def test_what_is_sent_reads_back_as_the_person():
    for person in (ANNA, BRAM):
        body = user_body(person)
        for attribute in MAPPING:
            assert attribute.of_resource(body) == attribute.of_person(person), attribute.path


def test_nothing_empty_is_sent_but_roles_and_no_manager():
    body = user_body(replace(BRAM, phone=None))
    assert body["roles"] == [] and not {"title", "phoneNumbers", ENTERPRISE_USER} & set(body)
    assert manager_of(user_body(BRAM)) is None
    assert manager_of({ENTERPRISE_USER: {"manager": {"value": "o1"}}}) == "o1"


def test_a_group_is_sent_without_its_members():
    group = small(ANNA).groups["g1"]
    body = group_body(group)
    assert (body["displayName"], body["externalId"]) == ("Team", "g1") and "members" not in body
