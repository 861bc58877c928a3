"""Every page, in both themes and languages, wide and narrow: axe, keyboard, CSP, texts (AC-A11Y, AC-CSP, AC-I18N).

Walking through all pages is what takes long, so a walk looks at all that its window can show.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.directory import fill
from tests.browser.keyboard import tab_to
from tests.browser.walk import each_state
from tests.catalogue import DUTCH, read_po
from tests.factories import make_provider

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# The rules among these that look at colours: another theme changes nothing else.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# A page behind a dialog is inert, and it was looked at before the dialog opened. Of the rows of a table that differ
# only in what their texts and addresses say, axe looks at one: a list of fifty takes it seconds.
AXE = """(rules) => {
  const varied = new Set(["aria-label", "datetime", "for", "href", "id", "title", "value"]);
  const shape = (node) => node.nodeType === 1 ? [
    node.tagName,
    ...[...node.attributes].map(({name, value}) => `${name}=${varied.has(name) ? value !== "" : value}`),
    ...[...node.childNodes].map(shape),
  ].join() : /\\S/.test(node.data);
  const seen = new Set();
  const alike = [...document.querySelectorAll("main tbody tr")].filter((row) => {
    const known = [row.closest("table").className, shape(row)].join();
    return seen.size === seen.add(known).size;
  });
  const context = {include: [document.querySelector("dialog[open]") ?? document.documentElement], exclude: alike};
  return axe.run(context, rules).then((result) =>
    result.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)}`)));
}"""

SMALL = """() => [...document.querySelectorAll("button, summary, .btn, .tabs a, .filters a, .chip")]
  .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.width < 24 || box.height < 24)).map(([text]) => text)"""
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
TOO_WIDE = (
    "() => document.documentElement.scrollWidth > innerWidth ? [`${document.documentElement.scrollWidth} px`] : []"
)


def violations(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    return list(page.evaluate(AXE, rules))


def seen_by(script: str) -> Callable[[Page], list[str]]:
    return lambda page: list(page.evaluate(script))


def themed(scheme: Any, rules: dict[str, Any]) -> Callable[[Page], list[str]]:
    """What axe finds in a theme. The windows ask for less motion, so no colour is on its way to another."""

    def look(page: Page) -> list[str]:
        page.emulate_media(color_scheme=scheme)
        return violations(page, rules)

    return look


def sized(width: int, height: int, look: Callable[[Page], list[str]]) -> Callable[[Page], list[str]]:
    def resized(page: Page) -> list[str]:
        page.set_viewport_size({"width": width, "height": height})
        return look(page)

    return resized


def nameless(page: Page) -> list[str]:
    """The title of a page that has none of its own, or not one heading of the first level."""
    is_named = page.get_by_role("heading", level=1).count() == 1 and page.title().endswith(" · iProva")
    return [] if is_named else [page.title()]


def english_on(page: Page) -> list[str]:
    """The English texts on a Dutch page. Answers to a directory are English everywhere: they are taken out first."""
    assert page.evaluate("document.documentElement.lang") == "nl"
    page.evaluate("document.querySelectorAll('main [lang=en]').forEach((answer) => answer.remove())")
    shown = " ".join(page.locator("body").inner_text().split())
    return [text for text in english_texts() if text in shown]


# 1280 pixels at 200 % are 640 CSS pixels. Each size is set once, so the checks of a size follow each other.
WIDE = {
    "AC-A11Y-4, too small to click": sized(1280, 720, seen_by(SMALL)),
    "AC-A11Y-6, vague times": seen_by(VAGUE_TIMES),
    "AC-A11Y-7, links not underlined": seen_by(PLAIN_LINKS),
    "AC-A11Y-7, messages not announced": seen_by(SILENT),
}
NARROW = {
    "AC-A11Y-5, overflows at 200 %": sized(640, 400, seen_by(TOO_WIDE)),
    "AC-A11Y-5, moves": seen_by(MOVING),
    "overflows at 320 pixels": sized(320, 640, seen_by(TOO_WIDE)),
}
# What axe looks at is the same in each language, so each window asks it at its own width.
AXE_WIDE = {
    "AC-A11Y-1, light": themed("light", RULES),
    "AC-A11Y-1 and AC-DARK, dark": themed("dark", COLOURS),
}
AXE_NARROW = {"AC-A11Y-1, 320 pixels": violations}


def problems_on(page: Page, checks: dict[str, Callable[[Page], list[str]]]) -> dict[str, list[str]]:
    return {claim: found for claim, look in checks.items() if (found := look(page))}


# Each walk opens its pages and dialogs in a window of its own width, and looks at them in all of them.
@pytest.mark.parametrize(
    ("locale", "width", "height", "checks"),
    [("en-GB", 1280, 720, WIDE | AXE_WIDE | NARROW), ("nl-NL", 320, 640, WIDE | NARROW | AXE_NARROW)],
)
def test_ac_a11y_1_4_5_6_7_ac_csp_1_ac_i18n_2_each_page_at_each_width_in_both_themes(
    visit, locale, width, height, checks
):
    directory = fill()
    make_provider("Contoso")
    size = {"width": width, "height": height}
    options = {"locale": locale, "reduced_motion": "reduce", "viewport": size}
    window = visit(account=directory.administrator, **options)
    window.context.add_init_script(Axe().axe_script)
    answers: list[tuple[str, dict[str, str]]] = []
    window.context.on("response", lambda answer: answers.append((answer.url, answer.headers)))
    found = {}
    for name, page in each_state(window, directory):
        own = checks | ({"headings and title": nameless} if name in directory.addresses() else {})
        found[name] = problems_on(page, own | ({"AC-I18N-2": english_on} if locale == "nl-NL" else {}))
        page.set_viewport_size(size)
    stranger = visit(**options)
    stranger.context.add_init_script(Axe().axe_script)
    found["sign-in"] = problems_on(stranger.open("/login/"), checks)
    assert not {name: problems for name, problems in found.items() if problems}
    pages = [headers for url, headers in answers if "/static/" not in url]
    assert len(pages) > len(directory.addresses())
    assert all("default-src 'self'" in headers.get("content-security-policy", "") for headers in pages)
    assert not [url for url, _headers in answers if not url.startswith(window.address)]
    assert not window.complaints


@functools.cache
def english_texts() -> set[str]:
    """Of each text in the catalogue the pieces of three words and more between what is filled in.

    What a Dutch text has too is a name, such as one of Entra's menus.
    """
    messages = read_po(DUTCH)
    dutch = " ".join(text for message in messages for text in message.texts)
    texts = [text for message in messages for text in (message.msgid, message.plural)]
    found = {piece for text in texts for piece in pieces(text) if piece not in dutch}
    assert len(found) > 500
    return found


def pieces(text: str) -> set[str]:
    parts = re.split(r"%\(\w+\)[sd]|\{\w*\}|<[^>]*>|%%", text)
    return {" ".join(part.split()) for part in parts if len(re.findall(r"[A-Za-z]{2,}", part)) >= 3}


def test_ac_a11y_3_the_first_stop_skips_to_the_content(visit):
    directory = fill()
    page = visit(account=directory.administrator).open("/eum/users/")
    tab_to(page, "Skip to main content", most=1)
    page.keyboard.press("Enter")
    assert tab_to(page, "Janelle Wouters", most=15) <= 15


def test_ac_dark_1_the_theme_is_there_before_the_page_and_survives_a_reload(visit):
    page = visit("Support").open("/eum/")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator(".theme-toggle").click()
    assert page.evaluate(background) != light
    dark = page.evaluate(background)
    page.reload()
    assert page.evaluate(background) == dark
    head = page.evaluate("document.head.querySelector('script[src*=theme]').defer")
    assert head is False  # it runs before the body is painted
