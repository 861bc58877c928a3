"""Finding people (AC-USR), and roles as the browser shows them (AC-ROLE)."""

import re

from playwright.sync_api import expect

from providers.models import Provider
from tests.browser.conftest import clicks
from tests.browser.directory import fill
from tests.factories import make_provider, make_user


def test_ac_usr_1_find_a_person_from_any_page(visit):
    directory = fill()
    page = visit("Support").open(f"/eum/providers/{directory.contoso.pk}/")
    page.get_by_label("Find a user").fill("jane boer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Jane de Boer")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Disabled")
    page.get_by_test_id("groups").get_by_role("link", name="iProva users").click()
    expect(page.get_by_test_id("members").get_by_role("link")).to_have_count(6)
    page.get_by_test_id("members").get_by_role("link", name="Janë Koçi").click()
    expect(page.get_by_test_id("groups").get_by_role("link")).to_have_count(2)


def test_ac_usr_5_a_key_leads_to_find_a_person_and_can_be_switched_off(visit):
    directory = fill()
    window = visit("Support")
    page = window.open("/eum/log/")
    field = page.get_by_label("Find a user")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("a/b")
    expect(field).to_have_value("a/b")
    field.fill("jan")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/eum/users/\?q=jan$"))
    expect(page.locator("#result_list tbody tr")).not_to_have_count(1)
    page.get_by_test_id("account").click()
    switch = page.get_by_role("button", name="Shortcut / to find a user")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    page.goto(f"{window.address}/eum/groups/{directory.group.pk}/")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a user")).not_to_be_focused()


def test_ac_per_2_from_the_landing_page_to_the_answer_in_one_field_and_two_clicks(visit):
    fill()
    page = visit("Support").open("/eum/")
    page.get_by_label("Find a user").fill("jan")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Jane de Boer").click()
    expect(page.get_by_test_id("summary")).to_contain_text("Disabled on")
    assert clicks(page) == 1


def test_whom_the_directory_fails_to_provision_and_why_takes_two_clicks(visit):
    fill()
    page = visit("Support").open("/eum/")
    page.get_by_role("link", name="Not provisioned").first.click()
    row = page.get_by_role("row", name="Jan de Boer")
    expect(row).to_contain_text("userName already taken")
    expect(row).to_contain_text("Directory administrator")
    assert clicks(page) <= 2


def test_why_a_user_is_not_here_is_in_the_search_box(visit):
    fill()
    page = visit("Support").open("/eum/")
    page.get_by_label("Find a user").fill("Jan de Boer")
    page.keyboard.press("Enter")
    never = page.get_by_test_id("never-created")
    expect(never).to_contain_text("Contoso Entra ID tried to create this user")
    expect(never).to_contain_text("userName already taken")
    assert clicks(page) == 0


def test_ac_usr_6_a_filter_is_saved_and_found_again(visit):
    fill()
    page = visit("Support").open("/eum/users/?status=disabled")
    page.get_by_test_id("my-filters").locator("summary").first.click()
    page.get_by_label("Save this filter as").fill("Who is disabled")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as “Who is disabled”.")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    page.get_by_test_id("my-filters").locator("summary").first.click()
    page.get_by_role("link", name="Who is disabled").click()
    expect(page).to_have_url(re.compile(r"/eum/users/\?status=disabled$"))


def test_ac_usr_3_filters_add_up_in_the_address_and_clear_at_once(visit):
    directory = fill()
    page = visit("Support").open("/eum/users/?q=jan")
    page.locator("summary", has_text="Status").click()
    page.get_by_role("link", name="Disabled").click()
    page.locator("summary", has_text="Provider").click()
    page.get_by_role("link", name="Contoso Entra ID").click()
    expect(page).to_have_url(re.compile(rf"/eum/users/\?provider={directory.contoso.pk}&q=jan&status=disabled$"))
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Remove filter Status: Disabled").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(7)
    page.get_by_role("link", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/eum/users/\?$"))


def test_ac_usr_1_nobody_found_without_javascript(visit):
    make_user(make_provider("Contoso"), "piet@contoso.com")
    page = visit("Support", java_script_enabled=False).open("/eum/users/")
    page.get_by_label("Search this list").fill("jahne")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No user found for “jahne”")).to_be_visible()


def test_ac_role_1_support_finds_no_control_that_changes(visit):
    directory = fill()
    window = visit("Support")
    page = window.open("/")
    for path in (
        "/eum/",
        "/eum/providers/",
        *(f"/eum/providers/{directory.contoso.pk}/{tab}" for tab in ("", "tokens/")),
    ):
        page.goto(f"{window.address}{path}")
        for name in ("add-provider", "add-provider-empty", "permanent-token", "revoke"):
            expect(page.get_by_test_id(name)).to_have_count(0)


def test_ac_role_3_without_a_role_the_page_says_what_to_ask_for(visit):
    make_provider("Contoso")
    from tests.factories import make_account

    page = visit(account=make_account(None)).open("/eum/")
    expect(page.get_by_role("heading", name="You have no role here")).to_be_visible()
    page.locator("main").get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_menus_close_by_escape_and_by_a_click_elsewhere(visit):
    page = visit("Support").open("/")
    page.get_by_test_id("go-to").click()
    expect(page.get_by_role("link", name="Application management")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Application management")).to_be_hidden()
    expect(page.get_by_test_id("go-to")).to_be_focused()
    page.get_by_test_id("account").click()
    page.locator("h1").click()
    expect(page.get_by_role("link", name="Change password")).to_be_hidden()
    assert Provider.objects.count() == 0
