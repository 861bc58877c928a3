"""The filters of the lists of users and groups (AC-USR-3)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.models import SyncedUser
from providers.request_log import writer
from tests.factories import make_group, make_user
from tests.providers.console.conftest import found


def test_ac_usr_3_filters_are_in_the_address_and_the_same_for_everybody(support, administrator, provider, stranger):
    make_user(provider, "a@contoso.com", displayName="A")
    make_user(stranger, "a@fabrikam.com", displayName="B")
    for browser in (support, administrator):
        assert found(browser, provider=stranger.pk, status="active", q="a@") == ["B"]


@pytest.mark.parametrize("query", [{"provider": "x"}, {"provider": "999"}, {"status": "asleep"}])
def test_ac_usr_3_a_filter_that_means_nothing_finds_nothing(support, provider, query):
    make_user(provider, "a@contoso.com")
    assert found(support, **query) == []


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("group={group}", ["Anna"]), ("group=x", []), ("changed=7", ["Anna", "Bert", "Cees"]),
        ("changed=1", ["Anna", "Cees"]), ("changed=9", []), ("error=yes", ["Cees"]), ("error=no", []),
        ("status=disabled&changed=7", ["Bert"]),
    ],
)  # fmt: skip
def test_ac_usr_3_each_filter_leaves_what_it_says(support, provider, scim, query, wanted):
    anna, bert, cees, dora = (
        make_user(provider, f"{name}@x", displayName=name, active=name != "Bert")
        for name in ("Anna", "Bert", "Cees", "Dora")
    )
    group = make_group(provider, "Ward", [anna])
    ago = {bert.pk: 3, dora.pk: 40}
    for pk, days in ago.items():
        SyncedUser.objects.filter(pk=pk).update(last_modified=timezone.now() - timedelta(days=days))
    scim(provider).patch(f"/Users/{cees.pk}", {"op": "replace", "path": "userName", "value": "anna@x"})
    writer.flush()
    page = support.get(f"/eum/users/?{query.format(group=group.pk)}")
    assert sorted(person.display_name for person in page.context["cl"].result_list) == wanted
