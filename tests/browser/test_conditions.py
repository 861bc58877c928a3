"""Pages under what people set for themselves: forced colours (AC-A11Y-5), their time zone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.directory import fill


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ac_a11y_5_in_forced_colours_focus_chart_and_states_stay_visible(visit, scheme):
    directory = fill()
    page = visit(account=directory.administrator, forced_colors="active", color_scheme=scheme).open("/eum/")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    canvas = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_test_id("add-provider").focus()
    ring = page.get_by_test_id("add-provider").evaluate(
        "(element) => { const s = getComputedStyle(element); return [s.outlineStyle, s.outlineWidth, s.outlineColor]; }"
    )
    assert ring[0] != "none" and float(ring[1].removesuffix("px")) >= 2 and ring[2] != canvas
    for selector, part in ((".badge", "color"), (".badge .icon", "stroke"), ("rect[class^=f-]", "fill")):
        colours = page.locator(selector).evaluate_all(
            "(found, part) => found.map((element) => getComputedStyle(element)[part])", part
        )
        assert colours and canvas not in colours and "none" not in colours, selector


def test_times_are_in_the_zone_of_the_browser_and_the_keyboard_reaches_seconds_and_utc(visit):
    directory = fill()
    page = visit(account=directory.administrator, timezone_id="Asia/Tokyo").open("/eum/")
    page.goto(page.url.replace("/eum/", f"/eum/users/{directory.jane.pk}/"))
    expect(page.get_by_test_id("zone")).to_contain_text("Asia/Tokyo")
    time = page.get_by_test_id("timeline").locator("time[title]").first
    expect(time).to_have_text(re.compile(r"\d\d:\d\d:\d\d JST$"))
    assert time.evaluate("(time) => time.closest('a') ? 'in a link' : time.tabIndex") in ("in a link", 0)
    page.keyboard.press("Tab")  # what follows is the keyboard's
    time.focus()
    bubble = page.locator(".bubble")
    expect(bubble).to_have_text(time.get_attribute("title"))
    box = bubble.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]
    page.keyboard.press("Escape")
    expect(bubble).to_have_count(0)
