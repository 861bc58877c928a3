"""How tests read the pages of the provisioning log."""

from providers.request_log import writer
from tests.pages import Element, Page, read

GUID = "9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4"


def entries(page: Page) -> list[Element]:
    """Return the link to each request in the list."""
    return [row.one("a") for row in page.all("th", scope="row")]


def actions(page: Page) -> list[str]:
    return [link.text for link in entries(page)]


def listed(browser, **query) -> list[str]:
    writer.flush()
    return actions(read(browser.get("/eum/log/", query)))
