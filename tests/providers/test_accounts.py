"""Console accounts: their rights, and the last account that manages others."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission, User

from providers.accounts import LastManagerError, RightsBackend, change_account, set_active
from providers.events import SYSTEM
from tests.factories import browser_of, make_account


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
