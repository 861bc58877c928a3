"""sortBy and sortOrder (RFC 7644 §3.4.2.3), POST /.search of a type (§3.4.3)."""

import json

import pytest

from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from tests.factories import make_group, make_user


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
