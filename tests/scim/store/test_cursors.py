"""Cursors (RFC 9865): forward, back, and whom they serve."""

import re
import time
from contextlib import contextmanager
from unittest import mock

import pytest
from django.db import connection

from providers.models import SyncedUser
from tests.factories import make_group, make_user
from tests.scim.listed import names
from tests.scim.store.plans import fill_users, plan, statements


@contextmanager
def freeze_signing(seconds_later):
    later = time.time() + seconds_later
    with mock.patch("django.core.signing.time.time", return_value=later):
        yield


def pages(client, count, cursor="", follow="nextCursor", **query):
    """Every page of a query with cursors, as lists of user names, and the last page."""
    found = []
    while True:
        answer = client.get("/Users", cursor=cursor, count=count, **query)
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert "startIndex" not in body
        assert body["itemsPerPage"] == len(body["Resources"]) <= count
        found.append([one["userName"] for one in body["Resources"]])
        cursor = body.get(follow)
        if not cursor:
            return found, body
        assert re.fullmatch(r"[A-Za-z0-9._~-]+", cursor)


@pytest.mark.smoke
@pytest.mark.parametrize(
    "sort_by",
    ["", "userName", "title", "emails.value", "active", "meta.lastModified", "id", "groups.display", "roles.primary"],
)
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_cursors_lead_through_all_in_the_order_of_the_whole(client, provider, three_users, sort_by, order):
    for number in range(4):
        make_user(provider, f"u{number}", title="Nurse" if number % 2 else "é")
    make_group(provider, "Ward", members=list(SyncedUser.objects.filter(user_name__startswith="u")[:2]))
    query = {"sortBy": sort_by, "sortOrder": order} if sort_by else {}
    whole = names(client, **query)
    for count in (1, 2, 3, 7, 50):
        found, last = pages(client, count, **query)
        assert [name for page in found for name in page] == whole, count
        assert all(len(page) == count for page in found[:-1])
        if "previousCursor" in last:
            back, first = pages(client, count, last["previousCursor"], "previousCursor", **query)
            assert back == found[-2::-1], count
            again, _ = pages(client, count, first["nextCursor"], **query)
            assert again == found[1:], count
        else:
            assert len(found) == 1
    found, _ = pages(client, 2, filter='userName sw "u"', **query)
    assert found[0] == [name for name in whole if name[0] == "u"][:2]


def test_v59_nothing_is_skipped_or_repeated_while_others_come_and_go(client, provider):
    users = [make_user(provider, f"u{number}") for number in range(6)]
    first = client.get("/Users", cursor="", count=3, sortBy="userName").json()
    client.delete(f"/Users/{users[0].pk}")
    client.delete(f"/Users/{users[2].pk}")
    make_user(provider, "a")
    second = client.get("/Users", cursor=first["nextCursor"], count=3, sortBy="userName").json()
    assert [one["userName"] for one in second["Resources"]] == ["u3", "u4", "u5"]
    assert second["totalResults"] == first["totalResults"] == 6


def test_v43_a_cursor_serves_its_own_provider_filter_and_order_only(client, provider, stranger, scim):
    for number in range(3):
        make_user(provider, f"u{number}")
        make_user(stranger, f"s{number}")
    cursor = client.get("/Users", cursor="", count=1, filter="userName pr").json()["nextCursor"]
    body = {"cursor": cursor, "count": 1, "filter": "userName pr"}
    assert client.post("/Users/.search", body).json()["Resources"][0]["userName"] == "u1"
    others = [
        (client, {"filter": "id pr"}),
        (client, {"filter": "userName pr", "sortBy": "userName"}),
        (client, {}),
        (scim(stranger), {"filter": "userName pr"}),
    ]
    for other, query in others:
        assert other.get("/Users", cursor=cursor, **query).json()["scimType"] == "invalidCursor"
    assert client.get("/Groups", cursor=cursor, filter="displayName pr").json()["scimType"] == "invalidCursor"
    for forged in (cursor[:-1], cursor + "x", "x", "x~y~z", "~~", "é", cursor.replace("~", ":")):
        answer = client.get("/Users", cursor=forged, filter="userName pr")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor"), forged
    with freeze_signing(86_401):
        assert client.get("/Users", cursor=cursor, filter="userName pr").json()["scimType"] == "expiredCursor"


@pytest.mark.parametrize("sort_by", ["", "userName"])
def test_a_page_that_became_empty_leads_back_and_on(client, provider, sort_by):
    users = [make_user(provider, f"u{number}@x") for number in range(4)]
    query = {"count": 2, "sortBy": sort_by}

    def names(answer):
        return [one["userName"] for one in answer["Resources"]]

    first = client.get("/Users", cursor="", **query).json()
    for user in users[2:]:
        client.delete(f"/Users/{user.pk}")
    empty = client.get("/Users", cursor=first["nextCursor"], **query).json()
    assert (names(empty), "nextCursor" in empty) == ([], False)
    back = client.get("/Users", cursor=empty["previousCursor"], **query).json()
    assert names(back) == names(first)
    on = client.get("/Users", cursor=back["nextCursor"], **query).json()
    make_user(provider, "u9@x")
    before = client.get("/Users", cursor=on["previousCursor"], **query).json()
    for user in users[:2]:
        client.delete(f"/Users/{user.pk}")
    gone = client.get("/Users", cursor=on["previousCursor"], **query).json()
    assert (names(before), names(gone), "previousCursor" in gone) == (names(first), [], False)
    assert names(client.get("/Users", cursor=gone["nextCursor"], **query).json()) == ["u9@x"]


@pytest.mark.parametrize("count", ["0", "-1", "-0"])
@pytest.mark.parametrize("query", [{}, {"sortBy": "userName"}, {"filter": "active eq true"}])
def test_a_count_of_zero_or_less_is_the_total_alone(client, provider, count, query):
    for number in range(3):
        make_user(provider, f"u{number}")
    first = client.get("/Users", cursor="", count="2", **query).json()
    for cursor in ("", first["nextCursor"]):
        page = client.get("/Users", cursor=cursor, count=count, **query).json()
        assert page == {"schemas": page["schemas"], "totalResults": 3, "itemsPerPage": 0, "Resources": []}
        body = {"cursor": cursor, "count": int(count), **query}
        assert client.post("/Users/.search", body).json() == page
    assert client.get("", cursor="", count=count).json()["totalResults"] == 3


@pytest.mark.parametrize("count", ["x", "1.5", "٣", "0x1"])
def test_a_count_that_is_no_number_is_an_invalid_count_with_a_cursor(client, count):
    assert client.get("/Users", cursor="", count=count).json()["scimType"] == "invalidCount"
    assert client.get("/Users", count=count).json()["scimType"] == "invalidValue"


def test_cursor_and_start_index_exclude_each_other(client):
    assert client.get("/Users", cursor="", startIndex="2").json()["scimType"] == "invalidValue"
    assert client.get("/Users", cursor="", startIndex="1").json()["Resources"] == []


@pytest.mark.parametrize("query", [{}, {"sortBy": "userName", "sortOrder": "descending"}])
def test_a_page_behind_a_cursor_is_one_statement_on_an_index(client, provider, query):
    fill_users(provider.pk, 3_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_resource")
    asked = {"cursor": "", "count": 10, **query}
    asked["cursor"] = client.get("/Users", **asked).json()["nextCursor"]
    (sent,) = [sql for sql in statements(lambda: client.get("/Users", **asked)) if "providers_resource" in sql]
    steps = plan(sent)
    assert any("Index Scan" in step for step in steps)
    assert not any("Seq Scan on providers_resource " in step for step in steps)
