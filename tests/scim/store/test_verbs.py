"""Versions, events, deletion and restore (docs/architecture.md, *Rules*)."""

import pytest

from providers.models import ChangeEvent, Membership, Resource
from providers.resources import writes
from scim.protocol.attributes import CORE_USER, GROUP
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


def test_v47_what_was_written_before_a_failure_is_not_kept(provider, monkeypatch):
    """Members are written before the group's own row."""
    group, user = make_group(provider), make_user(provider)

    def fails(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(writes, "replace", fails)
    operations = [
        {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]},
        {"op": "replace", "path": "displayName", "value": "X"},
    ]
    with pytest.raises(ZeroDivisionError):
        verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": operations}, answers=True)
    assert not Membership.objects.exists()
    assert (Resource.objects.get(pk=group.pk).version, len(events_of(group))) == (1, 1)


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


HOLLOW = [{"$ref": None, "value": ""}]
CLEARING = [
    {"op": "Replace", "path": "active", "value": None},
    {"op": "replace", "path": "active", "value": ""},
    {"op": "replace", "path": "active", "value": []},
    {"op": "replace", "path": "active", "value": HOLLOW},
    {"op": "Add", "path": "active", "value": None},
    {"op": "add", "path": "active", "value": HOLLOW},
    {"op": "Remove", "path": "active"},
    {"op": "remove", "path": "active", "value": [{"value": "False"}]},
    {"op": "remove", "path": f"{CORE_USER}:active"},
    {"op": "remove", "path": f"{CORE_USER}.active"},
    {"op": "replace", "value": {"active": None}},
    {"op": "add", "value": {"active": "", "title": "Nurse"}},
    {"op": "replace", "path": CORE_USER, "value": {"active": None}},
    {"op": "replace", "value": {f"{CORE_USER}:active": ""}},
]


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("operation", CLEARING, ids=str)
def test_a_patch_that_clears_active_leaves_it_as_it_was(client, provider, operation, is_active):
    user = make_user(provider, "jane@x", active=is_active)
    answer = client.patch(f"/Users/{user.pk}", operation)
    assert (answer.status_code, answer.json()["active"]) == (200, is_active)
    held = Resource.objects.get(pk=user.pk)
    assert (held.active, held.document["active"], held.folded["active"]) == (is_active,) * 3
    assert [event.kind for event in events_of(user)[1:]] in ([], ["resource.changed"])
    found = client.get("/Users", filter=f"active eq {str(is_active).lower()}").json()
    assert [one["id"] for one in found["Resources"]] == [str(user.pk)]


def test_a_bulk_request_that_clears_active_leaves_it_as_it_was(client, provider):
    users = [make_user(provider, active=False) for _ in CLEARING]
    operations = [
        {"method": "PATCH", "path": f"/Users/{user.pk}", "data": {"Operations": [operation]}}
        for user, operation in zip(users, CLEARING, strict=True)
    ]
    done = client.post("/Bulk", {"Operations": operations}).json()["Operations"]
    assert {one["status"] for one in done} == {"200"}
    assert not Resource.objects.exclude(active=False).exists()


def test_active_cleared_and_set_in_one_patch_is_what_was_set_last(client, provider):
    user = make_user(provider, active=False)
    clearing, enabling = CLEARING[0], {"op": "replace", "path": "active", "value": "True"}
    assert client.patch(f"/Users/{user.pk}", enabling, clearing).json()["active"] is False
    assert client.patch(f"/Users/{user.pk}", clearing, enabling).json()["active"] is True


@pytest.mark.parametrize("sent", [None, "", [], HOLLOW])
def test_a_post_or_put_that_clears_active_follows_the_same_rule(client, sent):
    made = client.post("/Users", {"userName": "jane@x", "active": sent}).json()
    assert made["active"] is True
    address, body = f"/Users/{made['id']}", {"userName": "jane@x"}
    client.put(address, body | {"active": False})
    assert client.put(address, body | {"active": sent}).json()["active"] is False
