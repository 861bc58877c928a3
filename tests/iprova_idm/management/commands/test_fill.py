"""`manage.py fill`: as many rows as asked, and each as the product would have written it."""

import dataclasses
import json
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from fuzz.invariants import check_all
from iprova_idm.management.commands.fill import _shares
from providers.models import ChangeEvent, Membership, SyncedGroup, SyncedUser
from providers.quota import usages
from tests.factories import make_provider, make_user


def fill(provider, **sizes):
    out = StringIO()
    call_command("fill", str(provider.pk), stdout=out, **sizes)
    return out.getvalue()


def test_rows_are_as_many_as_asked_and_every_invariant_holds(db):
    provider = make_provider()
    make_user(make_provider())
    added = json.loads(fill(provider, users=85, groups=3, members=50, json=True))
    assert added | {"seconds": 0} == {
        "provider_id": provider.pk,
        "users": 85,
        "groups": 3,
        "memberships": 150,
        "seconds": 0,
    }
    users, groups = SyncedUser.objects.of(provider).live(), SyncedGroup.objects.of(provider).live()
    assert (users.count(), users.filter(active=False).count(), groups.count()) == (85, 4, 3)
    assert Membership.objects.filter(provider=provider).count() == 150
    assert ChangeEvent.objects.of(provider).filter(kind="resource.created").count() == 88
    provider.refresh_from_db()
    assert [one.count for one in usages(provider)] == [85, 3]
    assert {checked.name: checked.violations for checked in check_all() if checked.count} == {}


def test_a_second_run_adds_and_its_indexes_are_those_of_before(db):
    provider = make_provider()
    fill(provider, users=5)
    before = sorted(_indexes())
    assert "5 users, 1 groups and 10 memberships" in fill(provider, users=5, groups=1, members=10)
    assert SyncedUser.objects.of(provider).count() == 10
    assert sorted(_indexes()) == before and any(" gin " in definition for definition in before)


def _indexes():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'providers_sought'")
        return [definition for (definition,) in cursor.fetchall()]


def test_a_fill_that_cannot_be_done_is_refused(db, monkeypatch):
    provider = make_provider()
    for sizes, problem in (
        ({}, "Give a number"),
        ({"users": -1}, "Give a number"),
        ({"users": 2, "groups": 1, "members": 3}, "3 members are more than the 2 users"),
    ):
        with pytest.raises(CommandError, match=problem):
            fill(provider, **sizes)
    assert not SyncedUser.objects.exists()
    monkeypatch.setattr(settings, "OPTIONS", dataclasses.replace(settings.OPTIONS, mode="production"))
    with pytest.raises(CommandError, match="production"):
        fill(provider, users=1)


def test_groups_get_the_next_users_each_and_begin_again():
    shares = _shares(["a", "b", "c"], 2)
    assert [next(shares) for _ in range(4)] == [["a", "b"], ["c", "a"], ["b", "c"], ["a", "b"]]
