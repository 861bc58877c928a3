"""Every page, in both themes and languages: axe, keyboard, narrow windows, CSP (AC-A11Y, AC-DARK, AC-CSP, AC-I18N)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.directory import Directory, fill
from tests.browser.front_door import STATES
from tests.browser.keyboard import tab_to
from tests.catalogue import DUTCH, read_po
from tests.factories import make_provider

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}

LOCALES = ["en-GB", "nl-NL"]
# What the templates mark as leading to a dialog.
DIALOG_LINKS = {
    found
    for template in (settings.BASE_DIR / "templates").rglob("*.html")
    for found in re.findall(r'<a [^>]*data-dialog data-testid="([^"]+)"', template.read_text("utf-8"))
}
# These lead to one that another link opens.
SAME_DIALOG = {"add-provider-empty", "merge", "retire", "rotate-instead"}


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def open_add(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/eum/providers/")
    page.get_by_test_id("add-provider").click()
    page.get_by_test_id("ip-restrict").check()
    page.get_by_test_id("ip-ranges").fill("20.190.137.45/18")
    page.get_by_test_id("ok").click()
    expect(page.get_by_role("alert")).to_have_count(2)


def open_token(page: Page, address: str, directory: Directory) -> None:
    directory.empty.tokens.all().delete()
    page.goto(f"{address}/eum/providers/{directory.empty.pk}/")
    page.get_by_test_id("permanent-token").click()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_role("dialog").get_by_role("status")).not_to_be_empty()


def open_enforce(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/eum/providers/{directory.contoso.pk}/ip-restriction/")
    page.get_by_test_id("mode-enforce").check()
    page.get_by_test_id("save-mode").click()
    expect(page.get_by_test_id("uncovered")).to_be_visible()


def open_preview(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/eum/providers/{directory.contoso.pk}/ip-restriction/")
    tag = b'{"name": "AzureActiveDirectory", "properties": {"addressPrefixes": ["52.146.0.0/16"]}}'
    content = b'{"cloud": "Public", "values": [%s]}' % tag
    page.get_by_test_id("file").set_input_files({"name": "tags.json", "mimeType": "text/json", "buffer": content})
    page.get_by_test_id("preview").click()
    expect(page.get_by_test_id("difference")).to_be_visible()


def open_second_token(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/eum/providers/{directory.contoso.pk}/")
    page.get_by_test_id("permanent-token").click()
    expect(page.get_by_test_id("second-token")).to_be_visible()


def open_menu(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/eum/users/")
    page.locator("summary", has_text="Status").click()


DIALOGS: dict[str, Callable[[Page, str, Directory], None]] = {
    "add dialog": open_add,
    "token dialog": open_token,
    "second token dialog": open_second_token,
    "enforce dialog": open_enforce,
    "import dialog": open_preview,
    "filter menu": open_menu,
    **STATES,  # the last ones: they sign out
}


def each_state(window: Any, directory: Directory) -> Any:
    """Each page, dialog and menu in turn: its name, and the page that shows it."""
    page = window.open("/")
    opened: set[str] = set()
    for name, path in directory.addresses().items():
        page.goto(f"{window.address}{path}")
        yield name, page
        for link in page.locator("main a[data-dialog]:visible").all():
            kind = str(link.get_attribute("data-testid"))
            if kind not in opened:
                opened.add(kind)
                link.click()
                expect(page.locator("dialog[open]")).to_be_visible()
                yield f"{name}: {kind}", page
                page.keyboard.press("Escape")
                expect(page.locator("dialog")).to_have_count(0)
    assert opened >= DIALOG_LINKS - SAME_DIALOG
    for name, reach in DIALOGS.items():
        reach(page, window.address, directory)
        yield name, page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", LOCALES)
def test_ac_a11y_1_ac_csp_1_axe_finds_nothing_and_nothing_breaks_the_policy(visit, scheme, locale):
    directory = fill()
    window = visit(account=directory.administrator, color_scheme=scheme, locale=locale)
    answers: list[tuple[str, dict[str, str]]] = []
    window.context.on("response", lambda answer: answers.append((answer.url, answer.headers)))
    found = {name: violations(page) for name, page in each_state(window, directory)}
    found["sign-in"] = violations(visit(color_scheme=scheme, locale=locale).open("/login/"))
    assert not {name: problems for name, problems in found.items() if problems}
    pages = [headers for url, headers in answers if "/static/" not in url]
    assert len(pages) > len(directory.addresses())
    assert all("default-src 'self'" in headers.get("content-security-policy", "") for headers in pages)
    assert not [url for url, _headers in answers if not url.startswith(window.address)]
    assert not window.complaints


@pytest.mark.parametrize("locale", LOCALES)
def test_ac_a11y_1_axe_finds_nothing_at_320_pixels_and_nothing_overflows(visit, locale):
    directory = fill()
    window = visit(account=directory.administrator, viewport={"width": 320, "height": 640}, locale=locale)
    found, wide = {}, []
    for name, page in each_state(window, directory):
        found[name] = violations(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
    assert not {name: problems for name, problems in found.items() if problems}
    assert not wide


def test_ac_i18n_2_no_dutch_page_shows_an_english_text(visit):
    english = english_texts()
    assert len(english) > 500
    directory = fill()
    window = visit(account=directory.administrator, locale="nl-NL")
    found = {}
    for name, page in each_state(window, directory):
        page.evaluate("document.querySelectorAll('main [lang=en]').forEach((answer) => answer.remove())")
        shown = " ".join(page.locator("body").inner_text().split())
        found[name] = [text for text in english if text in shown]
        assert page.evaluate("document.documentElement.lang") == "nl", name
    assert not {name: texts for name, texts in found.items() if texts}


def english_texts() -> set[str]:
    """Of each text in the catalogue the pieces of three words and more between what is filled in.

    What a Dutch text has too is a name, such as one of Entra's menus.
    """
    messages = read_po(DUTCH)
    dutch = " ".join(text for message in messages for text in message.texts)
    texts = [text for message in messages for text in (message.msgid, message.plural)]
    return {piece for text in texts for piece in pieces(text) if piece not in dutch}


def pieces(text: str) -> set[str]:
    parts = re.split(r"%\(\w+\)[sd]|\{\w*\}|<[^>]*>|%%", text)
    return {" ".join(part.split()) for part in parts if len(re.findall(r"[A-Za-z]{2,}", part)) >= 3}


def test_ac_a11y_3_the_first_stop_skips_to_the_content(visit):
    directory = fill()
    page = visit(account=directory.administrator).open("/eum/users/")
    tab_to(page, "Skip to main content", most=1)
    page.keyboard.press("Enter")
    assert tab_to(page, "Janelle Wouters", most=15) <= 15


def test_ac_a11y_4_what_is_clicked_is_large_enough(visit):
    directory = fill()
    window = visit(account=directory.administrator)
    small = """() => [...document.querySelectorAll("button, summary, .btn, .tabs a, .filters a, .chip")]
      .map((element) => [element.textContent.trim(), element.getBoundingClientRect()])
      .filter(([, box]) => box.width > 1 && (box.width < 24 || box.height < 24)).map(([text]) => text)"""
    assert not {name: found for name, page in each_state(window, directory) if (found := page.evaluate(small))}


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


def test_titles_and_headings_name_each_page(visit):
    make_provider("Contoso")
    directory = fill()
    titles = {}
    for name, page in each_state(visit(account=directory.administrator), directory):
        if name in directory.addresses():
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            titles[name] = page.title()
    assert all(title.endswith(" · iProva") for title in titles.values()), titles
