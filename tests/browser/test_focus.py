"""Where the focus is after a page was loaded again, and errors that are found (§ Accessibility of docs/console.md)."""

import pytest
from playwright.sync_api import expect

from tests.factories import make_calls, make_provider

# Everything that can be pressed and does not stand inside a sentence (WCAG 2.5.8), smaller than 24 px.
IN_A_SENTENCE = "p, .sub, .hits, dd, .visually-hidden, td, tbody th, .crumbs, bdi"
SMALL = """(inSentence) => [
  ...document.querySelectorAll("main a, main input:not([type=hidden]), main summary, main button")
].filter((one) => one.checkVisibility() && !one.closest(inSentence))
  .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 23.9 || box.width < 23.9))
  .map(([text, box]) => `${text} ${box.height}`)"""


def test_after_a_filter_a_search_and_a_sort_the_number_of_rows_has_the_focus(visit):
    provider = make_provider("Contoso")
    make_calls(provider, 201, "POST", count=2)
    page = visit("Support").open("/eum/log/")
    count = page.get_by_text("Requests found: 2.")
    expect(count).not_to_be_focused()
    page.locator("summary", has_text="Outcome").click()
    page.get_by_role("link", name="Success", exact=True).click()
    expect(count).to_be_focused()
    page.reload()
    expect(count).not_to_be_focused()
    page.goto(page.url.partition("/eum/")[0] + "/eum/users/?q=nobody")
    page.locator("#searchbar").fill("jane")
    page.keyboard.press("Enter")
    expect(page.locator(".chips [role=status]")).to_be_focused()
    page.goto(page.url.partition("/eum/")[0] + "/eum/providers/")
    page.get_by_role("link", name="Title", exact=True).click()
    expect(page.locator(".chips [role=status]")).to_be_focused()


def test_after_an_act_its_message_has_the_focus(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("change-provider").click()
    page.get_by_test_id("title").fill("Contoso NL")
    page.get_by_test_id("ok").click()
    expect(page.locator(".toast", has_text="Provider changed")).to_be_focused()
    page.get_by_test_id("permanent-token").click()
    page.get_by_test_id("copy-token").click()
    page.get_by_test_id("done").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_each_error_stands_under_its_own_field_and_three_have_a_summary_with_links(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("change-provider").click()
    for name in ("late_after_minutes", "silent_after_hours"):
        page.locator(f"[name={name}]").fill("x")
    page.get_by_test_id("ok").click()
    late, silent = page.locator("#late-error"), page.locator("#silent-error")
    expect(late).to_contain_text("from 41 to 10080")
    assert abs(late.bounding_box()["x"] - page.locator("#late").bounding_box()["x"]) < 2
    assert abs(silent.bounding_box()["x"] - page.locator("#silent").bounding_box()["x"]) < 2
    expect(page.get_by_test_id("error-summary")).to_have_count(0)
    page.locator("[name=notification_email]").fill("nobody")
    page.get_by_test_id("ok").click()
    summary = page.get_by_test_id("error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("3 values cannot be saved")
    summary.get_by_role("link", name="Silent after (hours)").click()
    expect(page.locator("#silent")).to_be_focused()


@pytest.mark.parametrize("path", ["/eum/", "/eum/providers/", "/eum/log/", "/eum/users/", "/eum/providers/{}/edit/"])
def test_targets_that_stand_alone_have_24_pixels(visit, path):
    provider = make_provider("Contoso")
    make_calls(provider, 201, "POST")
    make_calls(provider, 409, "POST", count=2)
    page = visit("Administrator").open(path.format(provider.pk))
    assert not page.evaluate(SMALL, IN_A_SENTENCE)
