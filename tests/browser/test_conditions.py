"""Pages under what people set for themselves: zoom, forced colours, less motion (AC-A11Y-5 to 7)."""

import pytest

from tests.browser.directory import fill
from tests.browser.test_accessibility import LOCALES, each_state

MOVING = """() => [...document.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  return [style.transitionDuration, style.animationDuration].join(",").split(",").some((text) => parseFloat(text) > 0);
}).map((element) => element.outerHTML.slice(0, 80))"""
# Links that stand between other words of the same sentence.
PLAIN_LINKS = """() => [...document.querySelectorAll("main p a, main dd a, main li a")].filter((link) => {
  const has_words = [...link.parentElement.childNodes].some((node) => node.nodeType === 3 && /\\w{2}/.test(node.data));
  return has_words && link.checkVisibility() && !getComputedStyle(link).textDecorationLine.includes("underline");
}).map((link) => link.outerHTML.slice(0, 80))"""
VAGUE_TIMES = """() => [...document.querySelectorAll("time")].filter((time) =>
  !/^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$/.test(time.dateTime)
  || !/\\b20\\d\\d\\b/.test(time.title || time.textContent)
).map((time) => time.outerHTML)"""
SILENT = """() => [...document.querySelectorAll(".toast.ok, .toast.bad, p.error")].filter((message) =>
  message.checkVisibility() && !message.closest("[role=status], [role=alert], dialog, form")
).map((message) => message.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("locale", LOCALES)
def test_ac_a11y_5_at_200_percent_nothing_overflows_and_nothing_moves(visit, locale):
    """1280 pixels at 200 % are 640 CSS pixels."""
    directory = fill()
    options = {"viewport": {"width": 640, "height": 400}, "reduced_motion": "reduce", "locale": locale}
    window = visit(account=directory.administrator, **options)
    wide, moving = [], {}
    for name, page in each_state(window, directory):
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
        moving[name] = page.evaluate(MOVING)
    assert not wide
    assert not {name: found for name, found in moving.items() if found}


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


def test_ac_a11y_6_ac_a11y_7_times_are_exact_messages_announced_and_links_in_sentences_underlined(visit):
    directory = fill()
    window = visit(account=directory.administrator)
    found = {}
    for name, page in each_state(window, directory):
        found[name] = [*page.evaluate(VAGUE_TIMES), *page.evaluate(PLAIN_LINKS), *page.evaluate(SILENT)]
    assert not {name: parts for name, parts in found.items() if parts}
