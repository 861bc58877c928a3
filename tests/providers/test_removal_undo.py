"""Undoing removals of many users at once: the preview, the writes and what they cost."""

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from providers import removal_undo
from providers.events import SYSTEM, Actor
from providers.models import ChangeEvent, Membership, Provider, Resource
from providers.removal_undo import Fate, UndoChangedError, preview, undo
from providers.resources import many
from tests.factories import make_group, make_user
from tests.providers.conftest import DISABLE

ANNA = Actor(person_name="anna")


@pytest.fixture
def deleted(provider, scim):
    """Five users of a group who were deleted; the last one was disabled before."""
    users = [make_user(provider, f"user{number}@contoso.com", title="Nurse") for number in range(5)]
    group, client = make_group(provider, members=users), scim(provider)
    client.patch(f"/Users/{users[4].pk}", DISABLE)
    for user in users:
        client.delete(f"/Users/{user.pk}")
    return [user.pk for user in users], group, client


def test_users_come_back_as_they_were_with_their_groups_and_an_event_each(deleted):
    ids, group, client = deleted
    before = {user.pk: user for user in Resource.objects.filter(pk__in=ids)}
    group_version = Resource.objects.get(pk=group.pk).version
    found = preview(ids)
    assert found.of(Fate.RESTORE) == sorted(ids) and found.changed == 5
    undo(ids, ANNA, shown=found.key)
    for user in Resource.objects.filter(pk__in=ids):
        assert user.deleted_at is None and user.version == before[user.pk].version + 1
        assert user.document == before[user.pk].document
        event = ChangeEvent.objects.get(resource_id=user.pk, kind="resource.restored")
        assert (event.version, event.person_name, event.subject) == (user.version, "anna", user.user_name)
        assert {"path": "title", "after": "Nurse"} in event.changes
    assert Membership.objects.filter(group=group, left_at=None).count() == 5
    assert Resource.objects.get(pk=group.pk).version > group_version
    assert client.get(f"/Users/{ids[0]}").json()["active"] is True
    assert client.get(f"/Users/{ids[4]}").json()["active"] is False, "disabled before, and not to be enabled"
    act = ChangeEvent.objects.get(kind="users.restored")
    assert act.person_name == "anna" and {"path": "users restored", "after": 5} in act.changes


def test_users_who_are_to_be_enabled_are_whether_they_were_deleted_too_or_not(deleted, provider):
    ids, _group, client = deleted
    disabled, other = make_user(provider, active=False), make_user(provider, active=False)
    chosen = [*ids, disabled.pk, other.pk]
    found = preview(chosen, [ids[4], disabled.pk])
    assert found.of(Fate.ENABLE) == [disabled.pk] and found.of(Fate.NOTHING) == [other.pk]
    undo(chosen, ANNA, shown=found.key, enable=[ids[4], disabled.pk])
    for pk in (ids[4], disabled.pk):
        assert client.get(f"/Users/{pk}").json()["active"] is True
        assert client.get("/Users", filter=f'id eq "{pk}" and active eq true').json()["totalResults"] == 1
        event = ChangeEvent.objects.get(resource_id=pk, kind="resource.enabled-again")
        assert event.changes == [{"path": "active", "before": False, "after": True}]
        assert event.version == Resource.objects.get(pk=pk).version
    assert client.get(f"/Users/{other.pk}").json()["active"] is False


def test_a_name_that_is_taken_meanwhile_is_named_and_the_others_come_back(deleted, provider):
    ids, _group, client = deleted
    make_user(provider, "USER1@contoso.com")
    found = preview(ids)
    assert found.of(Fate.TAKEN) == [ids[1]] and len(found.of(Fate.RESTORE)) == 4
    undo(ids, ANNA, shown=found.key)
    assert client.get(f"/Users/{ids[1]}").status_code == 404 and client.get(f"/Users/{ids[0]}").status_code == 200


def test_of_two_with_one_name_the_one_deleted_last_comes_back(deleted, provider):
    ids, _group, client = deleted
    again = make_user(provider, "user0@contoso.com")
    client.delete(f"/Users/{again.pk}")
    found = preview([*ids, again.pk])
    assert found.of(Fate.TWIN) == [ids[0]] and again.pk in found.of(Fate.RESTORE)
    undo([*ids, again.pk], ANNA, shown=found.key)
    assert Resource.objects.get(pk=ids[0]).deleted_at and not Resource.objects.get(pk=again.pk).deleted_at


def test_users_of_a_deleted_provider_and_of_others_keep_apart(deleted, stranger):
    ids, _group, _client = deleted
    same = make_user(stranger, "user0@contoso.com")  # the same name in another provider takes nothing
    assert preview([*ids, same.pk]).of(Fate.TAKEN) == []
    Provider.objects.exclude(pk=stranger.pk).update(deleted_at=same.created)
    found = preview([*ids, same.pk])
    assert len(found.of(Fate.NO_PROVIDER)) == 5 and found.changed == 0
    with pytest.raises(UndoChangedError):
        undo(ids, ANNA, shown=found.key)


def test_what_was_not_shown_is_not_done_and_a_second_time_does_nothing(deleted, provider):
    ids, _group, _client = deleted
    shown = preview(ids).key
    make_user(provider, "user1@contoso.com")
    events = ChangeEvent.objects.count()
    with pytest.raises(UndoChangedError):
        undo(ids, ANNA, shown=shown)
    undo(ids, ANNA, shown=preview(ids).key)
    with pytest.raises(UndoChangedError):
        undo(ids, ANNA, shown=shown)
    assert Resource.objects.filter(pk__in=ids, deleted_at=None).count() == 4
    assert ChangeEvent.objects.count() == events + 5


def test_a_name_taken_after_the_look_at_it_undoes_everything(deleted, monkeypatch):
    ids, group, _client = deleted
    shown = preview(ids).key
    real = many.restore

    def late(*arguments):
        real(*arguments)
        raise IntegrityError

    monkeypatch.setattr(many, "restore", late)
    with pytest.raises(UndoChangedError):
        undo(ids, ANNA, shown=shown)
    assert not Resource.objects.filter(pk__in=ids, deleted_at=None).exists()
    assert not Membership.objects.filter(group=group, left_at=None).exists()
    assert not ChangeEvent.objects.filter(kind__in=["resource.restored", "users.restored"]).exists()


def test_the_number_of_statements_depends_on_batches_not_on_users(provider, scim, monkeypatch):
    client, costs = scim(provider), []
    for count in (3, 30):
        ids = [make_user(provider).pk for _ in range(count)]
        make_group(provider, members=ids)
        for pk in ids:
            client.delete(f"/Users/{pk}")
        disabled = [make_user(provider, active=False).pk for _ in range(count)]
        shown = preview([*ids, *disabled], disabled).key
        with CaptureQueriesContext(connection) as captured:
            undo([*ids, *disabled], SYSTEM, shown=shown, enable=disabled)
        costs.append(len(captured))
    assert costs[0] == costs[1] <= 20
    monkeypatch.setattr(many, "BATCH", 10)
    client.delete(f"/Users/{ids[0]}")
    for pk in ids[1:]:
        client.delete(f"/Users/{pk}")
    undo(ids, SYSTEM, shown=preview(ids).key)
    assert Resource.objects.filter(pk__in=ids, deleted_at=None).count() == 30


def test_no_more_than_the_limit_at_once(deleted, monkeypatch):
    ids, _group, _client = deleted
    monkeypatch.setattr(removal_undo, "MOST", 2)
    found = preview(ids)
    assert len(found.fates) == 2
    undo(ids, SYSTEM, shown=found.key)
    assert Resource.objects.filter(pk__in=ids, deleted_at=None).count() == 2
