"""Settings of an account: they go with it, and each of its filters has a name of its own."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from providers.models import Preference, SavedFilter


def test_a_name_is_used_once_by_an_owner_and_again_by_others(anna, django_user_model):
    SavedFilter.objects.create(owner=anna, name="Off", query="status=disabled")
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedFilter.objects.create(owner=anna, name="Off", query="")
    bert = django_user_model.objects.create_user("bert")
    assert str(SavedFilter.objects.create(owner=bert, name="Off", query="")) == "Off"


def test_settings_go_with_the_account_and_a_filter_stays_without_its_role(anna):
    role = Group.objects.create(name="Nurses")
    mine = SavedFilter.objects.create(owner=anna, name="Off", query="", shared_with=role)
    Preference.objects.create(account=anna, language="nl")
    role.delete()
    mine.refresh_from_db()
    assert mine.shared_with is None
    anna.delete()
    assert not SavedFilter.objects.exists() and not Preference.objects.exists()
