"""The browser: the system's Chromium, driven by Playwright (whose own download is not needed).

The headless shell is the same engine without windows and menus, which take a whole Chromium more time than our pages.
"""

import shutil
from typing import Any

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--metrics-recording-only",
]


# The first of these that is installed is used.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def executable() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def launch(playwright: Any) -> Any:
    return playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
