"""Browser tests: Chromium against pytest-django's live server.

Without Chromium they are skipped, and the last lines of the run say so; with REQUIRE_BROWSER=1
they fail instead.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import PROGRAMS, executable, launch
from tests.factories import make_account

# Playwright's sync API runs an event loop in the thread of the test, and Django refuses queries in such a thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

HERE = Path(__file__).parent
MISSING = (
    f"No Chromium was found (looked for {', '.join(PROGRAMS)} in PATH). "
    "Debian: apt-get install chromium-headless-shell; Ubuntu: apt-get install chromium"
)
SKIPPED = pytest.StashKey[int]()
TIMEOUT_MS = 30_000  # other workers may have the machine busy
expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.browser)
    if ours and not executable() and os.environ.get("REQUIRE_BROWSER") != "1":
        config.stash[SKIPPED] = len(ours)
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if count := config.stash.get(SKIPPED, 0):
        terminalreporter.section("browser tests")
        terminalreporter.line(f"{count} browser tests were SKIPPED. {MISSING}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not executable():
        pytest.fail(f"REQUIRE_BROWSER=1, and {MISSING[0].lower()}{MISSING[1:]}")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


COUNT_CLICKS = """addEventListener("click", (event) => {
  if (event.isTrusted && event.detail) sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


def clicks(page: Page) -> int:
    """Return how often the mouse was clicked in this window since `sessionStorage` was empty. Keys do not count."""
    return int(page.evaluate("Number(sessionStorage.clicks ?? 0)"))


class Visit:
    """A browser window of one person, and every message in which the browser complained."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.complaints: list[str] = []
        context.on("console", lambda message: self._listen(message.type, message.text))
        context.add_init_script(COUNT_CLICKS)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _listen(self, kind: str, text: str) -> None:
        if "Content Security Policy" in text or (kind == "error" and "Failed to load resource" not in text):
            self.complaints.append(text)

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.goto(f"{self.address}{path}")
        return page


@pytest.fixture
def visit(chromium: Any, live_server: Any) -> Iterator[Callable[..., Visit]]:
    """`visit("Support")` is a window in which somebody with that role is signed in; `visit()` is a stranger's.

    Each test ends by asserting that no window complained: no script failed, no policy was broken.
    """
    visits: list[Visit] = []

    def open_window(role: str | None = None, *, account: User | None = None, **options: Any) -> Visit:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        context.set_default_timeout(TIMEOUT_MS)
        if role or account:
            client = Client()
            client.force_login(account or make_account(role))
            name = settings.SESSION_COOKIE_NAME
            context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        visits.append(Visit(context, live_server.url))
        return visits[-1]

    yield open_window
    complaints = [complaint for window in visits for complaint in window.complaints]
    for window in visits:
        window.context.close()
    assert not complaints


def clipboard(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def press_done(page: Page) -> None:
    """Close the token dialog, and wait for the page behind it: it is only asked for after the click has ended."""
    with page.expect_navigation():
        page.get_by_test_id("done").click()
