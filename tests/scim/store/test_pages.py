"""Pages cut by bytes (RFC 7644 §3.4.2.4), and the memory that a response takes (H2)."""

import json
import tracemalloc
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from providers.models import RequestLog
from providers.request_log import writer
from scim.clients import LIBERAL
from scim.protocol.attributes import GROUP, USER
from scim.protocol.conditions import find_readable
from scim.protocol.listing import ListQuery, Sort
from scim.protocol.projection import WHOLE, Projection, parse_projection, shown_parts
from scim.store import answers, pages, verbs
from scim.store.spool import Spool
from tests.factories import call, make_group, make_user
from tests.scim.store.plans import IDS_ONLY, fill_users, plan, statements
from tests.scim.store.test_member_changes import FILL_GROUP

LIMIT = 40_000


@pytest.fixture
def small_pages(monkeypatch):
    """Pages of at most 40,000 bytes, so that tests need few rows."""
    small = replace(LIBERAL, max_page_bytes=LIMIT)
    monkeypatch.setattr("scim.api.base.policy_for", lambda switches: small)
    return small


@pytest.fixture
def groups(provider):
    """Groups of 0 to 300 members; a member takes about 140 bytes. Two are larger than a page."""
    ids = fill_users(provider.pk, 300)
    sizes = [0, 10, 290, 5, 100, 0, 300, 300, 120, 120, 120, 3]
    return [make_group(provider, f"Group {place}", ids[:size]) for place, size in enumerate(sizes)]


@pytest.fixture
def large_users(provider):
    """Users of different sizes: some compress well, some not at all; control characters take six times their size."""
    for number in range(20):
        text = ("a" * 15_000, "\u0001" * 2_000, f"{number:x}", "".join(map(chr, range(256, 9_000))))[number % 4]
        make_user(provider, f"user{number:02}", title=text)


def bodies(answer):
    """The ids on a page, after checks of what every page promises."""
    assert answer.status_code == 200, answer.getvalue()
    text = answer.getvalue()
    assert int(answer["Content-Length"]) == len(text)
    found = json.loads(text)
    assert found["itemsPerPage"] == len(found["Resources"])
    assert len(found["Resources"]) == 1 or len(text) < LIMIT + 2_000
    return found


def by_index(client, path, **query):
    start, seen, pages = 1, [], 0
    while True:
        page = bodies(client.get(path, startIndex=str(start), **query))
        if not page["Resources"]:
            return seen, pages
        assert page["startIndex"] == start
        seen += [(one["id"], one) for one in page["Resources"]]
        start += page["itemsPerPage"]
        pages += 1
        if start > page["totalResults"]:
            return seen, pages


def by_cursor(client, path, name="nextCursor", cursor="", **query):
    seen, pages = [], 0
    while cursor is not None:
        page = bodies(client.get(path, cursor=cursor, **query))
        assert page["Resources"]
        seen += [(one["id"], one) for one in page["Resources"]]
        pages += 1
        last, cursor = page, page.get(name)
    return seen, pages, last


@pytest.mark.parametrize("count", ["3", "12", "1000"])
@pytest.mark.parametrize("order", [{}, {"sortBy": "displayName", "sortOrder": "descending"}])
def test_h2_every_group_is_reached_once_by_index_and_by_cursor(client, small_pages, groups, count, order):
    wanted = sorted(str(group.pk) for group in groups)
    seen, pages = by_index(client, "/Groups", count=count, **order)
    assert sorted(pk for pk, _ in seen) == wanted
    assert pages > 12 / int(count)
    again, pages, last = by_cursor(client, "/Groups", count=count, **order)
    assert again == seen, "the same groups in the same order, with the same members"
    assert last["totalResults"] == 12
    members = [len(one.get("members", [])) for _, one in sorted(seen, key=lambda one: one[1]["displayName"])]
    assert sorted(members) == sorted([0, 10, 290, 5, 100, 0, 300, 300, 120, 120, 120, 3])


def test_h2_pages_by_cursor_lead_back(client, small_pages, groups):
    seen, _, last = by_cursor(client, "/Groups", count="5")
    before = last["previousCursor"]
    back = [one["id"] for one in last["Resources"]]
    while before:
        page = bodies(client.get("/Groups", cursor=before, count="5"))
        back = [one["id"] for one in page["Resources"]] + back
        before = page.get("previousCursor")
    assert back == [pk for pk, _ in seen]


@pytest.mark.parametrize("excluded", ["", "members", "groups,meta", "title"])
def test_h2_users_of_any_size_and_text_are_reached_in_small_pages(client, small_pages, large_users, excluded):
    seen, pages = by_index(client, "/Users", count="100", excludedAttributes=excluded)
    assert sorted(one["userName"] for _, one in seen) == [f"user{number:02}" for number in range(20)]
    assert pages >= 4
    assert by_cursor(client, "/Users", count="100", excludedAttributes=excluded)[0] == seen


def test_h2_text_that_is_longer_in_json_counts_as_it_is_sent(client, small_pages, provider):
    for number in range(20):
        make_user(provider, f"u{number}", title="\u0001" * 2_000)
    seen, pages = by_index(client, "/Users")
    assert (len(seen), pages) == (20, 7), "three users of 12 kB a page"


def test_h2_users_in_many_groups_with_long_names_are_cut_too(client, small_pages, provider):
    users = [make_user(provider, f"u{number}") for number in range(6)]
    for number in range(12):
        make_group(provider, f"{number}" + "n" * 1_900, users)
    seen, pages = by_index(client, "/Users", count="6")
    assert [len(one["groups"]) for _, one in seen] == [12] * 6
    assert pages == 6, "12 groups of 2,000 bytes each: one user a page"


@pytest.mark.parametrize("attributes", ["members.type", "members.display", "members.value,displayName"])
@pytest.mark.parametrize("count", ["1", "4", "1000"])
def test_h2_short_parts_of_members_are_all_there(client, small_pages, provider, attributes, count):
    """Some hundred members of 15 bytes fit into a page, though more than as many members as usually fit."""
    ids = fill_users(provider.pk, 900)
    for place, size in enumerate((900, 10, 350, 399, 400, 401, 700)):
        make_group(provider, f"Group {place}", ids[:size])
    for seen in (by_index(client, "/Groups", count=count, attributes=attributes)[0],
                 by_cursor(client, "/Groups", count=count, attributes=attributes)[0]):  # fmt: skip
        assert [len(one["members"]) for _, one in seen] == [900, 10, 350, 399, 400, 401, 700]


def test_h2_all_types_at_once_are_cut_too(client, small_pages, groups):
    seen, pages = by_index(client, "/", count="1000")
    assert len({pk for pk, _ in seen}) == len(seen) == 312
    assert pages > 4


def test_h2_search_pages_are_cut_too(client, small_pages, groups):
    page = bodies(client.post("/Groups/.search", {"count": 100}))
    assert (page["totalResults"], page["itemsPerPage"]) == (12, 2)


def test_h2_a_page_that_is_cut_has_the_total_without_counting(provider, groups):
    query = ListQuery(count=100)
    with CaptureQueriesContext(connection) as sent:
        page = verbs.list_resources(provider.pk, [(GROUP, WHOLE)], query, replace(LIBERAL, max_page_bytes=LIMIT))
    assert (page.total, len(page.resources)) == (12, 2)
    assert len(sent) == 2, "one statement more than a page that is not cut"


@pytest.mark.parametrize(("resource_type", "count"), [(USER, 1_000), (GROUP, 100)])
def test_h2_an_ordinary_page_takes_one_statement(provider, groups, resource_type, count):
    asked, query = [(resource_type, WHOLE)], ListQuery(count=count)
    sent = statements(lambda: verbs.list_resources(provider.pk, asked, query, LIBERAL))
    assert len(sent) == 1


# Totals and far pages.


def listed(provider, **query):
    """A page of users without their attributes: ids and total."""
    page = verbs.list_resources(provider.pk, [(USER, IDS_ONLY)], ListQuery(**query), LIBERAL)
    return [json.loads(bytes(body))["id"] for _, body in page.resources], page.total


@pytest.mark.parametrize(
    "query", [{"count": 3}, {"count": 3, "start_index": 290}, {"count": 3, "cursor": ""}, {"count": 0}]
)
def test_the_total_of_a_list_comes_with_the_page_and_nothing_is_counted(provider, stranger, query):
    fill_users(provider.pk, 300)
    fill_users(stranger.pk, 20)
    make_group(provider)
    verbs.delete(call(provider), str(make_user(provider).pk))
    sent = statements(lambda: listed(provider, **query))
    assert len(sent) == 1 and "providers_resourcecount" in sent[0]
    found, total = listed(provider, **query)
    assert (len(found), total) == (query["count"], 300)
    if query["count"] == 0:
        assert "providers_resource " not in sent[0]


def test_the_total_of_several_types_is_the_sum(client, provider, groups):
    assert client.get("/", count="5").json()["totalResults"] == 312
    assert client.get("/", count="0").json()["totalResults"] == 312
    assert client.get("/Groups", count="0").json()["totalResults"] == 12


def test_a_page_beyond_the_end_has_the_kept_total(client, provider):
    fill_users(provider.pk, 12)
    page = client.get("/Users", startIndex="1001", count="5").json()
    assert (page["totalResults"], page["itemsPerPage"]) == (12, 0)


def test_the_total_of_a_filter_is_counted(client, provider):
    fill_users(provider.pk, 300)
    page = client.get("/Users", count="3", filter='externalId sw "e1"').json()
    assert page["totalResults"] == 111
    assert client.get("/Users", count="0", filter='externalId sw "e1"').json()["totalResults"] == 111


@pytest.mark.parametrize("sort_by", ["", "userName", "name.familyName", "title", "meta.created"])
def test_far_pages_have_the_resources_of_the_whole_list(client, provider, monkeypatch, sort_by):
    for number in range(30):
        make_user(
            provider, f"user{number * 7 % 30:02}", title=f"title {number % 4}", name={"familyName": f"f{number % 9}"}
        )
    order = {"sortBy": sort_by} if sort_by else {}
    whole = client.get("/Users", count="30", **order).json()["Resources"]
    assert [one["userName"] for one in whole] != sorted(one["userName"] for one in whole) or sort_by == "userName"
    monkeypatch.setattr(pages, "FAR", 10)
    for start in (1, 10, 11, 12, 25, 29, 31):
        page = client.get("/Users", startIndex=str(start), count="4", **order).json()
        assert page["Resources"] == whole[start - 1 : start + 3]
        assert page["totalResults"] == 30


def test_a_far_page_needs_no_row_of_those_before_it(provider, stranger):
    """Also for a provider that has nearly all users, and for one that has few.

    Nothing here was vacuumed, so PostgreSQL prefers reading all of so small a table: that is switched off.
    """
    fill_users(provider.pk, 20_000)
    fill_users(stranger.pk, 1_500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_resource")
        for other_way in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{other_way} = off")
    for owner, start in ((provider, 19_001), (stranger, 1_401)):
        (sent,) = statements(lambda owner=owner, start=start: listed(owner, count=50, start_index=start))
        steps = "\n".join(plan(sent))
        assert "Index Only Scan using resource_list" in steps, steps
        assert "Index Scan using providers_resource_pkey" in steps, steps


def test_h2_a_page_of_huge_groups_reads_no_more_members_than_fit(provider):
    """The database stops: the rows that it reads do not depend on how many groups or members there are."""
    fill_users(provider.pk, 2_000)
    for number in range(5):
        group = make_group(provider, f"Huge {number}")
        with connection.cursor() as cursor:
            cursor.execute(FILL_GROUP, [group.pk, group.pk, provider.pk, 2_000])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE providers_membership; ANALYZE providers_resource")
    small = replace(LIBERAL, max_page_bytes=LIMIT)
    sent = statements(lambda: verbs.list_resources(provider.pk, [(GROUP, WHOLE)], ListQuery(), small))
    read = [rows for sql in sent if sql.startswith(("SELECT", "WITH")) for rows in members_read(sql)]
    assert 0 < max(read) < 2_500, read


def members_read(sql):
    """How many memberships each scan of a statement returns."""

    def scans(node):
        if node.get("Relation Name") == "providers_membership":
            yield node["Actual Rows"] * node["Actual Loops"]
        for part in node.get("Plans", ()):
            yield from scans(part)

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (found,) = cursor.fetchone()
    found = json.loads(found) if isinstance(found, str) else found
    return list(scans(found[0]["Plan"]))


def test_h2_a_group_is_found_by_the_index_in_both_statements(provider, groups):
    small = replace(LIBERAL, max_page_bytes=LIMIT)
    for sql in statements(lambda: verbs.list_resources(provider.pk, [(GROUP, WHOLE)], ListQuery(), small)):
        steps = plan(sql)
        assert not any("Seq Scan on providers_membership" in step for step in steps), steps


# One huge group.


@pytest.fixture
def huge(provider, monkeypatch):
    """A group of 25 members, where more than 4 are very many."""
    monkeypatch.setattr(answers, "MANY", 4)
    return make_group(provider, "Ward", fill_users(provider.pk, 25), externalId="w")


MEMBERLESS = [
    {"attributes": "displayName"},
    {"attributes": "id"},
    {"excludedAttributes": "members.value,members.$ref,members.type"},
]


@pytest.mark.parametrize(
    "query",
    [
        *MEMBERLESS,
        {},
        {"attributes": "members"},
        {"attributes": "members.value,displayName"},
        {"attributes": "members.display"},
        {"excludedAttributes": "externalId"},
        {"excludedAttributes": "members.$ref"},
    ],
)
def test_h2_a_huge_group_is_answered_whole_in_any_projection(client, huge, query, monkeypatch):
    read = client.get(f"/Groups/{huge.pk}", **query)
    listed = client.get("/Groups", **query)
    assert read.streaming == (query not in MEMBERLESS)
    monkeypatch.setattr(answers, "MANY", 5_000)
    wanted = client.get(f"/Groups/{huge.pk}", **query)
    assert not wanted.streaming
    text = read.getvalue()
    assert json.loads(text) == wanted.json()
    assert (read["ETag"], int(read["Content-Length"])) == (wanted["ETag"], len(text))
    assert json.loads(listed.getvalue())["Resources"] == [wanted.json()]


def test_h2_writes_answer_a_huge_group_whole_and_the_log_names_its_size(client, provider, huge):
    members = json.loads(client.get(f"/Groups/{huge.pk}").getvalue())["members"]
    body = {"displayName": "Ward", "members": members}
    answers_ = [
        client.put(f"/Groups/{huge.pk}", body),
        client.post("/Groups", body | {"displayName": "Other"}),
        client.patch(f"/Groups/{huge.pk}?attributes=members", {"op": "replace", "path": "externalId", "value": "x"}),
    ]
    for one in answers_:
        assert one.status_code in (200, 201)
        assert json.loads(one.getvalue())["members"] == members
        assert one["ETag"].startswith('W/"')
    writer.flush()
    kept = RequestLog.objects.filter(method="PUT").get().response_body
    assert kept == f"(not kept: {int(answers_[0]['Content-Length']):,} bytes)"


def test_h2_a_huge_group_answers_head_and_if_none_match(client, huge):
    whole = client.get(f"/Groups/{huge.pk}")
    head = client.request("HEAD", f"/Groups/{huge.pk}")
    assert (head["Content-Length"], head.getvalue()) == (whole["Content-Length"], b"")
    same = client.get(f"/Groups/{huge.pk}", headers={"If-None-Match": whole["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_members_are_not_read_for_a_304_and_are_for_any_other_tag(client, provider, huge):
    path, whole = f"/Groups/{huge.pk}", client.get(f"/Groups/{huge.pk}")
    text, tag = whole.getvalue(), whole["ETag"]
    assert tag == 'W/"1"'
    for sent in (tag, '"1"', f'"x", {tag}'):
        # The caller and the group: a group of more members than `MANY` would take more.
        asked = statements(lambda sent=sent: client.get(path, headers={"If-None-Match": sent}))
        assert len(asked) == 2
        assert client.get(path, headers={"If-None-Match": sent}).status_code == 304
        assert members_read(asked[-1]) == [0]
    for sent in ('"2"', '"01"', '"1-x"', "1", '""', '"99999999999999999999"', "W/", '"1', 'W/W/"1"'):
        found = client.get(path, headers={"If-None-Match": sent})
        assert (found.status_code, found.getvalue()) == (200, text), sent
    assert client.get(path, headers={"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize("attributes", ["", "members.display"])
def test_each_part_of_a_huge_group_is_a_range_of_the_index(provider, attributes):
    """The members before a part are not read again, however the table is skewed; and names cost one look-up each."""
    ids = fill_users(provider.pk, 12_000)
    huge, small = make_group(provider, "Huge"), make_group(provider, "Small", ids[:10])
    with connection.cursor() as cursor:
        cursor.execute(FILL_GROUP, [huge.pk, small.pk, provider.pk, 12_000])
        cursor.execute("ANALYZE providers_resource; ANALYZE providers_membership")
    projection = parse_projection(attributes, "", GROUP, LIBERAL)
    for group in (huge, small):
        sent = statements(lambda group=group: answers.read_large(provider.pk, GROUP, group.pk, projection))
        (declared,) = [sql for sql in sent if sql.startswith("DECLARE")]
        read = members_read(declared.partition(" CURSOR FOR ")[2])
        number = 12_000 if group is huge else 10
        assert sum(read) <= 2 * number + 3, read


def test_h2_a_user_in_very_many_groups_is_answered_whole(client, provider, monkeypatch):
    user = make_user(provider, "busy")
    for number in range(9):
        make_group(provider, f"Group {number}", [user])
    wanted = client.get(f"/Users/{user.pk}")
    monkeypatch.setattr(answers, "MANY", 4)
    for query in ({}, {"attributes": "meta,userName"}):
        found = client.get(f"/Users/{user.pk}", **query)
        assert found["ETag"] == wanted["ETag"]
        held = json.loads(found.getvalue())
        assert held["meta"]["version"] == wanted.json()["meta"]["version"]
        assert held.get("groups") == (None if query else wanted.json()["groups"])


def test_h2_a_group_that_shrinks_while_it_is_read_is_answered_as_it_is_then(provider, huge):
    group = verbs.read(call(provider, GROUP), str(huge.pk))
    assert isinstance(group.body, Spool)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM providers_membership WHERE group_id = %s", [huge.pk])
    found = answers.read_large(provider.pk, GROUP, huge.pk, WHOLE)
    assert "members" not in json.loads(found.body)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_resource SET deleted_at = now() WHERE id = %s", [huge.pk])
    assert answers.read_large(provider.pk, GROUP, huge.pk, WHOLE) is None


def test_h2_the_memory_for_a_group_of_100_000_is_that_of_its_parts(provider, client):
    fill_users(provider.pk, 100_000)
    group = make_group(provider, "Everybody")
    with connection.cursor() as cursor:
        cursor.execute(FILL_GROUP, [group.pk, group.pk, provider.pk, 100_000])
        cursor.execute("ANALYZE providers_resource; ANALYZE providers_membership")
    client.get("/Groups", count="1", excludedAttributes="members")  # what the first request loads
    for path in (f"/Groups/{group.pk}", "/Groups"):
        tracemalloc.start()
        try:
            answer = client.get(path)
            size = sum(map(len, answer.streaming_content))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert size == int(answer["Content-Length"]) > 13_000_000
        assert peak < 4_000_000, f"{path}: {peak:,} bytes of memory for {size:,} bytes"


def test_h2_no_part_of_a_large_group_is_missing_or_repeated(provider, client, monkeypatch):
    ids = fill_users(provider.pk, 1_001)
    group = make_group(provider, "Some", ids)
    for many in (1_000, 500, 7, 1):
        monkeypatch.setattr(answers, "MANY", many)
        members = json.loads(client.get(f"/Groups/{group.pk}").getvalue())["members"]
        assert [member["value"] for member in members] == sorted(ids)


def test_h2_sorting_by_members_keeps_its_order_when_cut(provider, groups):
    sort = Sort(find_readable("members.value", [GROUP], LIBERAL))
    small = replace(LIBERAL, max_page_bytes=LIMIT)
    query = ListQuery(sort=sort, count=100, cursor="")
    seen = []
    while True:
        page = verbs.list_resources(provider.pk, [(GROUP, WHOLE)], query, small)
        seen += [json.loads(bytes(body))["id"] for _, body in page.resources]
        if not page.next_cursor:
            break
        query = replace(query, cursor=page.next_cursor)
    assert sorted(seen) == sorted(str(group.pk) for group in groups)


def test_shown_parts_are_those_that_a_response_keeps():
    for asked, wanted in (
        (WHOLE, {"value", "$ref", "type"}),
        (parse_projection("members.display", "", GROUP, LIBERAL), {"display"}),
        (parse_projection("", "members.type", GROUP, LIBERAL), {"value", "$ref"}),
        (Projection(only=frozenset()), set()),
    ):
        assert shown_parts("members", asked, GROUP) == wanted
