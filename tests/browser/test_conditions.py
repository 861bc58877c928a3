"""Pages under what people set for themselves: forced colours (AC-A11Y-5)."""

import pytest

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
