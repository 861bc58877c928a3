"""A walk through the console: each page, dialog and menu in turn, on the directory of `directory.py`.

It takes half a minute, so tests look at many things on one walk.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.directory import Directory
from tests.browser.front_door import STATES
from tests.pages import start_tags

# The links that open a dialog, by what the templates mark; a template's own tags are not part of the markup.
DIALOG_LINKS = {
    link["data-testid"]
    for template in (settings.BASE_DIR / "templates").rglob("*.html")
    for link in start_tags(re.sub(r"{%.*?%}|{{.*?}}", "", template.read_text("utf-8")))
    if link.tag == "a" and "data-dialog" in link.attributes and link.attributes.get("data-testid")
}
# These lead to one that another link opens.
SAME_DIALOG = {"add-provider-empty", "discard", "merge", "retire", "rotate-instead"}


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
