"""Queries over all types at once (RFC 7644 §3.4.2.1, §3.4.3): GET of the root and POST /.search."""

import pytest
from django.db import connection

from scim.clients import LIBERAL
from scim.protocol.attributes import ENTERPRISE_USER, RESOURCE_TYPES
from scim.protocol.conditions import bind
from scim.protocol.filters import parse_filter
from tests.factories import make_group, make_provider, make_user
from tests.scim.store.evaluator import matches
from tests.scim.store.plans import fill_users, plan, statements


@pytest.fixture
def everything(provider):
    """By id: its type's name and what is filtered by."""
    anna = make_user(provider, "anna@x", displayName="Ward", title="Nurse", **{ENTERPRISE_USER: {"department": "Care"}})
    bert = make_user(provider, "bert@x", active=False, externalId="e1")
    ward = make_group(provider, "Ward", [anna.pk], externalId="e1")
    theatre = make_group(provider, "Theatre")
    make_user(make_provider(), "anna@x")
    found = {str(one.pk): (name, one.document) for name, one in (
        ("User", anna), ("User", bert), ("Group", ward), ("Group", theatre))}  # fmt: skip
    found[str(ward.pk)][1]["members"] = [{"value": str(anna.pk), "type": "User"}]
    found[str(anna.pk)][1]["groups"] = [{"value": str(ward.pk), "display": "Ward"}]
    return found


FILTERS = [
    'userName eq "anna@x"', 'userName ne "anna@x"', "userName pr", "not (userName pr)", "userName eq null", "userName ne null",
    'displayName eq "ward"', 'displayName sw "T" or title eq "nurse"', "active eq false", 'not (active eq true)',
    'externalId eq "e1"', "members pr", "not (members pr)", 'members[type eq "User"]', 'members.type eq "User"', "groups pr",
    f'{ENTERPRISE_USER}:department eq "care"', 'department eq "care"', f"not ({ENTERPRISE_USER} pr)",
    'groups.display eq "Ward" or members.type eq "user" and displayName pr',
]  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_what_a_type_does_not_have_is_an_attribute_without_value(client, everything, text):
    wanted = set()
    for known in RESOURCE_TYPES:
        condition = bind(parse_filter(text), known, LIBERAL, RESOURCE_TYPES)
        wanted |= {pk for pk, (name, held) in everything.items() if name == known.name and matches(condition, held)}
    assert wanted
    found = client.get("/", filter=text).json()
    assert {one["id"] for one in found["Resources"]} == wanted
    assert found["totalResults"] == len(wanted)
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text, "sortBy": "displayName"}
    searched = client.post("/.search", body).json()
    assert {one["id"] for one in searched["Resources"]} == wanted


def test_of_several_values_that_a_type_cannot_have_none_differs(client, everything):
    """As for a type that could have them and has none (RFC 7644 §3.4.2.2: one value has to meet a comparison)."""
    for text in ('emails ne "x"', 'emails.value ne "x"', 'members ne "x"'):
        found = {
            everything[one["id"]][1].get("members") is not None
            for one in client.get("/", filter=text).json()["Resources"]
        }
        assert found == ({True} if text.startswith("members") else set()), text
    assert client.get("/", filter='title ne "x"').json()["totalResults"] == 4


def test_each_resource_is_answered_as_its_own_type_answers_it(client, everything, django_assert_num_queries):
    # The caller, and the page, which is the whole and so counts itself.
    with django_assert_num_queries(2):
        found = client.get("").json()["Resources"]
    assert [one["meta"]["resourceType"] for one in found] == ["Group", "Group", "User", "User"]
    for one in found:
        assert client.get(f"/{one['meta']['resourceType']}s/{one['id']}").json() == one
    named = client.get("/", attributes="userName,members.value", sortBy="meta.created").json()["Resources"]
    assert [set(one) - {"schemas", "id"} for one in named] == [{"userName"}, {"userName"}, {"members"}, set()]


@pytest.mark.parametrize(
    "sort_by", ["", "userName", "displayName", "groups.value", "members.type", "meta.created", "active"]
)
@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_cursors_walk_through_every_type(client, everything, sort_by, order):
    query = {"sortBy": sort_by, "sortOrder": order} if sort_by else {}
    whole = [one["id"] for one in client.get("/", **query).json()["Resources"]]
    assert set(whole) == set(everything)
    walked, cursor = [], ""
    while cursor is not None:
        page = client.get("/", cursor=cursor, count="1", **query).json()
        assert page["totalResults"] == 4
        walked += [one["id"] for one in page["Resources"]]
        cursor = page.get("nextCursor")
    assert walked == whole
    pages = [client.get("/", startIndex=str(place), count="2", **query).json() for place in (1, 3)]
    assert [one["id"] for page in pages for one in page["Resources"]] == whole


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ({"filter": 'userNam eq "x"'}, "invalidFilter"),
        ({"filter": 'active eq "perhaps"'}, "invalidFilter"),
        ({"filter": 'not (members.valu eq "x")'}, "invalidFilter"),
        ({"sortBy": "members.valu"}, "invalidValue"),
        ({"cursor": "x"}, "invalidCursor"),
    ],
)
def test_what_no_type_knows_is_refused(client, query, scim_type):
    answer = client.get("/", **query)
    assert answer.status_code == 400
    assert answer.json()["scimType"] == scim_type
    assert client.post("/.search", query).json()["scimType"] == scim_type


def test_a_cursor_of_one_type_is_none_of_all(client, everything):
    cursor = client.get("/Users", cursor="", count="1").json()["nextCursor"]
    assert client.get("/", cursor=cursor, count="1").json()["scimType"] == "invalidCursor"


def test_a_page_of_all_types_is_read_from_an_index(provider, client):
    fill_users(provider.pk, 5_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_resource")
    for query, index in (
        ({"count": "1"}, "resource_list"),
        ({"filter": 'externalId eq "e7"'}, "resource_external_id"),
        ({"filter": 'userName eq "u7"'}, "user_name"),
    ):
        (sent, *_) = [one for one in statements(lambda query=query: client.get("/", **query)) if "sort_key" in one]
        steps = "\n".join(plan(sent))
        assert index in steps and "Seq Scan on providers_resource " not in steps, steps


@pytest.mark.parametrize("path", ["", "/", "/v2", "/v2/"])
def test_the_root_takes_queries_alone(client, path):
    assert client.get(path).status_code == 200
    answer = client.post(path, {})
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]
