"""Versions, events, deletion and restore (docs/architecture.md, *Rules*)."""

import pytest
from django.db import DatabaseError, connection, transaction
from uuid_utils.compat import uuid7

from providers.events import SYSTEM
from providers.models import ChangeEvent, Membership, Resource
from providers.resources import recycle_bin
from providers.resources.recycle_bin import NameTakenError
from scim.protocol.attributes import GROUP
from scim.protocol.errors import ScimError
from scim.store import verbs
from tests.factories import call, make_group, make_user


def patch(provider, user, *operations):
    return verbs.patch(call(provider), str(user.pk), {"Operations": list(operations)}, answers=True)


def events_of(resource):
    return list(ChangeEvent.objects.filter(resource_id=resource.pk).order_by("id"))


def test_a_change_raises_version_and_last_modified_and_leaves_one_event(provider):
    user = make_user(provider, title="Nurse", emails=[{"type": "work", "value": "a"}])
    patch(
        provider,
        user,
        {"op": "replace", "path": "title", "value": "Doctor"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b"},
        {"op": "add", "path": "name.givenName", "value": "J"},
    )
    now = Resource.objects.get(pk=user.pk)
    assert now.version == 2
    assert now.last_modified >= user.last_modified
    created, changed = events_of(user)
    assert (created.kind, created.version) == ("resource.created", 1)
    assert (changed.kind, changed.version) == ("resource.changed", 2)
    assert {change["path"]: (change.get("before"), change.get("after")) for change in changed.changes} == {
        "title": ("Nurse", "Doctor"),
        "emails": ([{"type": "work", "value": "a"}], [{"type": "work", "value": "b"}]),
        "name.givenName": (None, "J"),
    }


def test_a_no_op_writes_nothing(provider):
    user = make_user(provider, title="Nurse")
    patch(provider, user, {"op": "replace", "path": "title", "value": "Nurse"})
    patch(provider, user)
    verbs.replace(call(provider), str(user.pk), {"userName": user.user_name, "title": "Nurse"})
    now = Resource.objects.get(pk=user.pk)
    assert (now.version, now.last_modified, len(events_of(user))) == (1, user.last_modified, 1)


def test_disabling_and_enabling_are_events_of_their_own(provider):
    user = make_user(provider)
    for value in ("False", "True"):
        patch(provider, user, {"op": "Replace", "path": "active", "value": value})
    assert [event.kind for event in events_of(user)] == ["resource.created", "resource.disabled", "resource.enabled"]


def test_a_put_that_is_silent_about_active_does_not_enable(provider):
    user = make_user(provider, active=False)
    verbs.replace(call(provider), str(user.pk), {"userName": user.user_name})
    assert Resource.objects.get(pk=user.pk).active is False


def test_v47_a_refused_patch_changes_nothing(provider):
    user = make_user(provider, title="Nurse")
    with pytest.raises(ScimError):
        patch(
            provider,
            user,
            {"op": "replace", "path": "title", "value": "X"},
            {"op": "replace", "path": "active", "value": "?"},
        )
    now = Resource.objects.get(pk=user.pk)
    assert (now.version, now.document["title"], len(events_of(user))) == (1, "Nurse", 1)


def test_a_member_joining_or_deleted_raises_the_groups_version_and_not_the_users(provider):
    user, group = make_user(provider), make_group(provider)
    add = {"Operations": [{"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}]}
    before = verbs.read(call(provider), str(user.pk)).etag
    verbs.patch(call(provider, GROUP), str(group.pk), add, answers=False)
    assert Resource.objects.get(pk=user.pk).version == 1
    assert verbs.read(call(provider), str(user.pk)).etag != before, "her groups are part of her ETag"
    assert Resource.objects.get(pk=group.pk).version == 2
    verbs.delete(call(provider), str(user.pk))
    assert Resource.objects.get(pk=group.pk).version == 3


def test_v10_a_deleted_resource_is_gone_and_its_name_is_free(provider):
    user = make_user(provider, "jane")
    group = make_group(provider, members=[user])
    verbs.delete(call(provider), str(user.pk))
    with pytest.raises(ScimError) as refused:
        verbs.read(call(provider), str(user.pk))
    assert refused.value.status == 404
    ended = Membership.objects.get(member=user)
    assert (ended.ending, ended.left_event) == ("member-deleted", events_of(user)[-1].pk)
    assert ended.group_id == group.pk
    again = make_user(provider, "JANE")
    assert again.pk != user.pk


def test_restore_keeps_the_id_and_reopens_what_the_deletion_closed(provider):
    user = make_user(provider, "jane")
    stays, left = make_group(provider, members=[user]), make_group(provider, members=[user])
    remove = {"Operations": [{"op": "remove", "path": "members", "value": [{"value": str(user.pk)}]}]}
    verbs.patch(call(provider, GROUP), str(left.pk), remove, answers=False)
    verbs.delete(call(provider), str(user.pk))
    assert recycle_bin.restore(provider.pk, user.pk, SYSTEM, uuid7())
    assert set(Membership.objects.filter(member=user, left_at=None).values_list("group_id", flat=True)) == {stays.pk}
    assert Resource.objects.get(pk=user.pk).version == 3
    assert not recycle_bin.restore(provider.pk, user.pk, SYSTEM, uuid7()), "she is not in the bin any more"


def test_restore_reopens_a_membership_once_both_ends_live(provider):
    user = make_user(provider)
    group = make_group(provider, members=[user])
    verbs.delete(call(provider), str(user.pk))
    verbs.delete(call(provider, GROUP), str(group.pk))
    recycle_bin.restore(provider.pk, user.pk, SYSTEM, uuid7())
    assert not Membership.objects.filter(left_at=None).exists()
    recycle_bin.restore(provider.pk, group.pk, SYSTEM, uuid7())
    assert Membership.objects.filter(group=group, member=user, left_at=None).exists()


def test_restore_fails_as_a_whole_when_the_name_is_taken(provider):
    user = make_user(provider, "jane")
    group = make_group(provider, members=[user])
    verbs.delete(call(provider), str(user.pk))
    holder = make_user(provider, "Jane")
    with pytest.raises(NameTakenError) as refused:
        recycle_bin.restore(provider.pk, user.pk, SYSTEM, uuid7())
    assert refused.value.holder == holder.pk
    assert Resource.objects.get(pk=user.pk).deleted_at
    assert not Membership.objects.filter(group=group, left_at=None).exists()


def test_v11_a_stranger_restores_nothing(provider, stranger):
    user = make_user(provider)
    verbs.delete(call(provider), str(user.pk))
    assert not recycle_bin.restore(stranger.pk, user.pk, SYSTEM, uuid7())


def test_ac_aud_3_the_orm_changes_no_event_either(provider):
    make_user(provider)
    event = ChangeEvent.objects.earliest("pk")
    event.kind = "x"
    events = ChangeEvent.objects.filter(pk=event.pk)
    for act in (event.save, event.delete, events.delete, lambda: events.update(kind="x")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert events.exclude(kind="x").count() == 1


@pytest.mark.parametrize("sql", ["UPDATE providers_changeevent SET kind = 'x'", "DELETE FROM providers_changeevent"])
def test_ac_aud_3_events_are_append_only(provider, sql):
    make_user(provider)
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        cursor.execute(sql)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        cursor.execute(sql)
        cursor.execute("SET LOCAL iprova.purge = 'off'")


def test_events_lie_in_the_partition_of_their_month(provider):
    make_user(provider)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM providers_changeevent")
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute("SELECT to_char(now() AT TIME ZONE 'UTC', '\"providers_changeevent_\"YYYYMM')")
        assert tables == [cursor.fetchone()[0]]
