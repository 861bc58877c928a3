"""The decisions about removals that are held back: what each opens and closes, and that a stale one does nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.events import SYSTEM
from providers.health import health_of
from providers.models import ChangeEvent, HeldRemoval, Membership, Provider
from providers.removal_decisions import (
    StaleDecisionError,
    allow_waiting,
    end_hold,
    hold_again,
    lift_rejection,
    reject_removals,
    situation_of,
    switch_limit_off,
)
from tests.factories import make_group
from tests.providers.conftest import leave


@pytest.fixture
def waiting(held):
    """The provider on hold, with three users who wait: people[5] to people[7]."""
    provider, client, people = held
    leave(client, people[4])
    for person in people[5:8]:
        assert leave(client, person).status_code == 503
    provider.refresh_from_db()
    return provider, client, people


def now_of(provider):
    provider.refresh_from_db()
    return situation_of(provider)


def allow(provider, **more):
    return allow_waiting(provider, SYSTEM, waiting=now_of(provider).waiting_key, **more)


def kinds():
    found = ChangeEvent.objects.filter(kind__regex="^(brake|removals)").order_by("id")
    return list(found.values_list("kind", flat=True))


def test_exactly_those_who_wait_are_allowed_once_and_everybody_else_is_held(waiting):
    provider, client, people = waiting
    assert allow(provider).waiting == 3
    assert (now_of(provider).waiting, now_of(provider).allowed) == (0, 3)
    assert leave(client, people[8]).status_code == 503
    assert [leave(client, person).status_code for person in people[5:8]] == [200] * 3
    assert leave(client, people[9]).status_code == 503, "also when nobody who was allowed is left"
    provider.refresh_from_db()
    assert provider.held_at and kinds() == ["brake.held", "removals.allowed"]
    assert ChangeEvent.objects.get(kind="removals.allowed").changes[1] == {"path": "users", "after": 3}


def test_only_what_was_held_is_allowed(waiting):
    provider, client, people = waiting
    allow(provider)
    assert client.delete(f"/Users/{people[5].pk}").status_code == 503, "a deletion was not asked for"
    assert now_of(provider).waiting == 1 and leave(client, people[5]).status_code == 503


def test_a_permission_ends_by_itself(waiting, monkeypatch):
    provider, client, people = waiting
    allow(provider)
    later = timezone.now() + timedelta(hours=24, minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert now_of(provider).waiting == 3 and leave(client, people[5]).status_code == 503


def test_a_group_may_lose_only_the_users_who_were_shown(waiting):
    provider, client, people = waiting
    group = make_group(provider, members=people[10:20])
    change = {"op": "replace", "path": "members", "value": []}
    assert client.patch(f"/Groups/{group.pk}", change).status_code == 503
    allow(provider)
    late = people[20]
    client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(late.pk)}]})
    assert client.patch(f"/Groups/{group.pk}", change).status_code == 503
    assert HeldRemoval.objects.get(resource_id=group.pk).user_count == 11
    allow(provider)
    assert client.patch(f"/Groups/{group.pk}", change).status_code == 204
    assert not Membership.objects.filter(group=group, left_at=None).exists()
    assert not HeldRemoval.objects.filter(resource_id=group.pk).exists()


def test_a_user_who_waits_and_is_in_a_group_that_waits_is_one_user(waiting):
    provider, client, people = waiting
    group = make_group(provider, members=people[5:15])
    assert client.delete(f"/Groups/{group.pk}").status_code == 503
    now = now_of(provider)
    assert (now.waiting, now.waiting_users) == (4, 10)
    assert health_of([provider], timezone.now())[provider.pk].waiting == 10
    allow(provider)
    assert (now_of(provider).allowed, now_of(provider).allowed_users) == (4, 10)


def test_removals_that_came_after_the_page_are_not_allowed_with_it(waiting):
    provider, client, people = waiting
    shown = now_of(provider)
    assert leave(client, people[8]).status_code == 503
    allow_waiting(provider, SYSTEM, waiting=shown.waiting_key, key=shown.key)
    assert (now_of(provider).waiting, now_of(provider).allowed) == (1, 3)
    assert leave(client, people[8]).status_code == 503


def test_removals_that_have_become_others_since_the_page_are_not_allowed(waiting):
    provider, client, people = waiting
    shown = now_of(provider)
    assert client.delete(f"/Users/{people[5].pk}").status_code == 503
    with pytest.raises(StaleDecisionError):
        allow_waiting(provider, SYSTEM, waiting=shown.waiting_key, key=shown.key)
    assert now_of(provider).allowed == 0


@pytest.mark.parametrize("nonsense", ["", "x", ".", "1", "9" * 40 + ".x", "-1.x", "0."])
def test_nonsense_allows_nobody(waiting, nonsense):
    provider, _client, _people = waiting
    with pytest.raises(StaleDecisionError):
        allow_waiting(provider, SYSTEM, waiting=nonsense)
    assert now_of(provider).allowed == 0


def test_held_again_whatever_was_allowed_waits_again(waiting):
    provider, client, people = waiting
    allow(provider)
    assert leave(client, people[5]).status_code == 200
    hold_again(provider, SYSTEM, key=now_of(provider).key)
    assert now_of(provider).waiting == 2 and leave(client, people[6]).status_code == 503
    with pytest.raises(StaleDecisionError):
        hold_again(provider, SYSTEM)
    assert kinds() == ["brake.held", "removals.allowed", "removals.held-again"]


def test_held_again_a_limit_that_is_switched_off_holds_at_once(waiting):
    provider, client, people = waiting
    until = switch_limit_off(provider, SYSTEM, hours=8)
    assert timedelta(hours=7) < until - timezone.now() <= timedelta(hours=8)
    assert leave(client, people[5]).status_code == 200
    assert now_of(provider).is_off
    hold_again(provider, SYSTEM)
    assert not now_of(provider).is_off and leave(client, people[6]).status_code == 503
    assert kinds() == ["brake.held", "brake.released", "removals.held-again"]


def test_a_rejection_also_ends_what_was_allowed(waiting):
    provider, client, people = waiting
    allow(provider)
    reject_removals(provider, SYSTEM)
    assert leave(client, people[5]).status_code == 403
    lift_rejection(provider, SYSTEM)
    assert leave(client, people[5]).status_code == 200 and now_of(provider).held_at is None


def test_an_ended_hold_counts_from_zero(waiting):
    provider, client, people = waiting
    end_hold(provider, SYSTEM)
    assert [leave(client, person).status_code for person in people[5:11]] == [200] * 5 + [503]
    assert kinds() == ["brake.held", "removals.hold-ended", "brake.held"]


ACTS = {
    "allow": allow,
    "off": lambda provider, **more: switch_limit_off(provider, SYSTEM, hours=1, **more),
    "end": lambda provider, **more: end_hold(provider, SYSTEM, **more),
    "reject": lambda provider, **more: reject_removals(provider, SYSTEM, **more),
}


@pytest.mark.parametrize("first", ACTS)
@pytest.mark.parametrize("second", ACTS)
def test_a_decision_on_what_is_no_longer_true_changes_nothing(waiting, first, second):
    provider, _client, _people = waiting
    shown = now_of(provider).key
    ACTS[first](provider, key=shown)
    before = Provider.objects.filter(pk=provider.pk).values().get(), kinds()
    with pytest.raises(StaleDecisionError):
        ACTS[second](provider, key=shown)
    assert (Provider.objects.filter(pk=provider.pk).values().get(), kinds()) == before


@pytest.mark.parametrize("act", [lift_rejection, hold_again])
def test_what_is_not_open_cannot_be_closed(waiting, act):
    provider, _client, _people = waiting
    with pytest.raises(StaleDecisionError):
        act(provider, SYSTEM)
    assert kinds() == ["brake.held"]
