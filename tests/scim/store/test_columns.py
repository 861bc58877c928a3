"""Columns: what an index answers."""

import pytest
from django.db import connection

from scim.clients import LIBERAL
from scim.protocol.attributes import GROUP, USER
from scim.protocol.listing import ListQuery, read_filter
from scim.store import verbs
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


@pytest.mark.smoke
def test_a_member_who_joins_leaves_the_groups_indexes_alone(provider):
    group = make_group(provider, "Ward")
    users = [make_user(provider) for _ in range(5)]
    count = (
        "SELECT pg_stat_get_xact_tuples_updated(t), pg_stat_get_xact_tuples_hot_updated(t)"
        " FROM (SELECT %s::regclass::oid AS t) t"
    )
    with connection.cursor() as cursor:
        cursor.execute(count, ["providers_resource"])
        before = cursor.fetchone()
        for user in users:
            operation = {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}
            verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": [operation]}, answers=False)
        cursor.execute(count, ["providers_resource"])
        after = cursor.fetchone()
    assert after[0] - before[0] == 5
    assert after[1] - before[1] >= 4, "at most the first may have to move to a page with room"
