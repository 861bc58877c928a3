"""Decisions about removals, and restoring many users, as a browser shows them."""

import pytest
from playwright.sync_api import expect

from providers.models import HeldRemoval, Provider, Resource
from tests.browser.keyboard import tab_to
from tests.conftest import ScimClient
from tests.factories import issue, make_provider, make_user
from tests.providers.conftest import DISABLE


def held() -> Provider:
    """A provider with four removals that wait, after five."""
    provider = make_provider("Contoso Entra ID")
    Provider.objects.filter(pk=provider.pk).update(removal_limit="hold", removal_limit_users=5)
    client = ScimClient(issue(provider)[1])
    for number in range(9):
        client.patch(f"/Users/{make_user(provider, f'user{number}@contoso.com').pk}", DISABLE)
    return provider


@pytest.mark.parametrize("name", ["allow", "reject", "end", "off"])
def test_each_decision_asks_in_a_dialog_that_starts_on_cancel(visit, name):
    provider = held()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/removals/")
    page.get_by_test_id(name).click()
    expect(page.get_by_role("dialog")).to_contain_text("user5@contoso.com")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.keyboard.press("Enter")  # what a hurried person does
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id(name)).to_be_focused()
    before = Provider.objects.get(pk=provider.pk)
    assert before.held_at and not before.rejected_at and HeldRemoval.objects.waiting().count() == 4


def test_these_are_allowed_by_keyboard_and_held_again(visit):
    provider = held()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/removals/")
    tab_to(page, "allow", most=60)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    tab_to(page, "decide", most=2)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("allowed-count")).to_contain_text("4 more users are allowed")
    page.get_by_test_id("again").click()
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.get_by_test_id("decide").dblclick()
    expect(page.get_by_test_id("waiting-count")).to_have_text("4")


def test_a_rejection_is_lifted_in_a_dialog_that_starts_on_cancel(visit):
    provider = held()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/removals/")
    page.get_by_test_id("reject").click()
    page.get_by_test_id("decide").click()
    expect(page.get_by_test_id("situation")).to_contain_text("get 403")
    page.get_by_test_id("lift").click()
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.get_by_test_id("decide").click()
    expect(page.get_by_test_id("situation")).to_contain_text("No removals are held back")


def test_a_dialog_that_is_no_longer_true_says_so_in_its_place(visit):
    provider = held()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/removals/")
    page.get_by_test_id("allow").click()
    expect(page.get_by_test_id("decide")).to_be_visible()
    HeldRemoval.objects.update(is_deletion=True)
    page.get_by_test_id("decide").click()
    expect(page.get_by_test_id("stale")).to_contain_text("nothing was done")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    assert not HeldRemoval.objects.allowed().exists()


def test_removed_users_are_chosen_and_come_back(visit):
    provider = held()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/removals/")
    page.get_by_test_id("removed").click()
    page.get_by_role("checkbox", name="user1@contoso.com").check()
    page.get_by_role("checkbox", name="user3@contoso.com").check()
    page.get_by_test_id("restore-selected").click()
    expect(page.get_by_test_id("enable")).to_contain_text("2 users are enabled")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.get_by_test_id("ok").click()
    expect(page.get_by_role("status").filter(has_text="2 users are enabled.")).to_be_visible()
    names = Resource.objects.filter(active=True).values_list("user_name", flat=True)
    assert {"user1@contoso.com", "user3@contoso.com"} <= set(names) and "user2@contoso.com" not in names
