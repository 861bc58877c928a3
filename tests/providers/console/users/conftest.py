"""What tests of the pages of users share: requests that change a user, and how to read a user's page."""

from django.db import connection

from providers.request_log import writer
from tests.pages import Page, read

MAIL = {"type": "work", "value": "jane@contoso.com"}


def user_page(browser, person, query: str = "") -> Page:
    writer.flush()
    return read(browser.get(f"/eum/users/{person.pk}/{query}"))


def summary_on(page: Page) -> str:
    return page.one(test_id="summary").text


def titles_on(page: Page) -> list[str]:
    return [title.text for title in page.one(test_id="timeline").all("strong")]


def patch(client, person, path, value, op="replace"):
    body = {"op": op, "path": path} | ({} if value is None else {"value": value})
    answer = client.patch(f"/Users/{person.pk}", body)
    assert answer.status_code in (200, 204), answer.content
    return answer


def forget_events() -> None:
    """Delete every change event of users and groups."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        cursor.execute("DELETE FROM providers_changeevent WHERE resource_id IS NOT NULL")
        cursor.execute("SET LOCAL iprova.purge = 'off'")
