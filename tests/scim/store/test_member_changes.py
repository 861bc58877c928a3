"""Membership as rows: what a request costs does not depend on the size of the group."""

import json
import tracemalloc
import uuid
from dataclasses import replace

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from providers.models import ChangeEvent, Membership, SyncedGroup
from scim.clients import LIBERAL, policy_for
from scim.protocol.attributes import GROUP
from scim.protocol.errors import ScimError
from scim.protocol.projection import parse_projection
from scim.store import answers, verbs
from tests.factories import call, make_group, make_user
from tests.scim.store.plans import fill_users, plan, statements

FILL_GROUP = """
INSERT INTO providers_membership (provider_id, group_id, member_id, member_type, joined_at, ending, joined_event)
SELECT provider_id, %s, id, 'User', now(), '', %s FROM providers_resource
WHERE provider_id = %s AND user_name_key LIKE 'u%%' ORDER BY id LIMIT %s
"""


def patch(provider, group, *operations):
    return verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": list(operations)}, answers=False)


def members_of(group):
    return {
        str(found) for found in Membership.objects.filter(group=group, left_at=None).values_list("member_id", flat=True)
    }


def value(*members):
    return [{"value": str(getattr(member, "pk", member))} for member in members]


@pytest.fixture
def two_sizes(provider):
    """Groups of 10 and of 100,000 in one table, as skewed as real directories are."""
    small, large = make_group(provider, "Small"), make_group(provider, "Large")
    fill_users(provider.pk, 100_000)
    with connection.cursor() as cursor:
        cursor.execute(FILL_GROUP, [large.pk, uuid7(), provider.pk, 100_000])
        cursor.execute(FILL_GROUP, [small.pk, uuid7(), provider.pk, 10])
        cursor.execute("ANALYZE providers_resource; ANALYZE providers_membership")
    return small, large


def reads_no_membership(provider, group):
    """Reading a group without its members runs no query of memberships."""
    without_members = call(provider, GROUP, projection=parse_projection("", "members", GROUP, LIBERAL))
    sent = statements(lambda: verbs.read(without_members, str(group.pk)))
    assert len(sent) == 1
    assert "providers_membership" not in sent[0]


def test_adding_and_removing_a_member_costs_the_same_at_10_and_at_100_000(provider, two_sizes):
    small, large = two_sizes
    person = make_user(provider, "newcomer")
    seen = []
    for group in (small, large):
        for round_ in range(11):
            add = statements(
                lambda group=group: patch(provider, group, {"op": "add", "path": "members", "value": value(person)})
            )
            by_value = {"op": "remove", "path": f'members[value eq "{person.pk}"]'}
            remove = statements(lambda group=group, by_value=by_value: patch(provider, group, by_value))
            if round_ in (0, 10):
                seen.append((len(add), len(remove), [plan(sql) for sql in add], [plan(sql) for sql in remove]))
    counts = {(add, remove) for add, remove, _, _ in seen}
    # SAVEPOINT, the membership with version and event, RELEASE
    assert counts == {(3, 3)}
    first = seen[0]
    assert all(one == first for one in seen), "another plan for another size, or after ten runs"
    flat = "\n".join(line for steps in (*first[2], *first[3]) for line in steps)
    assert "Seq Scan" not in flat, flat
    for group in (small, large):  # here, because filling a group of 100,000 takes seconds
        reads_no_membership(provider, group)


def test_a_member_twice_and_a_stranger_gone_are_success(provider):
    person, group = make_user(provider), make_group(provider)
    patch(provider, group, {"op": "add", "path": "members", "value": value(person, person)})
    version = group.__class__.objects.get(pk=group.pk).version
    patch(provider, group, {"op": "add", "path": "members", "value": value(person)})
    patch(provider, group, {"op": "remove", "path": f'members[value eq "{uuid.uuid4()}"]'})
    assert members_of(group) == {str(person.pk)}
    assert group.__class__.objects.get(pk=group.pk).version == version, "what changes nothing raises nothing"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "displayName", "value": "Renamed"},
        {"op": "replace", "value": {"displayName": "Renamed", "externalId": "x"}},
        {"op": "remove", "path": "externalId"},
    ],
)
def test_v46_patch_of_a_group_of_500_leaves_500(provider, operation, monkeypatch):
    ids = fill_users(provider.pk, 500)
    group = make_group(provider, members=ids, externalId="x")
    small = replace(LIBERAL, max_page_bytes=1_000, max_count=10, default_count=10)
    monkeypatch.setattr(answers, "MANY", 100)
    verbs.patch(call(provider, GROUP, policy=small), str(group.pk), {"Operations": [operation]}, answers=True)
    assert members_of(group) == set(ids)


def test_v46_what_a_client_reads_can_be_put_back_and_leaves_500(provider, scim, monkeypatch):
    """However small the parts in which it is read, by its address and in a list."""
    ids = fill_users(provider.pk, 500)
    group, client = make_group(provider, members=ids), scim(provider)
    small = replace(LIBERAL, max_page_bytes=1_000, max_count=10, default_count=10)
    monkeypatch.setattr("scim.api.base.policy_for", lambda switches: small)
    monkeypatch.setattr(answers, "MANY", 100)
    read = json.loads(client.get(f"/Groups/{group.pk}").getvalue())
    (listed,) = json.loads(client.get("/Groups").getvalue())["Resources"]
    assert read == listed
    for body in (read, listed):
        assert client.put(f"/Groups/{group.pk}", body).status_code == 200
        assert members_of(group) == set(ids)


@pytest.mark.parametrize(
    ("more", "most"), [({}, 170), ({"type": "User", "$ref": "https://x/Users/1", "display": "Somebody"}, 260)]
)
def test_v39_the_members_of_a_large_body_are_not_copied(provider, more, most):
    """A body of 16 MiB may name 340,000 of them."""
    ids = fill_users(provider.pk, 20_000)
    group = make_group(provider)
    body = {"displayName": "Large", "members": [{"value": found, **more} for found in ids]}
    asked = call(provider, GROUP, projection=parse_projection("", "members", GROUP, LIBERAL))
    tracemalloc.start()
    try:
        verbs.replace(asked, str(group.pk), body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / 20_000 < most, "bytes for each member"
    assert len(members_of(group)) == 20_000


def test_one_event_a_request_with_counts_and_rows_that_bear_its_id(provider):
    people = [make_user(provider) for _ in range(3)]
    group = make_group(provider, members=people[:2])
    patch(
        provider,
        group,
        {"op": "remove", "path": "members", "value": value(people[0])},
        {"op": "add", "path": "members", "value": value(people[2])},
    )
    event = ChangeEvent.objects.filter(resource_id=group.pk).latest("id")
    assert (event.kind, event.version) == ("group.members", 2)
    assert event.changes == [{"path": "members", "added": 1, "removed": 1}]
    assert Membership.objects.get(left_event=event.pk).member_id == people[0].pk
    assert Membership.objects.get(joined_event=event.pk).member_id == people[2].pk


def test_members_are_removed_by_any_filter(provider):
    anna, bert = make_user(provider, displayName="Anna"), make_user(provider, displayName="Bert")
    inner = make_group(provider)
    group = make_group(provider, members=[anna, bert, inner])
    patch(provider, group, {"op": "remove", "path": 'members[display sw "an"]'})
    assert members_of(group) == {str(bert.pk), str(inner.pk)}
    patch(provider, group, {"op": "remove", "path": 'members[type eq "Group"]'})
    assert members_of(group) == {str(bert.pk)}


def test_unknown_members_are_named_and_nothing_is_changed(provider, stranger):
    known, foreign, unknown = make_user(provider), make_user(stranger), uuid.uuid4()
    group = make_group(provider, "Care")
    for bad in (foreign.pk, unknown, "no id", str(known.pk).replace("-", "")):
        with pytest.raises(ScimError) as refused:
            patch(
                provider,
                group,
                {"op": "replace", "path": "displayName", "value": "Other"},
                {"op": "add", "path": "members", "value": value(known, bad)},
            )
        assert (refused.value.status, refused.value.scim_type) == (400, "invalidValue")
        assert str(bad) in refused.value.detail
    group.refresh_from_db()
    assert (group.display_name, group.version, members_of(group)) == ("Care", 1, set())


def test_a_deleted_member_is_skipped_and_noted(provider):
    gone, here, group = make_user(provider), make_user(provider), make_group(provider)
    verbs.delete(call(provider), str(gone.pk))
    made = call(provider, GROUP)
    verbs.patch(
        made,
        str(group.pk),
        {"Operations": [{"op": "add", "path": "members", "value": value(gone, here)}]},
        answers=False,
    )
    assert members_of(group) == {str(here.pk)}
    assert made.notes.ignored == [f"members[{gone.pk}]: deleted"]


@pytest.mark.parametrize("skips", [False, True])
def test_a_replacement_of_which_nobody_is_left_empties_no_group(provider, skips):
    gone, here = make_user(provider), make_user(provider)
    group, empty = make_group(provider, members=[here]), make_group(provider)
    verbs.delete(call(provider), str(gone.pk))
    policy = policy_for(frozenset({"skips_unknown_members"} if skips else ()))

    def replace(which, *ids):
        body = {"Operations": [{"op": "replace", "path": "members", "value": value(*ids)}]}
        verbs.patch(call(provider, GROUP, policy=policy), str(which.pk), body, answers=False)

    for nobody in [(gone,), (gone, uuid.uuid4())] if skips else [(gone,)]:
        with pytest.raises(ScimError, match="would lose all") as refused:
            replace(group, *nobody)
        assert refused.value.status == 400
        body = {"displayName": "Ward", "members": value(*nobody)}
        with pytest.raises(ScimError, match="would lose all"):
            verbs.replace(call(provider, GROUP, policy=policy), str(group.pk), body)
        replace(empty, *nobody)
    assert members_of(group) == {str(here.pk)}
    replace(group, gone, here)
    assert members_of(group) == {str(here.pk)}
    replace(group)
    assert members_of(group) == set()


def test_what_is_noted_has_an_end(provider):
    made = call(provider, GROUP, policy=policy_for(frozenset({"is_strict", "skips_unknown_members"})))
    for number in range(5):
        ids = value(*(uuid.uuid4() for _ in range(30)))
        verbs.create(made, {"schemas": [GROUP.schema.id], "displayName": f"G{number}", "members": ids})
    assert len(made.notes.ignored) == 50


def test_a_provider_may_have_unknown_members_left_out(stranger, provider):
    known, foreign, unknown = make_user(provider), make_user(stranger), uuid.uuid4()
    made = call(provider, GROUP, policy=policy_for(frozenset({"skips_unknown_members"})))
    body = {"displayName": "Care", "members": value(known, foreign.pk, unknown, "no id")}
    group = SyncedGroup.objects.get(pk=verbs.create(made, body).id)
    assert members_of(group) == {str(known.pk)}
    assert made.notes.ignored == [f"members[{one}]: unknown" for one in (foreign.pk, unknown, "no id")]


def test_a_group_is_no_member_of_itself_but_cycles_are_stored(provider):
    one, two = make_group(provider), make_group(provider)
    with pytest.raises(ScimError, match="own member"):
        patch(provider, one, {"op": "add", "path": "members", "value": value(one)})
    patch(provider, one, {"op": "add", "path": "members", "value": value(two)})
    patch(provider, two, {"op": "add", "path": "members", "value": value(one)})
    assert members_of(two) == {str(one.pk)}


def test_put_replaces_the_members_by_their_difference(provider):
    people = [make_user(provider) for _ in range(4)]
    group = make_group(provider, "Care", people[:3])
    rows = set(Membership.objects.filter(group=group, member=people[2]).values_list("pk", flat=True))
    verbs.replace(call(provider, GROUP), str(group.pk), {"displayName": "Care", "members": value(*people[2:])})
    assert members_of(group) == {str(one.pk) for one in people[2:]}
    assert set(Membership.objects.filter(group=group, member=people[2]).values_list("pk", flat=True)) == rows
