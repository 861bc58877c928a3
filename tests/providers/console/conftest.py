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
    answer = browser.get(address)
    assert answer.status_code == 200, address
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))
