"""Finding one's way with the Tab key alone."""

from playwright.sync_api import Page

# The ring lies around the element, so it is seen against what lies behind its parent.
FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => parts(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const isClear = (node) => parts(getComputedStyle(node).backgroundColor)[3] === 0;
  let behind = element.parentElement;
  while (behind.parentElement && isClear(behind)) behind = behind.parentElement;
  const [light, dark] = [luminance(style.outlineColor), luminance(getComputedStyle(behind).backgroundColor)]
    .sort((one, other) => other - one);
  return [element.dataset.testid ?? "", (element.getAttribute("aria-label") ?? element.textContent).trim(),
          style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, (light + 0.05) / (dark + 0.05)];
}"""


def tab_to(page: Page, wanted: str, *, most: int = 30) -> int:
    """Press Tab until the focus is on the test id or text `wanted`; each stop must show it (AC-A11Y-2).

    Returns the number of presses.
    """
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        test_id, text, is_visible, contrast = page.evaluate(FOCUS)
        assert is_visible, f"no focus ring on {test_id or text!r}"
        assert contrast >= 3, f"the focus ring on {test_id or text!r} has a contrast of {contrast:.1f}"
        if wanted in (test_id, text):
            return presses
    raise AssertionError(f"{wanted} is not reached with {most} presses of Tab")
