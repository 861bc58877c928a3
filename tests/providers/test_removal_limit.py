"""The removal limit: removals above it are held back until an administrator decides."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers import request_log
from providers.administration import allow_removals, change_provider, lift_rejection, reject_removals
from providers.events import SYSTEM
from providers.health import State, health_of
from providers.models import ChangeEvent, HeldRemoval, Provider, ProviderActivity, RequestLog, Resource
from tests.conftest import ScimClient
from tests.factories import issue, make_group, make_provider, make_user
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
    group = make_group(provider, members=people)
    title = {"op": "replace", "path": "title", "value": "x"}
    assert client.patch(f"/Users/{people[5].pk}", title).status_code == 200
    assert leave(client, people[0]).status_code == 200  # this user is disabled already
    enable = {"op": "replace", "path": "active", "value": True}
    assert client.patch(f"/Users/{people[0].pk}", enable).status_code == 200
    remove = {"op": "remove", "path": "members", "value": [{"value": str(people[9].pk)}]}
    assert client.patch(f"/Groups/{group.pk}", remove).status_code == 204
    assert client.delete(f"/Groups/{group.pk}").status_code == 204
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
    allow_removals(provider, SYSTEM)
    allow_removals(provider, SYSTEM)
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
    assert costs[1] - costs[0] == 2  # the provider's row under lock, and who left within the hour


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
    assert "3 users wait for your decision" in dashboard.text and dashboard.has("a", href=removals_page(provider))
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
