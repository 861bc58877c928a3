"""Finding one's way with the Tab key alone."""

from playwright.sync_api import Page

FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  return [element.dataset.testid ?? "", (element.getAttribute("aria-label") ?? element.textContent).trim(),
          style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""


def tab_to(page: Page, wanted: str, *, most: int = 30) -> int:
    """Press Tab until the focus is on the test id or text `wanted`; each stop must show it (AC-A11Y-2).

    Returns the number of presses.
    """
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        test_id, text, is_visible = page.evaluate(FOCUS)
        assert is_visible, f"no focus ring on {test_id or text!r}"
        if wanted in (test_id, text):
            return presses
    raise AssertionError(f"{wanted} is not reached with {most} presses of Tab")
