"""The way to *Add provider*, and its dialog (AC-LIST, AC-ADD)."""

import re

import pytest
from playwright.sync_api import Page, expect

from providers.models import Provider, Token
from tests.factories import make_provider


def open_dialog(visit, path: str = "/eum/") -> Page:
    page: Page = visit("Administrator").open(path)
    page.get_by_role("button", name="Add provider").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def test_ac_list_1_three_clicks_from_home_and_crumbs_with_those_names(visit):
    make_provider("Contoso")
    page = visit("Support").open("/")
    page.get_by_text("Go to").click()
    page.get_by_role("link", name="Application management").click()
    page.get_by_role("link", name="External user management").click()
    expect(page).to_have_url(re.compile("/eum/$"))
    crumbs = page.get_by_role("navigation", name="Breadcrumbs").get_by_role("listitem")
    assert crumbs.all_inner_texts() == ["Application management", "External user management"]
    first = page.locator("main section").first
    expect(first).to_have_accessible_name("Providers")
    expect(first).to_contain_text("Contoso")
    expect(first.get_by_test_id("add-provider")).to_be_hidden()  # support adds nothing
    first = visit("Administrator").open("/eum/").locator("main section").first
    expect(first.get_by_role("button", name="Add provider")).to_be_visible()


def test_ac_list_2_the_plus_is_a_named_button_with_a_tooltip_right_after_the_heading(visit):
    make_provider("Contoso")
    page = visit("Administrator").open("/eum/")
    plus = page.get_by_role("button", name="Add provider", exact=True)
    box = plus.bounding_box()
    assert box and box["width"] >= 24 and box["height"] >= 24
    after_heading = page.evaluate(
        """() => [...document.querySelectorAll("h1 ~ *, h1 ~ * *, main section, main section *")]
             .find((element) => element.matches("a, button, input, summary, [tabindex]")).dataset.testid"""
    )
    assert after_heading == "add-provider"
    tooltip = "element => getComputedStyle(element, '::after').content"
    assert plus.evaluate(tooltip) == "none"
    plus.hover()
    assert plus.evaluate(tooltip) == '"Add provider"'
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")
    plus.focus()
    assert plus.evaluate(tooltip) == '"Add provider"'


@pytest.mark.parametrize("path", ["/eum/", "/eum/providers/"])
def test_ac_add_1_focus_goes_in_stays_in_and_comes_back(visit, path):
    make_provider("Contoso")
    page = open_dialog(visit, path)
    expect(page.get_by_test_id("title")).to_be_focused()
    inside = "() => document.activeElement === document.body || !!document.activeElement.closest('dialog')"
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate(inside)
    page.evaluate("document.getElementById('find').focus()")
    assert page.evaluate(inside)  # the background is inert
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("add-provider")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_test_id("cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("add-provider")).to_be_focused()


def test_ac_add_2_ok_leads_to_the_provider_with_message_and_url_in_view(visit, settings):
    page = visit("Administrator").open("/eum/providers/")
    page.get_by_test_id("add-provider-empty").click()
    page.get_by_test_id("title").fill("Contoso")
    page.get_by_test_id("ok").click()
    page.wait_for_url("**/eum/providers/*/")
    expect(page).to_have_url(re.compile(f"/eum/providers/{Provider.objects.get().pk}/$"))
    expect(page.get_by_role("status").filter(has_text="Provider added")).to_be_visible()
    expect(page.get_by_test_id("tenant-url")).to_be_in_viewport(ratio=1)
    expect(page.get_by_test_id("tenant-url")).to_have_value(settings.OPTIONS.scim_url)


@pytest.mark.parametrize("title", ["", "CONTOSO"])
def test_ac_add_3_a_refused_title_keeps_dialog_and_values(visit, title):
    make_provider("Contoso")
    page = open_dialog(visit)
    page.get_by_test_id("title").fill(title)
    page.get_by_test_id("ip-restrict").check()
    page.get_by_test_id("ip-ranges").fill("192.0.2.0/24")
    page.get_by_test_id("ok").click()
    field = page.get_by_test_id("title")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_value(title)
    described = field.get_attribute("aria-describedby") or ""
    expect(page.locator(f"#{described.split()[0]}")).to_be_visible()
    expect(page.get_by_test_id("ip-ranges")).to_have_value("192.0.2.0/24")
    expect(page.get_by_role("dialog")).to_have_count(1)
    assert Provider.objects.count() == 1


def test_ac_add_4_a_button_takes_over_the_range_that_was_meant(visit):
    make_provider("Contoso")
    page = open_dialog(visit)
    page.get_by_test_id("title").fill("Fabrikam")
    expect(page.get_by_test_id("ip-ranges")).to_be_hidden()
    page.get_by_test_id("ip-restrict").check()
    expect(page.get_by_text("We first only observe.")).to_be_visible()
    page.get_by_test_id("ip-ranges").fill("20.190.137.45/18\n40.126.0.0/18")
    page.get_by_test_id("ok").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "does not start on a range boundary: did you mean 20.190.128.0/18?"
    )
    page.get_by_role("button", name="Use 20.190.128.0/18").click()
    expect(page.get_by_test_id("ip-ranges")).to_have_value("20.190.128.0/18\n40.126.0.0/18")
    page.get_by_test_id("ok").click()
    page.wait_for_url("**/eum/providers/*/")
    assert Provider.objects.get(title="Fabrikam").ip_rules.count() == 2


def test_ac_add_5_a_double_click_adds_one(visit):
    make_provider("Contoso")
    page = open_dialog(visit)
    page.get_by_test_id("title").fill("Fabrikam")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_test_id("ok").dblclick()
    page.wait_for_url("**/eum/providers/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fabrikam")
    assert Provider.objects.count() == 2 and sent.count("POST") == 1


def test_ac_add_5_markup_in_a_title_does_nothing(visit):
    title = "<img src=x onerror=alert(1)>"
    make_provider(title)
    page = visit("Administrator").open("/eum/")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    page.get_by_test_id("permanent-token").click()
    expect(page.get_by_role("dialog")).to_contain_text(title)


def test_ac_add_7_no_token_is_made(visit):
    make_provider("Contoso")
    page = open_dialog(visit)
    page.get_by_test_id("title").fill("Fabrikam")
    page.get_by_test_id("title").press("Enter")
    page.wait_for_url("**/eum/providers/*/")
    assert Token.objects.count() == 0


def test_a_session_that_ended_meanwhile_leads_to_sign_in(visit):
    make_provider("Contoso")
    window = visit("Administrator")
    page = window.open("/eum/")
    window.context.clear_cookies()
    page.get_by_test_id("add-provider").click()
    expect(page).to_have_url(re.compile(r"/login/\?next="))
