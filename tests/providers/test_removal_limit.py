"""The removal limit: removals above it are held back until an administrator decides."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers import request_log
from providers.administration import change_provider
from providers.events import SYSTEM
from providers.health import State, health_of
from providers.models import ChangeEvent, HeldRemoval, Membership, Provider, ProviderActivity, RequestLog, Resource
from providers.removal_decisions import lift_rejection, reject_removals, switch_limit_off
from tests.conftest import ScimClient
from tests.factories import issue, make_group, make_provider, make_user, make_users
from tests.pages import read
from tests.providers.conftest import DISABLE, leave, removals_page


def active():
    return Resource.objects.filter(resource_type="User", active=True, deleted_at=None).count()


def test_the_limit_is_reached_and_whoever_follows_is_held_back(held):
    provider, client, people = held
    assert leave(client, people[4]).status_code == 200
    provider.refresh_from_db()
    assert provider.held_at
    for answer in (
        leave(client, people[5]),
        client.delete(f"/Users/{people[6].pk}"),
        client.put(f"/Users/{people[7].pk}", {"userName": "user07@contoso.com", "active": False}),
    ):
        assert answer.status_code == 503 and answer["Retry-After"] == "2400"
        assert "iProva administrator decides" in answer.json()["detail"] and "nothing was changed" in read(answer).text
    assert active() == 35
    waiting = dict(HeldRemoval.objects.values_list("resource_id", "is_deletion"))
    assert waiting == {people[5].pk: False, people[6].pk: True, people[7].pk: False}
    assert ChangeEvent.objects.filter(kind="brake.held").count() == 1


def test_everything_else_goes_on_while_departures_are_held(held):
    provider, client, people = held
    leave(client, people[4])
    group, _everybody = make_group(provider, members=people), make_group(provider, members=people)
    empty = make_group(provider)
    title = {"op": "replace", "path": "title", "value": "x"}
    assert client.patch(f"/Users/{people[5].pk}", title).status_code == 200
    assert leave(client, people[0]).status_code == 200  # this user is disabled already
    enable = {"op": "replace", "path": "active", "value": True}
    assert client.patch(f"/Users/{people[0].pk}", enable).status_code == 200
    remove = {"op": "remove", "path": "members", "value": [{"value": str(people[9].pk)}]}
    assert client.patch(f"/Groups/{group.pk}", remove).status_code == 204
    assert client.delete(f"/Groups/{empty.pk}").status_code == 204
    assert client.post("/Users", {"userName": "new@contoso.com", "active": False}).status_code == 201


def test_a_bulk_request_is_held_from_the_limit_on(held):
    _provider, client, people = held
    operations = [
        {"method": "PATCH", "path": f"/Users/{person.pk}", "data": {"schemas": [PATCH], "Operations": [DISABLE]}}
        for person in people[4:10]
    ]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    done = client.post("/Bulk", body).json()["Operations"]
    assert [one["status"] for one in done] == ["200"] + ["503"] * 5
    assert HeldRemoval.objects.count() == 5


PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def test_released_all_pass_for_a_day_and_are_counted_anew_after_it(held):
    provider, client, people = held
    leave(client, people[4])
    assert leave(client, people[5]).status_code == 503
    switch_limit_off(provider, SYSTEM, hours=24)
    assert [leave(client, person).status_code for person in people[5:25]] == [200] * 20
    assert not HeldRemoval.objects.exists()
    assert ChangeEvent.objects.filter(kind="brake.released").count() == 1
    Provider.objects.update(removals_count_from=timezone.now())  # the day is over
    assert [leave(client, person).status_code for person in people[25:31]] == [200] * 5 + [503]


def test_rejected_they_are_answered_403_until_that_is_lifted(held):
    provider, client, people = held
    leave(client, people[4])
    reject_removals(provider, SYSTEM)
    refused = leave(client, people[5])
    assert refused.status_code == 403 and "lift the rejection" in refused.json()["detail"]
    assert HeldRemoval.objects.get().resource_id == people[5].pk
    lift_rejection(provider, SYSTEM)
    assert [leave(client, person).status_code for person in people[5:11]] == [200] * 5 + [503]
    kinds = ChangeEvent.objects.filter(kind__startswith="brake.").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["brake.held", "brake.rejected", "brake.lifted", "brake.held"]


def test_what_left_more_than_an_hour_ago_does_not_count(held, monkeypatch):
    provider, client, people = held
    later = timezone.now() + timedelta(minutes=61)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert [leave(client, person).status_code for person in people[4:8]] == [200] * 4
    provider.refresh_from_db()
    assert provider.held_at is None


def test_a_share_that_is_too_small_holds_nobody(held):
    provider, client, people = held
    Provider.objects.update(removal_limit_percent=50)
    assert [leave(client, person).status_code for person in people[4:20]] == [200] * 16
    provider.refresh_from_db()
    assert provider.held_at and leave(client, people[21]).status_code == 503


@pytest.mark.parametrize("mode", ["off", "warn"])
def test_off_and_warn_hold_nobody_and_off_says_nothing(held, mode):
    provider, client, people = held
    change_provider(provider, SYSTEM, {"removal_limit": mode})
    assert [leave(client, person).status_code for person in people[4:30]] == [200] * 26
    request_log.writer.flush()
    assert bool(ProviderActivity.objects.get().mass_change_count) == (mode == "warn")


def test_switching_the_brake_off_ends_a_hold(held):
    provider, client, people = held
    leave(client, people[4])
    leave(client, people[5])
    change_provider(provider, SYSTEM, {"removal_limit": "warn"})
    provider.refresh_from_db()
    assert provider.held_at is None and not HeldRemoval.objects.exists()
    assert leave(client, people[5]).status_code == 200


def test_only_a_provider_with_a_brake_pays_for_it(provider, scim):
    person, client = make_user(provider), scim(provider)
    costs = []
    for mode in ("warn", "hold"):
        Provider.objects.update(removal_limit=mode)
        client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "active", "value": True})
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.patch(f"/Users/{person.pk}", DISABLE)
        costs.append(len(captured))
    # The reading without a lock was in vain. Then: the lock, the provider's row under lock, and who left within the
    # hour; and here the savepoints around them.
    assert costs[1] - costs[0] == 6, costs


def test_another_provider_is_not_held(held, stranger):
    _provider, client, people = held
    leave(client, people[4])
    Provider.objects.filter(pk=stranger.pk).update(removal_limit="hold", removal_limit_users=5)
    other = make_user(stranger)
    assert leave(ScimClient(issue(stranger)[1]), other).status_code == 200
    assert client.delete(f"/Users/{other.pk}").status_code == 404


def test_health_says_how_many_wait_and_the_log_what_to_do(held, administrator):
    provider, client, people = held
    for person in people[4:8]:
        leave(client, person)
    request_log.writer.flush()
    provider.refresh_from_db()
    found = health_of([provider], timezone.now())[provider.pk]
    assert found.state is State.HELD and found.waiting == 3
    dashboard = read(administrator.get("/eum/"))
    assert "3 users wait for an administrator's decision" in dashboard.text
    assert dashboard.has("a", href=removals_page(provider))
    row = RequestLog.objects.filter(status=503).first()
    assert "Removals are held back." in read(administrator.get(f"/eum/log/{row.pk}/")).text


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_not_pass_the_limit():
    provider = make_provider("Contoso")
    Provider.objects.filter(pk=provider.pk).update(
        removal_limit="hold", removal_limit_users=5, removal_limit_percent=10
    )
    people = [make_user(provider) for _ in range(24)]
    value = issue(provider)[1]
    statuses = []

    def work(own):
        client = ScimClient(value)
        statuses.extend(leave(client, person).status_code for person in own)
        connection.close()

    threads = [threading.Thread(target=work, args=(people[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 5 + [503] * 19 and active() == 19


# Groups: the table at the head of providers/removal_limit.py


def remove_from(client, group, *people):
    value = [{"value": str(person.pk)} for person in people]
    return client.patch(f"/Groups/{group.pk}", {"op": "remove", "path": "members", "value": value})


def add_to(client, group, *people):
    value = [{"value": str(person.pk)} for person in people]
    return client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": value})


def empty_by_put(client, group):
    return client.put(f"/Groups/{group.pk}", {"displayName": group.display_name, "members": []})


def empty_by_patch(client, group):
    return client.patch(f"/Groups/{group.pk}", {"op": "replace", "path": "members", "value": []})


def empty_by_bulk(client, group):
    operation = {"method": "DELETE", "path": f"/Groups/{group.pk}"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]}
    (done,) = client.post("/Bulk", body).json()["Operations"]
    return SimpleNamespace(status_code=int(done["status"]))


EMPTYING = {
    "PATCH": empty_by_patch,
    "PUT": empty_by_put,
    "DELETE": lambda client, group: client.delete(f"/Groups/{group.pk}"),
    "bulk": empty_by_bulk,
}


@pytest.mark.parametrize("emptied", EMPTYING.values(), ids=EMPTYING)
def test_a_group_that_is_emptied_counts_its_members_and_is_held_as_a_whole(held, emptied):
    provider, client, people = held
    group, other = make_group(provider, members=people[4:14]), make_group(provider, members=people)
    before = Resource.objects.get(pk=group.pk).version
    assert emptied(client, group).status_code == 503
    provider.refresh_from_db()
    assert provider.held_at and Resource.objects.get(pk=group.pk).version == before
    assert Membership.objects.filter(group=group, left_at=None).count() == 10
    assert not Resource.objects.get(pk=group.pk).deleted_at
    row = HeldRemoval.objects.get()
    assert (row.resource_id, row.resource_type, row.user_count) == (group.pk, "Group", 10)
    assert set(row.user_ids) == {person.pk for person in people[4:14]}
    assert ChangeEvent.objects.filter(kind="brake.held").count() == 1
    assert other.pk and health_of([provider], timezone.now())[provider.pk].waiting == 10


def test_users_who_lose_their_last_group_count_and_others_do_not(held):
    provider, client, people = held
    group = make_group(provider, members=people)
    other = make_group(provider, members=people[10:])
    assert remove_from(client, group, *people[10:30]).status_code == 204  # they are in the other group too
    assert remove_from(client, group, people[4]).status_code == 204  # the fifth of this hour
    provider.refresh_from_db()
    assert provider.held_at
    assert remove_from(client, group, people[5]).status_code == 503
    assert remove_from(client, other, *people[10:12]).status_code == 503
    waiting = dict(HeldRemoval.objects.values_list("resource_id", "user_count"))
    assert waiting == {group.pk: 1, other.pk: 2}


def test_a_reorganisation_is_not_held(held):
    provider, client, people = held
    Provider.objects.update(removals_count_from=timezone.now())
    old, new = make_group(provider, members=people[4:]), make_group(provider, members=people[:1])
    for start in range(4, 36, 4):  # four at a time, and each time they are in no group for a moment
        assert remove_from(client, old, *people[start : start + 4]).status_code == 204
        assert add_to(client, new, *people[start : start + 4]).status_code == 204
    provider.refresh_from_db()
    assert provider.held_at is None


def test_users_who_are_added_first_are_moved_without_a_count(held):
    provider, client, people = held
    old, new = make_group(provider, members=people[4:]), make_group(provider)
    add_to(client, new, *people[4:39])
    assert remove_from(client, old, *people[4:39]).status_code == 204
    provider.refresh_from_db()
    assert provider.held_at is None


def test_a_group_emptied_bit_by_bit_counts_all_whom_it_lost(held):
    provider, client, people = held
    group, _other = make_group(provider, members=people[4:14]), make_group(provider, members=people)
    for start in (4, 7, 10):
        assert remove_from(client, group, *people[start : start + 3]).status_code == 204
    provider.refresh_from_db()
    assert provider.held_at is None
    assert remove_from(client, group, people[13]).status_code == 204  # one user, and the group is empty
    provider.refresh_from_db()
    assert provider.held_at


def test_disabled_users_and_groups_in_groups_do_not_count(held):
    provider, client, people = held
    inner = make_group(provider)
    group = make_group(provider, members=[*people[:4], inner])
    Provider.objects.update(removals_count_from=timezone.now())
    assert empty_by_patch(client, group).status_code == 204
    assert client.delete(f"/Groups/{group.pk}").status_code == 204
    provider.refresh_from_db()
    assert provider.held_at is None


def test_a_user_who_loses_the_groups_and_is_disabled_counts_once(held):
    provider, client, people = held
    group = make_group(provider, members=people)
    Provider.objects.update(removals_count_from=timezone.now())
    for person in people[4:8]:
        assert remove_from(client, group, person).status_code == 204
        assert leave(client, person).status_code == 200
    provider.refresh_from_db()
    assert provider.held_at is None
    assert leave(client, people[8]).status_code == 200
    provider.refresh_from_db()
    assert provider.held_at


def test_the_share_counts_users_without_groups_as_active(held):
    provider, client, people = held
    Provider.objects.update(removal_limit_percent=50)
    group = make_group(provider, members=people[4:])
    rest = people[4:]
    assert remove_from(client, group, *rest[:15]).status_code == 204  # 19 of 40
    assert remove_from(client, group, rest[15]).status_code == 204  # 20 of 40
    provider.refresh_from_db()
    assert provider.held_at


def test_a_warning_counts_groups_too(held):
    provider, client, people = held
    change_provider(provider, SYSTEM, {"removal_limit": "warn"})
    group = make_group(provider, members=people[4:14])
    assert client.delete(f"/Groups/{group.pk}").status_code == 204
    request_log.writer.flush()
    assert ProviderActivity.objects.get().mass_change_count == 14


def test_a_change_that_would_affect_nobody_any_more_no_longer_waits(held):
    provider, client, people = held
    group, new = make_group(provider, members=people[4:14]), make_group(provider)
    assert remove_from(client, group, *people[4:13]).status_code == 503
    add_to(client, new, *people[4:13])
    assert remove_from(client, group, *people[4:13]).status_code == 204
    assert not HeldRemoval.objects.exists()


def test_a_large_group_is_emptied_by_as_many_statements_as_a_small_one(provider):
    client = ScimClient(issue(provider)[1])
    Provider.objects.update(removal_limit="hold", removal_limit_users=5)
    costs = []
    for size in (6, 600):
        Provider.objects.update(removals_count_from=timezone.now(), held_at=None)
        people = make_users(provider, (f"user{number}-of-{size}@contoso.com" for number in range(size)))
        group = make_group(provider, members=people)
        with CaptureQueriesContext(connection) as captured:
            assert empty_by_patch(client, group).status_code == 503
        costs.append(len(captured))
        HeldRemoval.objects.all().delete()
    assert costs[0] == costs[1]


def test_only_changes_that_remove_members_pay_for_the_limit(provider, scim):
    client, group = scim(provider), make_group(provider)
    costs = []
    for mode in ("warn", "hold"):
        Provider.objects.update(removal_limit=mode)
        person, other = make_user(provider), make_user(provider)
        with CaptureQueriesContext(connection) as adding:
            add_to(client, group, person, other)
        with CaptureQueriesContext(connection) as removing:
            remove_from(client, group, person)
        costs.append((len(adding), len(removing)))
    assert costs[1][0] == costs[0][0]
    # A transaction with three statements instead of one statement; then the provider's row under lock, whom it affects,
    # and an upper bound of the hour.
    assert costs[1][1] - costs[0][1] == 2 + 3


@pytest.mark.django_db(transaction=True)
def test_two_requests_that_take_the_last_two_groups_of_the_same_users_do_not_pass_unnoticed():
    provider = make_provider("Contoso")
    Provider.objects.filter(pk=provider.pk).update(removal_limit="hold", removal_limit_users=5)
    people = [make_user(provider) for _ in range(10)]
    keeper = make_user(provider)
    groups = [make_group(provider, members=[*people, keeper]) for _ in range(2)]
    value = issue(provider)[1]
    statuses, barrier = [], threading.Barrier(2)

    def work(group):
        client = ScimClient(value)
        barrier.wait()
        statuses.append(remove_from(client, group, *people).status_code)
        connection.close()

    threads = [threading.Thread(target=work, args=(group,)) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [204, 503]
    assert Membership.objects.filter(member__in=people, left_at=None).count() == 10


@pytest.mark.parametrize("way", ["PATCH", "PUT", "bulk"])
def test_l16_renaming_everybody_is_not_held_and_leaves_everybody_where_they_were(held, way):
    provider, client, people = held
    group = make_group(provider, members=people)
    for number, person in enumerate(people):
        name, path = f"renamed{number}@fabrikam.com", f"/Users/{person.pk}"
        operation = {"op": "replace", "path": "userName", "value": name}
        if way == "PATCH":
            answer = client.patch(path, operation)
        elif way == "PUT":
            answer = client.put(path, {"userName": name})
        else:
            sent = {"method": "PATCH", "path": path, "data": {"Operations": [operation]}}
            answer = client.post("/Bulk", {"Operations": [sent]})
            assert answer.json()["Operations"][0]["status"] == "200"
        assert answer.status_code == 200
    provider.refresh_from_db()
    assert provider.held_at is None and not HeldRemoval.objects.exists()
    assert Membership.objects.filter(group=group, left_at=None).count() == 40
    assert Resource.objects.filter(user_name__startswith="renamed", active=True).count() == 36


def test_l16_emptying_all_groups_is_held_at_the_first_one_that_reaches_the_limit(held):
    provider, client, people = held
    groups = [make_group(provider, members=people[start : start + 3]) for start in range(4, 40, 3)]
    statuses = [empty_by_patch(client, group).status_code for group in groups]
    assert set(statuses) == {503}, "four are disabled already, and each group would take three more"
    provider.refresh_from_db()
    assert provider.held_at and Membership.objects.filter(left_at=None, provider=provider).count() == 36
