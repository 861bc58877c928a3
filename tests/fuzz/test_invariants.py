"""The invariants hold after ordinary writes, and each is seen to fail when its rows are changed behind the product."""

from collections import Counter

import pytest
from django.db import connection

from fuzz.invariants import bystander_is_as_before, check_all, digest_of, log_has_each_request
from providers.models import ChangeEvent, Provider
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_calls, make_group, make_user


@pytest.fixture
def written(provider: Provider, stranger: Provider) -> Provider:
    """A provider with users, a group that has gained and lost members, a deleted user, and a log."""
    users = [make_user(provider, f"user{number}", title="Nurse") for number in range(4)]
    group = make_group(provider, "Care", users[:3])
    leave = {"op": "remove", "path": "members", "value": [{"value": str(users[0].pk)}]}
    verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": [leave]}, answers=False)
    verbs.patch(
        call(provider),
        str(users[1].pk),
        {"Operations": [{"op": "replace", "path": "title", "value": "x"}]},
        answers=False,
    )
    verbs.delete(call(provider), str(users[2].pk))
    make_user(stranger, "stranger")
    make_calls(provider, 200, count=3)
    return provider


def violated() -> set[str]:
    return {checked.name for checked in check_all() if checked.count}


def test_ordinary_writes_violate_nothing(written: Provider):
    assert violated() == set()
    assert all(checked.rows for checked in check_all() if "request's row" not in checked.name)


OF_USER, OF_GROUP = (f"WHERE resource_type = '{kind}' AND deleted_at IS NULL" for kind in ("User", "Group"))
BROKEN = {
    "the kept numbers of users and groups": "DELETE FROM providers_resourcecount WHERE resource_type = 'User'",
    "what a resource is found by": "UPDATE providers_sought SET text = ''",
    "a membership has the provider of both its ends": "UPDATE providers_membership SET member_type = 'Group'",
    "a current membership has two live ends": f"UPDATE providers_resource SET deleted_at = now() {OF_GROUP}",
    "memberships begin and end with an event": "DELETE FROM providers_membership WHERE ending = 'removed'",
    "each event that a membership names": "UPDATE providers_membership SET joined_event = gen_random_uuid()",
    "each event of a resource has a version of its own": "UPDATE providers_changeevent SET version = 1",
    "a user's version is the number": f"UPDATE providers_resource SET version = version + 1 {OF_USER}",
    "a group's version is the number": f"UPDATE providers_resource SET version = version + 1 {OF_GROUP}",
    "a refused request has no event": "UPDATE providers_requestlog SET status = 400;"
    " UPDATE providers_changeevent SET request_id = (SELECT id FROM providers_requestlog LIMIT 1)",
    "each event of a directory's request": "UPDATE providers_changeevent SET token_prefix = 'ipr_abcd'",
    "the counts of requests": "UPDATE providers_requestcount SET count = count + 1",
    "the addresses seen": "UPDATE providers_sourceseen SET calls = calls - 1",
    "the columns of a resource": f"UPDATE providers_resource SET search_text = '' {OF_USER}",
    "replaying the events": f'UPDATE providers_resource SET document = document || \'{{"title": "y"}}\' {OF_USER}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_invariant_finds_what_violates_it(name: str, written: Provider):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with waiting checks cannot be altered
        cursor.execute("ALTER TABLE providers_changeevent DISABLE TRIGGER USER")
        cursor.execute(BROKEN[name])
    assert any(found.startswith(name) for found in violated())


WITHOUT_INDEX = {
    "names are unique": (
        "DROP INDEX unique_user_name",
        "UPDATE providers_resource SET user_name_key = 'same' WHERE resource_type = 'User'",
    ),
    "a member is in a group once": (
        "DROP INDEX unique_current_membership",
        "UPDATE providers_membership SET left_at = NULL, ending = ''",
        "UPDATE providers_membership SET member_id = (SELECT min(member_id::text)::uuid FROM providers_membership)",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_INDEX)
def test_an_invariant_does_not_rely_on_its_index(name: str, written: Provider):
    with connection.cursor() as cursor:
        for statement in ("SET CONSTRAINTS ALL IMMEDIATE", *WITHOUT_INDEX[name]):
            cursor.execute(statement)
    assert any(found.startswith(name) for found in violated())


def test_the_log_is_compared_with_what_was_sent(written: Provider):
    assert not log_has_each_request({written.pk: Counter({200: 3})}).count
    assert log_has_each_request({written.pk: Counter({200: 4})}).count == 1
    assert log_has_each_request({written.pk: Counter({200: 2, 404: 1})}).count == 2


def test_a_change_of_a_bystander_is_found(written: Provider, stranger: Provider):
    before = digest_of(stranger.pk)
    assert not bystander_is_as_before(stranger.pk, before).count
    make_user(stranger, "another")
    assert ChangeEvent.objects.filter(provider_id=stranger.pk).count() == 3
    assert bystander_is_as_before(stranger.pk, before).count == 1
