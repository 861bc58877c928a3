"""Restoring from the recycle bin: ids, names and memberships (docs/architecture.md, *Rules*)."""

import pytest
from uuid_utils.compat import uuid7

from providers.events import SYSTEM
from providers.models import Membership, Resource
from providers.resources import recycle_bin
from providers.resources.recycle_bin import NameTakenError
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_user


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
