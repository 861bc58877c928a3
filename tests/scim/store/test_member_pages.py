"""Paging inside a group's members, an extension of ours (docs/scim.md)."""

import pytest
from django.db import connection

from scim.store.member_pages import PAGE_SCHEMA
from tests.factories import make_group, make_user
from tests.scim.store.plans import fill_users, plan, statements


@pytest.fixture
def group(provider):
    return make_group(provider, "Ward", fill_users(provider.pk, 25))


def walk(client, group, count, **query):
    cursor, pages = "", []
    while cursor is not None:
        answer = client.get(f"/Groups/{group.pk}", membersCursor=cursor, membersCount=str(count), **query)
        assert answer.status_code == 200, answer.content
        pages.append(answer.json())
        cursor = pages[-1][PAGE_SCHEMA].get("nextCursor")
    return pages


@pytest.mark.parametrize("count", [1, 7, 25, 26, 5_000])
def test_pages_hold_every_member_once(client, group, count):
    whole = client.get(f"/Groups/{group.pk}").json()
    assert PAGE_SCHEMA not in whole
    pages = walk(client, group, count)
    assert [member for page in pages for member in page["members"]] == whole["members"]
    for page in pages:
        shown = page.pop(PAGE_SCHEMA)
        assert (shown["totalResults"], shown["itemsPerPage"]) == (25, len(page["members"]))
        assert page["schemas"].pop() == PAGE_SCHEMA
        assert page | {"members": whole["members"]} == whole


def test_members_who_come_and_go_repeat_and_hide_nobody_else(client, provider, group):
    held = [member["value"] for member in client.get(f"/Groups/{group.pk}").json()["members"]]
    first = client.get(f"/Groups/{group.pk}", membersCount="10").json()
    leaving = [{"op": "remove", "path": f'members[value eq "{held[place]}"]'} for place in (0, 9, 12)]
    client.patch(f"/Groups/{group.pk}", *leaving)
    cursor = first[PAGE_SCHEMA]["nextCursor"]
    rest = client.get(f"/Groups/{group.pk}", membersCursor=cursor).json()["members"]
    assert [member["value"] for member in rest] == [one for one in held[10:] if one != held[12]]


def test_members_may_be_named_by_their_parts(client, group):
    (page,) = walk(client, group, 100, attributes="members.value,members.display")
    assert set(page["members"][0]) == {"value", "display"}
    assert "displayName" not in page


def test_a_group_without_members_has_one_empty_page(client, provider):
    (page,) = walk(client, make_group(provider), 10)
    assert page[PAGE_SCHEMA] == {"totalResults": 0, "itemsPerPage": 0}
    assert "members" not in page


@pytest.mark.parametrize("count", ["0", "-3"])
def test_a_count_of_zero_or_less_is_the_total_of_the_members_alone(client, group, count):
    first = client.get(f"/Groups/{group.pk}", membersCount="2").json()[PAGE_SCHEMA]
    for cursor in ("", first["nextCursor"]):
        page = client.get(f"/Groups/{group.pk}", membersCursor=cursor, membersCount=count).json()
        assert (page[PAGE_SCHEMA], "members" in page) == ({"totalResults": 25, "itemsPerPage": 0}, False)


@pytest.mark.parametrize(
    ("query", "scim_type"),
    [
        ({"membersCount": "x"}, "invalidCount"),
        ({"membersCursor": "x"}, "invalidCursor"),
        ({"membersCursor": "", "excludedAttributes": "members"}, "invalidValue"),
    ],
)
def test_what_cannot_be_paged_is_refused(client, group, query, scim_type):
    answer = client.get(f"/Groups/{group.pk}", **query)
    assert (answer.status_code, answer.json()["scimType"]) == (400, scim_type)


def test_a_cursor_serves_its_own_group_only(client, provider, group, stranger, scim):
    cursor = client.get(f"/Groups/{group.pk}", membersCount="1").json()[PAGE_SCHEMA]["nextCursor"]
    other = make_group(provider, "Other")
    assert client.get(f"/Groups/{other.pk}", membersCursor=cursor).json()["scimType"] == "invalidCursor"
    assert client.get("/Groups", cursor=cursor).json()["scimType"] == "invalidCursor"
    assert scim(stranger).get(f"/Groups/{group.pk}", membersCount="1").status_code == 404
    assert client.get(f"/Users/{make_user(provider).pk}", membersCursor="x").status_code == 200


def test_a_page_costs_the_same_in_a_large_group(provider, client):
    ids = fill_users(provider.pk, 3_000)
    group, _ = make_group(provider, "All", ids), make_group(provider, "All again", ids)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_membership")
    first = client.get(f"/Groups/{group.pk}", membersCount="10").json()[PAGE_SCHEMA]
    query = {"membersCursor": first["nextCursor"], "membersCount": "10"}
    sent = [
        one for one in statements(lambda: client.get(f"/Groups/{group.pk}", **query)) if "providers_membership" in one
    ]
    assert len(sent) == 2
    for statement in sent:
        steps = plan(statement)
        assert any("unique_current_membership" in step for step in steps), steps
        assert not any("Seq Scan" in step for step in steps)


def test_v46_a_page_is_not_put_back_as_the_whole(client, group):
    page = client.get(f"/Groups/{group.pk}", membersCount="2").json()
    answer = client.put(f"/Groups/{group.pk}", page)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert len(client.get(f"/Groups/{group.pk}").json()["members"]) == 25
