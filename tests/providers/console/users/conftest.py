"""What tests of the pages of users share: requests that change a user, and how to read a user's page."""

from uuid import UUID

from django.db import connection

from providers.request_log import writer
from tests.database import rewriting_events
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


def forget_events(resource_id: UUID | None = None) -> None:
    """Delete the change events of a user or group, or of all."""
    with connection.cursor() as cursor, rewriting_events():
        of_one = "resource_id = %(id)s OR %(id)s IS NULL AND resource_id IS NOT NULL"
        cursor.execute(f"DELETE FROM providers_changeevent WHERE {of_one}", {"id": resource_id})
