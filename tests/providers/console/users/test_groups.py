"""Synced groups: list and page (AC-GRP)."""

import uuid

from providers.models import Membership
from providers.request_log import writer
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_user, make_users
from tests.pages import Page, read
from tests.providers.console.users.conftest import user_page


def members_on(page: Page) -> list[str]:
    return [link.text for link in page.one(test_id="members").all("a")]


def test_ac_grp_1_members_come_fifty_at_a_time(support, provider, django_assert_max_num_queries):
    people = make_users(provider, (f"user{number:03}@contoso.com" for number in range(120)))
    group = make_group(provider, "Everybody", members=people)
    # session, account, rights (2), group, events, the requests and members they name, count, one page of members
    with django_assert_max_num_queries(11):
        page = read(support.get(f"/eum/groups/{group.pk}/"))
    head = page.one("h2", text="Members").around("header")
    assert len(members_on(page)) == 50 and head.one(class_="count").text == "120"
    assert len(members_on(read(support.get(f"/eum/groups/{group.pk}/?p=3")))) == 20
    assert len(members_on(read(support.get(f"/eum/groups/{group.pk}/?p=99")))) == 20
    assert len(members_on(read(support.get(f"/eum/groups/{group.pk}/?p=x")))) == 50


def test_ac_grp_1_members_are_searched(support, provider, django_assert_max_num_queries):
    people = make_users(provider, (f"user{number}@contoso.com" for number in range(60)))
    group = make_group(provider, "Everybody", members=people)
    with django_assert_max_num_queries(14):  # the limit of time for a search takes 3
        page = read(support.get(f"/eum/groups/{group.pk}/?q=user5"))
    assert len(members_on(page)) == 11
    assert "No member found" in read(support.get(f"/eum/groups/{group.pk}/?q=jane")).text


def test_ac_grp_2_removing_three_members_is_one_request_and_three_rows(support, provider, scim):
    people = [make_user(provider, f"{name}@contoso.com", displayName=name) for name in ("Anna", "Bert", "Cees", "Dora")]
    group = make_group(provider, "Care", members=people)
    operations = [{"op": "remove", "path": f'members[value eq "{one.pk}"]'} for one in people[:3]]
    assert scim(provider).patch(f"/Groups/{group.pk}", *operations).status_code == 204
    writer.flush()
    page = read(support.get(f"/eum/groups/{group.pk}/"))
    rows = page.one(test_id="timeline").all("li")
    left = [row for row in rows if row.one("strong").text.endswith("was removed")]
    assert sorted(row.one("strong").text for row in left) == [
        "Anna was removed",
        "Bert was removed",
        "Cees was removed",
    ]
    requests = [link["href"] for row in left for link in row.one("p", class_="note").all("a")]
    assert len(requests) == 3 and len(set(requests)) == 1 and requests[0].startswith("/eum/log/")
    assert [row for row in rows if row.one("strong").text == "Dora was added" and row.one("strong").has("a")]
    for person in people[:3]:
        title = user_page(support, person).one("strong", text="Removed from Care")
        assert title.one("a")["href"] == f"/eum/groups/{group.pk}/"


def test_many_members_of_one_request_are_counted_not_listed(support, provider):
    people = [make_user(provider) for _ in range(30)]
    group = make_group(provider, "Care")
    operation = {"op": "add", "path": "members", "value": [{"value": str(one.pk)} for one in people]}
    verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": [operation]}, answers=False)
    page = read(support.get(f"/eum/groups/{group.pk}/"))
    titles = [title for title in page.one(test_id="timeline").all("strong") if title.text.endswith(" was added")]
    assert len([title for title in titles if title.has("a")]) == 20
    assert "and 10 more members" in page.text


def test_ac_role_4_an_operator_reads_no_name_in_a_groups_history(operator, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    group = make_group(provider, "Care", members=[jane])
    page = read(operator.get(f"/eum/groups/{group.pk}/"))
    assert "Jane" not in page.source and "jane@" not in page.source


def test_ac_grp_3_a_group_without_members_says_so(support, provider):
    group = make_group(provider, "Nobody")
    page = read(support.get(f"/eum/groups/{group.pk}/"))
    [said] = [said for said in page.all("p") if said.text.startswith("Nobody is a member, since ")]
    assert said.has("time", datetime=True)


def test_a_group_in_a_group_links_to_its_own_page(support, provider):
    inner = make_group(provider, "Inner")
    outer = make_group(provider, "Outer", members=[inner])
    members = read(support.get(f"/eum/groups/{outer.pk}/")).one(test_id="members")
    assert members.has("a", href=f"/eum/groups/{inner.pk}/")


def test_only_who_is_a_member_now_is_listed(support, provider):
    jane, piet = make_user(provider, "jane@contoso.com"), make_user(provider, "piet@contoso.com")
    group = make_group(provider, "Editors", members=[jane, piet])
    Membership.objects.filter(member=piet).update(left_at="2026-01-01T00:00:00Z")
    assert members_on(read(support.get(f"/eum/groups/{group.pk}/"))) == ["jane@contoso.com"]


def test_the_list_searches_and_counts_members(support, provider, stranger):
    make_group(provider, "Editors", members=[make_user(provider, "jane@contoso.com")])
    make_group(provider, "Auditors")
    make_group(stranger, "Editors")
    page = read(support.get("/eum/groups/?q=editors"))
    assert "2 groups found" in page.text and "Auditors" not in page.source
    assert "1" in [cell.text for cell in page.all("td", class_="field-members")]
    assert "1 group found" in read(support.get(f"/eum/groups/?q=editors&provider={stranger.pk}")).text


def test_a_removed_group_leaves_the_list_and_keeps_its_page(support, provider):
    group = make_group(provider, "Editors")
    verbs.delete(call(provider, GROUP), str(group.pk))
    assert "Editors" not in read(support.get("/eum/groups/")).source
    assert "Deleted" in read(support.get(f"/eum/groups/{group.pk}/")).text


def test_an_operator_reads_the_names_of_groups(operator, provider):
    group = make_group(provider, "Editors", externalId="editors-2026")
    page = read(operator.get(f"/eum/groups/{group.pk}/"))
    assert "Editors" in page.text and "editors-2026" in page.text


def test_unknown_groups_are_404_and_a_person_is_no_group(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    assert support.get(f"/eum/groups/{uuid.uuid4()}/").status_code == 404
    assert support.get(f"/eum/groups/{jane.pk}/").status_code == 404
