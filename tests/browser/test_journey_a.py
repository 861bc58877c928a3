"""Journey A: an administrator connects a provider, until URL and secret are copied."""

import re

import pytest
from playwright.sync_api import expect

from providers.models import Provider
from tests.browser.conftest import clicks, clipboard, press_done
from tests.browser.keyboard import tab_to
from tests.factories import make_account

PASSWORD = "correct horse battery"
VALUE = re.compile(r"^ipr_[A-Za-z0-9_-]{49}$")


def test_journey_a_by_mouse_in_nine_clicks(visit, settings):
    make_account("Administrator", username="a.bakker")
    page = visit().open("/")
    page.get_by_label("User name").fill("a.bakker")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_test_id("go-to")).to_be_visible()
    page.evaluate("sessionStorage.clear()")
    page.get_by_text("Go to").click()
    page.get_by_role("link", name="Application management").click()
    page.get_by_role("link", name="External user management").click()
    page.get_by_role("button", name="Add provider").first.click()
    page.get_by_test_id("title").fill("Contoso Entra ID")
    page.get_by_test_id("ok").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Contoso Entra ID")
    page.get_by_test_id("copy-tenant-url").click()
    expect(page.get_by_text("Tenant URL copied")).to_be_visible()
    assert clipboard(page) == settings.OPTIONS.scim_url
    page.get_by_test_id("permanent-token").click()
    value = page.get_by_test_id("token-value").input_value()
    assert VALUE.match(value)
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    press_done(page)
    assert clicks(page) == 9

    expect(page.get_by_test_id("token-value")).to_have_count(0)
    expect(page.get_by_text("Permanent token 1.")).to_be_visible()
    assert value not in page.content()
    assert page.request.get(f"{visit().address}/scim/Users", headers={"Authorization": f"Bearer {value}"}).ok


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ac_a11y_2_journey_a_by_keyboard(visit, settings, scheme):
    make_account("Administrator", username="a.bakker")
    page = visit(color_scheme=scheme).open("/")
    page.keyboard.type("a.bakker")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("go-to")).to_be_visible()

    tab_to(page, "go-to")
    page.keyboard.press("Enter")
    tab_to(page, "Application management")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "external-user-management")
    page.keyboard.press("Enter")
    page.wait_for_url("**/eum/")
    tab_to(page, "add-provider-empty")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("title")).to_be_focused()
    page.keyboard.type("Contoso Entra ID")
    page.keyboard.press("Enter")
    page.wait_for_url("**/eum/providers/*/")
    tab_to(page, "copy-tenant-url", most=36)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Tenant URL copied")).to_be_visible()
    assert clipboard(page) == settings.OPTIONS.scim_url
    tab_to(page, "permanent-token")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("copy-token")).to_be_focused()
    value = page.get_by_test_id("token-value").input_value()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    tab_to(page, "done", most=3)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Permanent token 1.")).to_be_visible()
    assert value not in page.content()


def test_ac_add_6_journey_a_without_javascript(visit, settings):
    make_account("Administrator", username="a.bakker")
    window = visit(java_script_enabled=False)
    page = window.open("/")
    page.get_by_label("User name").fill("a.bakker")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_test_id("go-to").click()
    page.get_by_role("link", name="Application management").click()
    page.get_by_test_id("external-user-management").click()
    page.get_by_test_id("add-provider-empty").click()
    expect(page).to_have_url(re.compile("/eum/providers/add/$"))
    expect(page.get_by_test_id("title")).to_be_focused()
    page.get_by_test_id("ip-restrict").check()
    page.get_by_test_id("ip-ranges").fill("20.190.137.45/18")
    page.get_by_test_id("ok").click()
    expect(page.get_by_test_id("title")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Use 20.190.128.0/18").click()
    page.get_by_test_id("title").fill("Contoso Entra ID")
    page.get_by_test_id("title").press("Enter")
    expect(page.get_by_test_id("tenant-url")).to_have_value(settings.OPTIONS.scim_url)
    expect(page.get_by_test_id("copy-tenant-url")).to_be_hidden()  # it could do nothing
    expect(page.get_by_role("status").filter(has_text="Provider added")).to_be_visible()
    page.get_by_test_id("permanent-token").click()
    assert VALUE.match(page.get_by_test_id("token-value").input_value())
    value = page.get_by_test_id("token-value").input_value()
    expect(page.get_by_test_id("copy-token")).to_be_hidden()
    press_done(page)
    expect(page).to_have_url(re.compile(f"/eum/providers/{Provider.objects.get().pk}/$"))
    assert value not in page.content()
