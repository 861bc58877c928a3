"""The statements that are planned once: which they are, and that their one plan suits every value."""

import pytest
from django.db import connection

from providers.models import Membership
from tests.factories import make_group, make_user
from tests.scim.store.plans import fill_users


@pytest.fixture
def client(provider, scim):
    return scim(provider)


def used(client, provider):
    """Play each request with a prepared statement more often than PostgreSQL plans for the values."""
    group = make_group(provider, "Care")
    users = [make_user(provider, f"u{number}@x") for number in range(12)]
    for number, user in enumerate(users):
        assert client.get(f"/Users/{user.pk}").status_code == 200
        made = client.post("/Users", {"userName": f"new{number}@x", "displayName": "New"})
        assert made.status_code == 201
        path = f"/Users/{made.json()['id']}"
        assert client.patch(path, {"op": "replace", "path": "title", "value": str(number)}).status_code == 200
        add = {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}
        assert client.patch(f"/Groups/{group.pk}", add).status_code == 204
        assert client.get(f"/Groups/{group.pk}", excludedAttributes="members").status_code == 200
        assert client.get("/Users", filter=f'userName eq "new{number}@x"').json()["totalResults"] == 1
        assert client.get("/Users", filter=f'externalId eq "{number}"').json()["totalResults"] == 0
        assert client.get("/Groups", filter='displayName eq "Care"', excludedAttributes="members").json()["Resources"]
        assert client.delete(path).status_code == 204


def prepared():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, statement, generic_plans FROM pg_prepared_statements")
        return cursor.fetchall()


def generic_plan(name, parameters):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f'EXPLAIN EXECUTE "{name}"' + (f"({', '.join(['NULL'] * parameters)})" if parameters else ""))
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.fixture
def skewed(provider):
    """One group has nearly all memberships: the average group is nothing like the others."""
    ids = fill_users(provider.pk, 3_000)
    large = make_group(provider, "All")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO providers_membership"
            " (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)"
            " SELECT %s, %s, id, 'User', now(), '', gen_random_uuid() FROM providers_resource"
            " WHERE id = ANY(%s::uuid[])",
            [provider.pk, large.pk, list(ids)],
        )
        cursor.execute("ANALYZE providers_resource, providers_membership")
    assert Membership.objects.count() == 3_000


def test_the_one_plan_of_a_prepared_statement_walks_no_table(client, provider, skewed):
    used(client, provider)
    statements = prepared()
    for beginning in ("SELECT t.id, t.prefix", "SELECT r.version", "SELECT version, document", "WITH changed AS"):
        assert any(text.strip().startswith(beginning) for _, text, _ in statements), beginning
    assert any("INSERT INTO providers_membership" in text for _, text, _ in statements)
    assert any(generic for _, _, generic in statements), "the average plan is in use"
    for name, text, _ in statements:
        plan = generic_plan(name, max((number for number in range(1, 60) if f"${number}" in text), default=0))
        for table in ("providers_resource", "providers_membership"):
            assert f"Seq Scan on {table}" not in plan, (text, plan)


def test_what_depends_on_the_size_of_a_group_is_planned_for_its_value(client, provider, skewed):
    used(client, provider)
    group = make_group(provider, "Small")
    for _ in range(8):
        assert client.get(f"/Groups/{group.pk}").status_code == 200
        assert client.get("/Groups", filter='displayName eq "Small"').status_code == 200
        assert client.get("/Users", filter='title eq "nobody"').status_code == 200
    assert not [text for _, text, _ in prepared() if "string_agg" in text and "group_id = $" in text]
    assert not [text for _, text, _ in prepared() if "folded @>" in text]


def test_one_external_id_of_everybody_does_not_make_the_plan_for_others_read_everything(client, provider, skewed):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_resource SET external_id = 'same' WHERE resource_type = 'User'")
        cursor.execute("ANALYZE providers_resource")
    for number in range(12):
        assert client.get("/Users", filter=f'externalId eq "{number}"').json()["totalResults"] == 0
    [name] = [name for name, text, _ in prepared() if "AND external_id = $" in text]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN EXECUTE \"{name}\"('http://x', {provider.pk}, 'nobody', 'http://x', 1)")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on providers_resource" not in plan, plan
    assert client.get("/Users", filter='externalId eq "same"').json()["totalResults"] == 3_000


def test_a_prepared_statement_is_counted_and_limited_like_any_other(client, provider, django_assert_num_queries):
    user = make_user(provider)
    client.get(f"/Users/{user.pk}")
    with django_assert_num_queries(2):
        assert client.get(f"/Users/{user.pk}").status_code == 200
