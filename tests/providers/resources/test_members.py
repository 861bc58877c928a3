"""Memberships: who joins, who leaves, how each one ends, and the join by which both ends are read."""

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from providers.models import Membership
from providers.resources import members
from providers.resources.members import SelfMemberError
from providers.resources.rows import Locked, now
from tests.factories import make_group, make_user


def locked(resource):
    return Locked(resource.pk, resource.provider_id, resource.resource_type, resource.version, resource.document)


def current(group):
    return set(Membership.objects.filter(group=group, left_at=None).values_list("member_id", flat=True))


@pytest.fixture
def users(provider):
    return [make_user(provider) for _ in range(3)]


def test_adding_names_the_deleted_and_the_unknown(provider, stranger, users):
    group, foreign = make_group(provider), make_user(stranger)
    members.end_of_member(locked(users[2]), now(), uuid7())
    type(users[2]).objects.filter(pk=users[2].pk).update(deleted_at=now())
    in_capitals = str(users[1].pk).upper()
    named = [str(users[0].pk), str(users[2].pk), str(foreign.pk), in_capitals, "x"]
    done = members.add(locked(group), named, uuid7())
    assert (done.added, done.deleted, done.unknown) == (1, [str(users[2].pk)], [str(foreign.pk), in_capitals, "x"])
    assert current(group) == {users[0].pk}
    assert members.add(locked(group), [str(users[0].pk)], uuid7()).is_empty, "who is a member stays one"


def test_a_group_is_not_its_own_member(provider):
    group = make_group(provider)
    with pytest.raises(SelfMemberError):
        members.add(locked(group), [str(group.pk)], uuid7())


def test_members_are_removed_by_id_by_exception_and_by_condition(provider, users):
    group = make_group(provider, "Care", users)
    event = uuid7()
    assert members.remove(locked(group), ["x", str(users[0].pk)], event).removed == 1
    assert members.remove(locked(group), ["x"], event).is_empty
    assert members.remove_where(locked(group), "x.user_name = %s", [users[1].user_name], event).removed == 1
    assert members.remove_except(locked(group), [str(users[2].pk)], event).is_empty
    assert current(group) == {users[2].pk}
    assert set(Membership.objects.filter(left_event=event).values_list("ending", flat=True)) == {"removed"}


def test_a_deletion_ends_memberships_at_either_end(provider, users):
    care, night = make_group(provider, "Care", users), make_group(provider, "Night", users)
    left = members.end_of_member(locked(users[0]), now(), uuid7())  # part of the statement that deletes
    with connection.cursor() as cursor:
        cursor.execute(f"WITH changed AS (SELECT 1){left.also} {left.query}", left.params)
        assert set(cursor.fetchone()[0]) == {care.pk, night.pk}
    members.end_of_group(locked(care), now(), uuid7())
    assert current(care) == set()
    assert current(night) == {users[1].pk, users[2].pk}
    endings = Membership.objects.filter(group=care).order_by("id").values_list("ending", flat=True)
    assert sorted(endings) == ["group-deleted", "group-deleted", "member-deleted"]


@pytest.mark.parametrize("joins", [True, False])
def test_current_memberships_are_read_from_either_end(provider, users, joins):
    group = make_group(provider, "Care", users)
    members.remove(locked(group), [str(users[0].pk)], uuid7())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT m.member_id {members.current('group_id', '%s', joins=joins)}", [group.pk])
        assert {found for (found,) in cursor.fetchall()} == {users[1].pk, users[2].pk}
        cursor.execute(f"SELECT m.group_id {members.current('member_id', '%s', joins=joins)}", [users[0].pk])
        assert cursor.fetchall() == []
