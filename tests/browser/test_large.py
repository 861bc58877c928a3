"""Long menus, the chart, and pages that renew themselves."""

import re

from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from providers.models import Provider
from tests.factories import make_calls, make_provider


def active(page):
    return page.evaluate("document.activeElement.textContent.trim() || document.activeElement.tagName")


def test_a_long_menu_is_narrowed_by_typing_and_walked_with_arrow_keys(visit):
    for number in range(30):
        make_provider(f"Gemeente {number:02}")
    make_provider("Zürich")
    page = visit("Support").open("/eum/log/")
    menu = page.locator("details.menu", has=page.get_by_text("Gemeente 00"))
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    box = menu.get_by_role("searchbox", name="Search: Provider")
    expect(box).to_be_focused()
    page.keyboard.type("zurich")
    expect(menu.get_by_role("link")).to_have_count(1)
    expect(menu.get_by_role("status")).to_have_text("Found: 1")
    box.fill("gemeente 2")
    expect(menu.get_by_role("status")).to_have_text("Found: 12")  # 02, 12, and 20 to 29
    page.keyboard.press("ArrowDown")
    assert active(page) == "Gemeente 02"
    page.keyboard.press("ArrowDown")
    assert active(page) == "Gemeente 12"
    page.keyboard.press("End")
    assert active(page) == "Gemeente 29"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    box.fill("nothing")
    expect(menu.get_by_role("status")).to_have_text("Nothing found")
    page.keyboard.press("Escape")
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("link")).to_have_count(32)  # All, and each provider
    page.keyboard.type("Gemeente 17")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"provider={Provider.objects.get(title='Gemeente 17').pk}"))


def test_a_click_on_a_bar_opens_the_log_of_its_time(visit):
    provider = make_provider("Contoso")
    make_calls(provider, 201, "POST", count=3)
    page = visit("Support").open("/eum/")
    page.locator(".chart .hits a").last.click()
    expect(page.get_by_text("Requests found: 3.")).to_be_visible()


def renewed(page):
    page.clock.run_for(31_000)


def test_the_dashboard_and_the_log_are_renewed_unless_paused(visit):
    provider = make_provider("Contoso")
    window = visit("Support")
    page = window.context.new_page()
    page.clock.install()
    page.goto(f"{window.address}/eum/log/")
    expect(page.get_by_text("No requests yet")).to_be_visible()
    make_calls(provider, 201, "POST", count=2)
    renewed(page)
    expect(page.get_by_text("Requests found: 2.")).to_be_visible()
    link = page.get_by_role("link", name="Create user").first
    link.focus()
    address = link.get_attribute("href")
    make_calls(provider, 201, "POST")
    renewed(page)
    expect(page.get_by_text("Requests found: 3.")).to_be_visible()
    assert page.evaluate("document.activeElement.getAttribute('href')") == address  # the focus stays on its request
    page.get_by_role("button", name="Pause").click()
    make_calls(provider, 201, "POST")
    renewed(page)
    page.wait_for_timeout(300)
    expect(page.get_by_text("Requests found: 3.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Requests found: 4.")).to_be_visible()
    Session.objects.all().delete()
    renewed(page)
    expect(page.get_by_test_id("refresh")).to_have_text("Not updated any more: your session has ended.")
