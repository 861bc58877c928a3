"""Columns: what an index answers."""

import json

import pytest
from django.db import connection

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.listing import ListQuery, read_filter
from scim.store import verbs
from scim.store.columns import indexed_part
from tests.factories import call, make_group, make_user
from tests.scim.store.plans import IDS_ONLY, fill_users, plan, statements


@pytest.mark.smoke
def test_what_changed_lately_is_found_by_its_hour(provider):
    fill_users(provider.pk, 20_000)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_resource SET last_modified = now() - interval '90 days'")
        cursor.execute("ANALYZE providers_resource")
    recent = [make_user(provider).last_modified for _ in range(3)]
    text = f'active eq true and meta.lastModified ge "{recent[1].isoformat()}"'
    for count in (1, 100):
        query = ListQuery(read_filter(text, [USER], LIBERAL), count=count)

        def ask(query=query):
            return verbs.list_resources(provider.pk, [(USER, IDS_ONLY)], query, LIBERAL)

        assert ask().total == sum(one >= recent[1] for one in recent)
        for _ in range(10):
            sent = statements(ask)
        assert any("resource_modified" in line for line in plan(sent[0])), plan(sent[0])


OWN = "urn:example:params:scim:schemas:care:1.0"
PARTS = [
    ({"title": "nurse", "active": True, "emails": [{"type": "work", "primary": True}]}, {}),
    (
        {"emails": [{"value": "a@x", "type": "work"}, {"type": "home"}, {"value": "b@x"}], "title": "nurse"},
        {"emails": [{"value": "a@x"}, {"value": "b@x"}]},
    ),
    (
        {"phoneNumbers": [{"value": "1"}, {"value": ""}], "name": {"familyName": "b"}},
        {"phoneNumbers": [{"value": "1"}]},
    ),
    (
        {ENTERPRISE_USER: {"department": "care", "employeeNumber": "7", "manager": {"value": "m", "displayName": "n"}}},
        {ENTERPRISE_USER: {"employeeNumber": "7", "manager": {"value": "m"}}},
    ),
    ({ENTERPRISE_USER: {"department": "care", "manager": {"displayName": "n"}}}, {}),
    ({OWN: {"wards": ["a", "b"], "isOnCall": False}}, {OWN: {"wards": ["a", "b"], "isOnCall": False}}),
]


@pytest.mark.parametrize(("folded", "part"), PARTS)
def test_what_tells_users_apart_is_indexed(provider, folded, part):
    assert indexed_part(folded) == part
    with connection.cursor() as cursor:
        cursor.execute("SELECT providers_indexed(%s::jsonb)::text", [json.dumps(folded)])
        assert json.loads(cursor.fetchone()[0]) == part, "migration 0029 has the same rules"


def updates():
    """How many rows of users and groups this transaction has updated, and how many of these updates were HOT."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_get_xact_tuples_updated(t), pg_stat_get_xact_tuples_hot_updated(t)"
            " FROM (SELECT 'providers_resource'::regclass::oid AS t) t"
        )
        return cursor.fetchone()


@pytest.mark.smoke
def test_a_change_of_what_is_not_indexed_writes_no_index(provider):
    if connection.pg_version < 160000:
        pytest.skip("before PostgreSQL 16, a BRIN prevents HOT updates")
    user = make_user(provider, emails=[{"type": "work", "value": "a@x"}], title="Nurse")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_resource SET last_modified = now() - interval '90 days'")
    before = updates()
    values = {"title": "Manager", f"{ENTERPRISE_USER}:department": "Care", 'emails[type eq "work"].value': "b@x"}
    for path, value in values.items():
        operation = {"op": "replace", "path": path, "value": value}
        verbs.patch(call(provider), str(user.pk), {"Operations": [operation]}, answers=False)
    after = updates()
    assert after[0] - before[0] == 3
    assert after[1] - before[1] >= 2, "at most one may have to move to a page with room"


@pytest.mark.smoke
def test_a_member_who_joins_leaves_the_groups_indexes_alone(provider):
    group = make_group(provider, "Ward")
    users = [make_user(provider) for _ in range(5)]
    before = updates()
    for user in users:
        operation = {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}
        verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": [operation]}, answers=False)
    after = updates()
    assert after[0] - before[0] == 5
    assert after[1] - before[1] >= 4, "at most the first may have to move to a page with room"
