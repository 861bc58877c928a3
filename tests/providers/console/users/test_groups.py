"""Synced groups: list and page (AC-GRP)."""

import re
import uuid

from providers.models import Membership
from providers.request_log import writer
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_user


def members_on(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/eum/users/[^"]+"><bdi>([^<]*)</bdi>', page)


def test_ac_grp_1_members_come_fifty_at_a_time(support, provider, django_assert_max_num_queries):
    people = [make_user(provider, f"user{number:03}@contoso.com") for number in range(120)]
    group = make_group(provider, "Everybody", members=people)
    # session, account, rights (2), group, events, the requests and members they name, count, one page of members
    with django_assert_max_num_queries(11):
        page = support.get(f"/eum/groups/{group.pk}/").content.decode()
    assert len(members_on(page)) == 50 and '<span class="count">120</span>' in page
    assert len(members_on(support.get(f"/eum/groups/{group.pk}/?p=3").content.decode())) == 20
    assert len(members_on(support.get(f"/eum/groups/{group.pk}/?p=99").content.decode())) == 20
    assert len(members_on(support.get(f"/eum/groups/{group.pk}/?p=x").content.decode())) == 50


def test_ac_grp_1_members_are_searched(support, provider, django_assert_max_num_queries):
    people = [make_user(provider, f"user{number}@contoso.com") for number in range(60)]
    group = make_group(provider, "Everybody", members=people)
    with django_assert_max_num_queries(11):
        page = support.get(f"/eum/groups/{group.pk}/?q=user5").content.decode()
    assert len(members_on(page)) == 11
    assert "No member found" in support.get(f"/eum/groups/{group.pk}/?q=jane").content.decode()


def test_ac_grp_2_removing_three_members_is_one_request_and_three_rows(support, provider, scim):
    people = [make_user(provider, f"{name}@contoso.com", displayName=name) for name in ("Anna", "Bert", "Cees", "Dora")]
    group = make_group(provider, "Care", members=people)
    operations = [{"op": "remove", "path": f'members[value eq "{one.pk}"]'} for one in people[:3]]
    assert scim(provider).patch(f"/Groups/{group.pk}", *operations).status_code == 204
    writer.flush()
    page = support.get(f"/eum/groups/{group.pk}/").content.decode()
    rows = re.findall(r"<strong>(.*?)</strong></p><p class=\"note\">(.*?)</p>", page)
    rows = [(re.sub("<.*?>", "", title), re.findall(r"/eum/log/([^/]+)/", note)) for title, note in rows]
    left = [(title, requests) for title, requests in rows if "left" in title]
    assert sorted(title for title, _ in left) == ["Anna left", "Bert left", "Cees left"]
    assert len({tuple(requests) for _, requests in left}) == 1 and left[0][1]
    assert "Dora</bdi></a> joined" in page
    for person in people[:3]:
        assert "Left <a" in support.get(f"/eum/users/{person.pk}/").content.decode()


def test_many_members_of_one_request_are_counted_not_listed(support, provider):
    people = [make_user(provider) for _ in range(30)]
    group = make_group(provider, "Care")
    operation = {"op": "add", "path": "members", "value": [{"value": str(one.pk)} for one in people]}
    verbs.patch(call(provider, GROUP), str(group.pk), {"Operations": [operation]}, answers=False)
    page = support.get(f"/eum/groups/{group.pk}/").content.decode()
    assert page.count("</bdi></a> joined") == 20
    assert "and 10 more members" in page


def test_ac_role_4_an_operator_reads_no_name_in_a_groups_history(operator, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    group = make_group(provider, "Care", members=[jane])
    page = operator.get(f"/eum/groups/{group.pk}/").content.decode()
    assert "Jane" not in page and "jane@" not in page


def test_ac_grp_3_a_group_without_members_says_so(support, provider):
    group = make_group(provider, "Nobody")
    page = support.get(f"/eum/groups/{group.pk}/").content.decode()
    assert re.search(r"Nobody is a member, since <time datetime", page)


def test_a_group_in_a_group_links_to_its_own_page(support, provider):
    inner = make_group(provider, "Inner")
    outer = make_group(provider, "Outer", members=[inner])
    assert f'href="/eum/groups/{inner.pk}/"' in support.get(f"/eum/groups/{outer.pk}/").content.decode()


def test_only_who_is_a_member_now_is_listed(support, provider):
    jane, piet = make_user(provider, "jane@contoso.com"), make_user(provider, "piet@contoso.com")
    group = make_group(provider, "Editors", members=[jane, piet])
    Membership.objects.filter(member=piet).update(left_at="2026-01-01T00:00:00Z")
    assert members_on(support.get(f"/eum/groups/{group.pk}/").content.decode()) == ["jane@contoso.com"]


def test_the_list_searches_and_counts_members(support, provider, stranger):
    make_group(provider, "Editors", members=[make_user(provider, "jane@contoso.com")])
    make_group(provider, "Auditors")
    make_group(stranger, "Editors")
    page = support.get("/eum/groups/?q=editors").content.decode()
    assert "2 groups found" in page and "Auditors" not in page
    assert '<td class="field-members">1</td>' in page
    assert "1 group found" in support.get(f"/eum/groups/?q=editors&provider={stranger.pk}").content.decode()


def test_a_removed_group_leaves_the_list_and_keeps_its_page(support, provider):
    group = make_group(provider, "Editors")
    verbs.delete(call(provider, GROUP), str(group.pk))
    assert "Editors" not in support.get("/eum/groups/").content.decode()
    assert "Removed" in support.get(f"/eum/groups/{group.pk}/").content.decode()


def test_an_operator_reads_the_names_of_groups(operator, provider):
    group = make_group(provider, "Editors", externalId="editors-2026")
    page = operator.get(f"/eum/groups/{group.pk}/").content.decode()
    assert "Editors" in page and "editors-2026" in page


def test_unknown_groups_are_404_and_a_person_is_no_group(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    assert support.get(f"/eum/groups/{uuid.uuid4()}/").status_code == 404
    assert support.get(f"/eum/groups/{jane.pk}/").status_code == 404
