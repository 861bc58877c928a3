"""sortBy and sortOrder (RFC 7644 §3.4.2.3), POST /.search of a type (§3.4.3), cursors (RFC 9865)."""

import json
from dataclasses import replace

import pytest

from scim.clients import LIBERAL
from scim.protocol.attributes import USER
from scim.protocol.errors import ScimError
from scim.protocol.listing import ListQuery, read_filter
from scim.protocol.projection import WHOLE
from scim.store import verbs
from tests.factories import make_group, make_user
from tests.scim.listed import names
from tests.scim.store.plans import fill_users


def test_a_filter_by_version_knows_it_as_the_answer_has_it(client, provider):
    anna = make_user(provider, "anna@x")
    alone = client.get(f"/Users/{anna.pk}").json()["meta"]["version"]
    make_group(provider, "Ward", [anna.pk])
    together = client.get(f"/Users/{anna.pk}").json()["meta"]["version"]
    assert alone != together
    for version, wanted in ((alone, []), (together, ["anna@x"])):
        text = f"meta.version eq {json.dumps(version)}"
        assert [one["userName"] for one in client.get("/Users", filter=text).json()["Resources"]] == wanted


def test_v59_pages_of_equal_keys_show_each_resource_once(client, provider):
    for number in range(7):
        make_user(provider, f"u{number}", title="Same")
    seen = [name for start in (1, 4, 7) for name in names(client, sortBy="title", startIndex=start, count=3)]
    assert sorted(seen) == [f"u{number}" for number in range(7)]


def test_search_answers_as_the_query_does(client, three_users):
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


def test_a_query_that_takes_too_long_says_so(provider):
    fill_users(provider.pk, 200)  # few enough for the real limit on a busy machine
    text = " or ".join(f'meta.version eq "x{number}"' for number in range(100))
    policy, asked = replace(LIBERAL, max_query_ms=20), [(USER, WHOLE)]
    query = ListQuery(read_filter(text, [USER], LIBERAL))
    with pytest.raises(ScimError, match=r"longer than 0\.02 seconds") as refused:
        verbs.list_resources(provider.pk, asked, query, policy)
    assert (refused.value.status, refused.value.scim_type) == (400, "tooMany")
    assert verbs.list_resources(provider.pk, asked, query, LIBERAL).total == 0
