"""Console accounts: their rights, and the last account that manages others."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import connection
from django_otp.oath import totp

from providers import two_step
from providers.accounts import LastManagerError, RightsBackend, change_account, set_active
from providers.events import SYSTEM, Actor
from providers.models import AuthenticatorApp
from providers.two_step import enable_two_step, has_two_step
from tests.factories import browser_of, make_account
from tests.races import race


def test_the_last_who_may_manage_accounts_is_protected(db):
    root = make_account("superuser", username="root")
    last = make_account("Administrator", username="last")
    browser = browser_of(root)
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    browser.post(f"/accounts/{last.pk}/disable/")
    last.refresh_from_db()
    assert not last.is_active, "root may still manage accounts"
    browser.post(f"/accounts/{last.pk}/enable/")
    # The account root loses its rights by other means. Then the last manager stays.

    User.objects.filter(pk=root.pk).update(is_superuser=False)
    last.refresh_from_db()
    with pytest.raises(LastManagerError):
        set_active(last, SYSTEM, is_active=False)
    with pytest.raises(LastManagerError):
        change_account(last, SYSTEM, role="Support", email="")


def test_rights_are_those_of_django_in_one_query(db, django_assert_num_queries):
    support, disabled = make_account("Support"), make_account("Support", is_active=False)
    support.user_permissions.add(Permission.objects.get(codename="export_data"))
    owner = make_account("superuser")
    for account in (support, disabled, owner, make_account(None)):
        fresh = User.objects.get(pk=account.pk)
        with django_assert_num_queries(0 if account is disabled else 1):
            found = RightsBackend().get_all_permissions(fresh)
            assert RightsBackend().get_all_permissions(fresh) == found
        assert found == ModelBackend().get_all_permissions(User.objects.get(pk=account.pk))
    assert "providers.export_data" in RightsBackend().get_all_permissions(User.objects.get(pk=support.pk))
    assert RightsBackend().get_all_permissions(AnonymousUser()) == set()


@pytest.fixture
def two_managers(committed):
    """The only two accounts that can manage accounts; each acts under its own name."""
    User.objects.update(is_active=False)
    return [
        SimpleNamespace(account=account, actor=Actor(person_id=account.pk, person_name=account.username))
        for account in (make_account("Administrator"), make_account("superuser"))
    ]


def disable(target, by):
    return lambda: set_active(User.objects.get(pk=target.account.pk), by.actor, is_active=False)


def demote(target, by):
    return lambda: change_account(User.objects.get(pk=target.account.pk), by.actor, role="Support", email="")


@pytest.mark.parametrize("act", [disable, demote])
def test_m7_v51_two_managers_who_act_on_each_other_at_once_leave_one(two_managers, act):
    first, second = two_managers
    User.objects.filter(pk=second.account.pk).update(is_superuser=act is disable)
    if act is demote:
        second.account.groups.set(first.account.groups.all())
    results = race(act(second, by=first), act(first, by=second), refusals=LastManagerError)
    assert [type(result) for result in results] == [type(None), LastManagerError]
    left = User.objects.filter(is_active=True, groups__name="Administrator")
    assert [account.pk for account in left] == [first.account.pk]


def test_m7_v51_an_act_goes_by_the_account_as_it_is_and_not_as_it_was_read(two_managers):
    first, second = two_managers
    as_read = User.objects.get(pk=second.account.pk)
    set_active(User.objects.get(pk=second.account.pk), first.actor, is_active=False)
    set_active(as_read, first.actor, is_active=True)
    assert as_read.is_active and User.objects.get(pk=second.account.pk).is_active is True


def test_m7_two_apps_set_up_at_once_leave_one(two_managers, monkeypatch):
    """Without the account's lock, each deletes the app that the other has just checked: a deadlock."""
    account, actor = two_managers[0].account, two_managers[0].actor
    devices = [AuthenticatorApp.objects.create(user=account, name="app", confirmed=False) for _ in range(2)]
    both_checked, really = threading.Barrier(2, timeout=1), two_step._verify

    def verify(*given):
        found = really(*given)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_checked.wait()
        return found

    monkeypatch.setattr(two_step, "_verify", verify)

    def set_up(device):
        try:
            return len(enable_two_step(account, actor, device, f"{totp(device.bin_key):06}"))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(set_up, devices)) == [0, 10]
    assert has_two_step(account) and AuthenticatorApp.objects.filter(user=account).count() == 1
