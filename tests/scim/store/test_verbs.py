"""Versions, events, deletion and restore (docs/architecture.md, *Rules*)."""

import pytest

from providers.models import ChangeEvent, Membership, Resource
from scim.protocol.errors import ScimError
from scim.store import verbs
from tests.factories import call, make_group, make_user


def patch(provider, user, *operations):
    return verbs.patch(call(provider), str(user.pk), {"Operations": list(operations)}, answers=True)


def events_of(resource):
    return list(ChangeEvent.objects.filter(resource_id=resource.pk).order_by("id"))


def test_a_no_op_writes_nothing(provider):
    user = make_user(provider, title="Nurse")
    patch(provider, user, {"op": "replace", "path": "title", "value": "Nurse"})
    patch(provider, user)
    verbs.replace(call(provider), str(user.pk), {"userName": user.user_name, "title": "Nurse"})
    now = Resource.objects.get(pk=user.pk)
    assert (now.version, now.last_modified, len(events_of(user))) == (1, user.last_modified, 1)


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
