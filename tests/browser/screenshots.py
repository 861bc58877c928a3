"""Pictures of every page: `python -m tests.browser.screenshots FOLDER [NAME …]`, on a database of its own.

A file is called NAME-WIDTH-SCHEME-LANGUAGE.png; LANGUAGE=nl in the environment makes those of one language.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import tests.database  # it names the database before Django reads its settings

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs an event loop in this thread

import django

django.setup()

from axes.utils import reset  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.test.testcases import LiveServerThread  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from providers import rate_limits  # noqa: E402
from providers.models import AuthenticatorApp  # noqa: E402
from tests.browser.chromium import launch  # noqa: E402
from tests.browser.directory import fill  # noqa: E402
from tests.browser.front_door import STATES, give_password  # noqa: E402

WIDTHS = {"1280": (1280, 800), "390": (390, 844)}
SCHEMES = ("light", "dark")
LOCALES = {"en": "en-GB", "nl": "nl-NL"}


@contextmanager
def served() -> Iterator[str]:
    """The console on a new database; yields its address."""
    with tests.database.new_database():
        thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
        thread.daemon = True
        thread.start()
        thread.is_ready.wait()
        try:
            yield f"http://127.0.0.1:{thread.port}"
        finally:
            thread.terminate()


def shoot(browser: Any, address: str, folder: Path, wanted: set[str]) -> None:
    directory = fill()
    rate_limits.passwords.rate = 0  # no limit: all wrong passwords come from one address, as quickly as they can
    chosen = [name for name in LOCALES if os.environ.get("LANGUAGE", name) == name] or list(LOCALES)
    for (width, size), scheme, language in product(WIDTHS.items(), SCHEMES, chosen):
        reset()  # the failed sign-ins, which would lock that address in the third round
        viewport: Any = dict(zip(("width", "height"), size, strict=True))
        context = browser.new_context(viewport=viewport, color_scheme=scheme, locale=LOCALES[language])
        page = context.new_page()
        ending = f"{width}-{scheme}-{language}.png"

        def keep(name: str, page: Any = page, ending: str = ending, *, full_page: bool = True) -> None:
            if not wanted or name in wanted:
                page.screenshot(path=folder / f"{name}-{ending}", full_page=full_page)

        page.goto(f"{address}/login/")
        keep("sign-in")
        give_password(page, address, directory.administrator.username)
        page.wait_for_url(f"{address}/")
        for name, path in directory.addresses().items():
            if not wanted or name in wanted:
                page.goto(f"{address}{path}")
                keep(name)
        page.goto(f"{address}/eum/providers/")
        page.get_by_test_id("add-provider").click()
        page.get_by_test_id("title").fill("Zorggroep Noord Entra ID")
        page.get_by_test_id("ip-restrict").check()
        page.get_by_test_id("ip-ranges").fill("20.190.137.45/18\n40.126.0.0/18")
        page.get_by_test_id("ok").click()
        page.get_by_role("alert").wait_for()
        keep("add-provider-dialog", full_page=False)
        page.goto(f"{address}/eum/providers/{directory.empty.pk}/")
        page.get_by_test_id("permanent-token").click()
        page.get_by_test_id("token-value").wait_for()
        keep("token-dialog", full_page=False)
        directory.empty.tokens.all().delete()
        for name, reach in STATES.items():  # each begins where the one before it ends
            reach(page, address, directory)
            keep(name)
        AuthenticatorApp.objects.filter(user=directory.administrator).delete()
        context.close()


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    with served() as address, sync_playwright() as playwright:
        browser = launch(playwright)
        shoot(browser, address, folder, set(sys.argv[2:]))
        browser.close()


if __name__ == "__main__":
    main()
