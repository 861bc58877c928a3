"""sortBy and sortOrder (RFC 7644 §3.4.2.3), POST /.search of a type (§3.4.3), cursors (RFC 9865)."""

import json
import re
import time
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import pytest
from django.db import connection

from providers.models import SyncedUser
from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from scim.protocol.errors import ScimError
from scim.protocol.listing import ListQuery, read_filter
from scim.protocol.projection import WHOLE
from scim.store import verbs
from tests.factories import make_group, make_user
from tests.scim.store.plans import fill_users, plan, statements


@pytest.fixture
def client(provider, scim):
    return scim(provider)


@pytest.fixture
def people(provider):
    make_user(
        provider,
        "b@x",
        title="nurse",
        active=False,
        emails=[{"value": "z@x", "type": "work"}, {"value": "a@x", "type": "home", "primary": True}],
    )
    make_user(provider, "A@x", title="Porter", emails=[{"value": "m@x"}], **{ENTERPRISE_USER: {"department": "Care"}})
    make_user(provider, "_c@x", name={"familyName": "Vance"})


def test_a_filter_by_version_knows_it_as_the_answer_has_it(client, provider):
    anna = make_user(provider, "anna@x")
    alone = client.get(f"/Users/{anna.pk}").json()["meta"]["version"]
    make_group(provider, "Ward", [anna.pk])
    together = client.get(f"/Users/{anna.pk}").json()["meta"]["version"]
    assert alone != together
    for version, wanted in ((alone, []), (together, ["anna@x"])):
        text = f"meta.version eq {json.dumps(version)}"
        assert [one["userName"] for one in client.get("/Users", filter=text).json()["Resources"]] == wanted


@contextmanager
def freeze_signing(seconds_later):
    later = time.time() + seconds_later
    with mock.patch("django.core.signing.time.time", return_value=later):
        yield


def names(client, **query):
    answer = client.get("/Users", **query)
    assert answer.status_code == 200, answer.content
    return [one["userName"] for one in answer.json()["Resources"]]


@pytest.mark.parametrize(
    ("sort_by", "ascending"),
    [
        ("userName", ["_c@x", "A@x", "b@x"]),
        ("USERNAME", ["_c@x", "A@x", "b@x"]),
        ("title", ["b@x", "A@x", "_c@x"]),
        ("emails", ["b@x", "A@x", "_c@x"]),
        ("emails.value", ["b@x", "A@x", "_c@x"]),
        ("emails.type", ["b@x", "A@x", "_c@x"]),
        ("name.familyName", ["_c@x", "b@x", "A@x"]),
        (f"{ENTERPRISE_USER}:department", ["A@x", "b@x", "_c@x"]),
        ("active", ["b@x", "A@x", "_c@x"]),
        ("meta.created", ["b@x", "A@x", "_c@x"]),
        ("id", ["b@x", "A@x", "_c@x"]),
    ],
)
@pytest.mark.usefixtures("people")
def test_sorted_without_regard_to_case_and_the_valueless_last(client, sort_by, ascending):
    assert names(client, sortBy=sort_by) == ascending
    descending = names(client, sortBy=sort_by, sortOrder="Descending")
    missing = [one["userName"] for one in client.get("/Users", filter=f"not ({sort_by} pr)").json()["Resources"]]
    assert descending[: len(missing)] == missing
    if not missing and sort_by != "active":
        assert descending == ascending[::-1]


@pytest.mark.smoke
def test_v32_every_readable_attribute_sorts_and_no_other(client, provider, people):
    make_group(provider, "Ward", members=[make_user(provider)])
    for resource_type in (USER, GROUP):
        for target in resource_type.targets():
            answer = client.get(resource_type.endpoint, sortBy=str(target))
            is_hidden = target.leaf.returned == "never"
            has_parts = target.leaf.is_complex and "value" not in target.leaf.subs
            assert answer.status_code == (400 if is_hidden or has_parts else 200), (str(target), answer.content)
            if answer.status_code == 400:
                assert answer.json()["scimType"] == "invalidValue"


@pytest.mark.parametrize(
    "query", [{"sortBy": "userNam"}, {"sortBy": "a b"}, {"sortBy": ENTERPRISE_USER}, {"sortOrder": "up"}]
)
def test_what_cannot_be_sorted_by_is_400(client, query):
    answer = client.get("/Users", **query)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")


def test_v59_pages_of_equal_keys_show_each_resource_once(client, provider):
    for number in range(7):
        make_user(provider, f"u{number}", title="Same")
    seen = [name for start in (1, 4, 7) for name in names(client, sortBy="title", startIndex=start, count=3)]
    assert sorted(seen) == [f"u{number}" for number in range(7)]


def test_search_answers_as_the_query_does(client, people):
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["userName", "title"],
        "filter": "title pr",
        "sortBy": "title",
        "sortOrder": "descending",
        "startIndex": 2,
        "count": 1,
    }
    answer = client.post("/Users/.search", body)
    assert answer.status_code == 200
    wanted = client.get(
        "/Users", attributes="userName,title", filter="title pr", sortBy="title", sortOrder="descending",
        startIndex="2", count="1",
    )  # fmt: skip
    assert answer.json() == wanted.json()
    assert answer.json()["totalResults"] == 2
    assert client.post("/Groups/.search", {"filter": 'displayName eq "x"'}).json()["totalResults"] == 0


@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ([], "invalidSyntax"),
        ({"filter": 5.5}, "invalidValue"),
        ({"filter": {"a": 1}}, "invalidValue"),
        ({"count": "ten"}, "invalidValue"),
        ({"attributes": [1]}, "invalidValue"),
        ({"filter": "userNam pr"}, "invalidFilter"),
    ],
)
def test_a_wrong_search_is_400(client, body, scim_type):
    answer = client.post("/Users/.search", body)
    assert (answer.status_code, answer.json()["scimType"]) == (400, scim_type)


@pytest.mark.parametrize(
    "body",
    [
        b'{"userName": "a", "userName": "b"}',
        b'{"userName": "a", "name": {"givenName": "x", "given\\u004eame": "y"}}',
        b'{"userName": "a", "emails": [{"value": "x", "value": "y"}]}',
        b'{"userName" : "a", "userName"\n: "a"}',
    ],
)
def test_v57_a_name_given_twice_is_refused(client, body):
    answer = client.post("/Users", body)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
    assert "twice" in answer.json()["detail"]


def test_v57_bom_and_nan_are_refused_and_colons_in_text_are_none(client):
    assert client.post("/Users", b'\xef\xbb\xbf{"userName":"a"}').json()["scimType"] == "invalidSyntax"
    assert client.post("/Users", b'{"userName":NaN}').json()["scimType"] == "invalidSyntax"
    body = {"userName": 'a": "b', "title": ":", "nickName": '\\":', "displayName": '","', "x:y": [":", {"\\": 1}]}
    assert client.post("/Users", json.dumps(body).encode()).status_code == 201


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
def test_cursors_lead_through_all_in_the_order_of_the_whole(client, provider, people, sort_by, order):
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


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_count_below_one_is_refused_with_a_cursor(client, count):
    assert client.get("/Users", cursor="", count=count).json()["scimType"] == "invalidCount"
    assert client.get("/Users", count=count).status_code == 200


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
    assert not any("Seq Scan on providers_resource" in step for step in steps)


def test_a_query_that_takes_too_long_says_so(provider):
    fill_users(provider.pk, 3_000)
    text = " or ".join(f'meta.version eq "x{number}"' for number in range(100))
    policy, asked = replace(LIBERAL, max_query_ms=20), [(USER, WHOLE)]
    query = ListQuery(read_filter(text, [USER], LIBERAL))
    with pytest.raises(ScimError, match=r"longer than 0\.02 seconds") as refused:
        verbs.list_resources(provider.pk, asked, query, policy)
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
    assert verbs.list_resources(provider.pk, asked, query, LIBERAL).total == 0
