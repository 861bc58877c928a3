"""What tests of the console share."""

import csv
import io

import pytest
from django.utils import timezone

from providers.request_log import writer
from tests.pages import read

ADD = "/eum/providers/add/"


@pytest.fixture
def busy(provider, scim):
    client = scim(provider)
    people = [client.post("/Users", {"userName": f"u{number}@x"}).json() for number in range(4)]
    client.post("/Users", {"userName": "U1@x"})
    client.post("/Users", {})
    client.patch(f"/Users/{people[0]['id']}", {"op": "replace", "path": "active", "value": False})
    client.get("/Users", filter='userName eq "u1@x"')
    token = provider.tokens.get()
    token.revoked_at = timezone.now()
    token.save()
    client.get("/Users")
    writer.flush()


def names(answer) -> list[str]:
    return [cell.one("a").text for cell in read(answer).all("th", class_="field-name")]


def found(browser, **query) -> list[str]:
    return sorted(names(browser.get("/eum/users/", query)))


def rows_of(browser, address):
    return list(csv.reader(io.StringIO(file_of(browser, address).decode("utf-8")[1:])))


def file_of(browser, address):
    """The file of a small export, which the response to the button leads to."""
    answer = browser.post(address, follow=True)
    assert answer.status_code == 200 and answer.redirect_chain[0][0].endswith("/file/"), address
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    content = answer.getvalue()
    assert len(content) == int(answer["Content-Length"])
    assert content.startswith("\ufeff".encode())
    return content
