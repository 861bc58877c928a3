"""Synced users: list, search, page (AC-USR, AC-PER, AC-ROLE-4)."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from providers.models import Provider, SyncedUser
from providers.request_log import writer
from scim.protocol.attributes import USER
from scim.store import verbs
from tests.factories import call, make_group, make_user
from tests.pages import read

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def names(answer) -> list[str]:
    return [cell.one("a").text for cell in read(answer).all("th", class_="field-name")]


def found(browser, **query) -> list[str]:
    return sorted(names(browser.get("/eum/users/", query)))


def make_janes(provider: Provider):
    jane = make_user(
        provider,
        "jd@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
        emails=[{"type": "work", "value": "jane@mail.example"}],
    )
    make_user(provider, "koci@contoso.com", displayName="Janë Koçi", active=False)
    make_user(provider, "visser@contoso.com", displayName="Piet Visser", emails=[{"value": "jane.v@mail.example"}])
    make_user(provider, "bakker@contoso.com", displayName="Piet Bakker")
    return jane


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("JANÊ", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("jane boer", ["Jane de Boer"]),
        ("boer jane", ["Jane de Boer"]),
        ("jane@mail.example", ["Jane de Boer"]),
        ("jd@contoso.com", ["Jane de Boer"]),
        ("9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4", ["Jane de Boer"]),
        ("100%", []),
        ("_", []),
        ("jane nobody", []),
    ],
)
def test_ac_usr_1_every_word_must_match_somewhere(support, provider, text, expected):
    make_janes(provider)
    assert found(support, q=text) == expected


def test_ac_usr_1_a_whole_scim_id_finds_its_person(support, provider):
    jane = make_janes(provider)
    assert found(support, q=str(jane.pk)) == ["Jane de Boer"]
    assert found(support, q=str(jane.pk).upper()) == ["Jane de Boer"]


def test_ac_usr_1_nobody_found_says_what_it_means(support, provider):
    page = read(support.get("/eum/users/?q=jahne&status=active"))
    assert "Nobody found for “jahne”" in page.text and "not assigned in Entra" in page.text
    assert "Status: Active" in page.text and "Clear filters" in page.text and not page.has("table")


def test_ac_usr_1_markup_in_a_search_is_shown_as_it_is(support, provider):
    page = read(support.get("/eum/users/", {"q": "<script>alert(1)</script>"}))
    assert "<script>alert" not in page.source and "<script>alert(1)" in page.text


def test_ac_usr_2_disabled_and_removed_people_are_in_the_list(support, provider):
    gone = make_user(provider, "gone@contoso.com", displayName="Gone")
    make_user(provider, "off@contoso.com", displayName="Off", active=False)
    verbs.delete(call(provider, USER), str(gone.pk))
    assert found(support) == ["Gone", "Off"]
    assert found(support, status="removed") == ["Gone"]
    assert found(support, status="disabled") == ["Off"]
    assert found(support, status="active") == []


def test_ac_usr_3_filters_are_in_the_address_and_the_same_for_everybody(support, administrator, provider, stranger):
    make_user(provider, "a@contoso.com", displayName="A")
    make_user(stranger, "a@fabrikam.com", displayName="B")
    for browser in (support, administrator):
        assert found(browser, provider=stranger.pk, status="active", q="a@") == ["B"]


@pytest.mark.parametrize("query", [{"provider": "x"}, {"provider": "999"}, {"status": "asleep"}])
def test_ac_usr_3_a_filter_that_means_nothing_finds_nothing(support, provider, query):
    make_user(provider, "a@contoso.com")
    assert found(support, **query) == []


def test_ac_usr_4_fifty_a_page_and_few_queries(support, provider, django_assert_max_num_queries):
    for number in range(60):
        make_user(provider, f"user{number:02}@contoso.com", displayName=f"User {number:02}")
    # session, account, rights (2), provider filter, count, people: the same for 1 and for 50
    with django_assert_max_num_queries(12):
        assert len(names(support.get("/eum/users/?q=user+contoso"))) == 50
    with django_assert_max_num_queries(12):
        answer = support.get("/eum/users/")
    assert len(names(answer)) == 50 and "60 users" in read(answer).text
    assert len(names(support.get("/eum/users/?p=2"))) == 10
    assert names(support.get("/eum/users/?o=0"))[0] == "User 00"


def test_ac_usr_4_counting_stops_somewhere(support, provider, monkeypatch):
    monkeypatch.setattr("providers.console.frame.lists.COUNT_LIMIT", 2)
    for number in range(4):
        make_user(provider, f"user{number}@contoso.com")
    assert "more than 2 users" in read(support.get("/eum/users/")).text


@pytest.mark.parametrize("lookup", ["user_name__startswith", "document__title", "provider__title", "folded"])
def test_a_reader_cannot_make_up_lookups(operator, provider, lookup):
    make_user(provider, "jane@contoso.com")
    assert operator.get("/eum/users/", {lookup: "j"}).status_code == 400


def test_groups_are_counted_and_shown(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane")
    editors, _left = make_group(provider, "Editors", members=[jane]), make_group(provider, "Others")
    assert read(support.get("/eum/users/")).one("td", class_="field-groups").text == "1"
    page = read(support.get(f"/eum/users/{jane.pk}/"))
    [group] = page.one(test_id="groups").all("a")
    assert group["href"] == f"/eum/groups/{editors.pk}/" and "Member since" in page.text and "Others" not in page.source


def test_a_person_is_shown_with_every_attribute_as_received(support, provider, django_assert_max_num_queries):
    jane = make_user(
        provider,
        "jane@contoso.com",
        active=False,
        externalId="00u1",
        title="Teamleider",
        name={"givenName": "Jane"},
        emails=[{"type": "work", "value": "jane@contoso.com", "primary": True}],
        **{ENTERPRISE: {"department": "Kwaliteit", "manager": {"value": "26118915"}}},
    )
    with django_assert_max_num_queries(14):  # session, account, rights (2), person, others, history, requests
        page = read(support.get(f"/eum/users/{jane.pk}/"))
    for part in (
        "Disabled",
        "name.givenName",
        'emails[type eq "work"].value',
        "enterprise:manager.value",
        "jane@contoso.com · Teamleider, Kwaliteit · from Contoso Entra ID",
        str(jane.pk),
        "00u1",
        "Contoso Entra ID",
        "In no group.",
    ):
        assert part in page.text, part
    department = page.one(test_id="attributes").one("th", text="enterprise:department")
    assert department["title"] == f"{ENTERPRISE}:department"
    assert {"jane@contoso.com", "Teamleider, Kwaliteit"} <= {text.text for text in page.all("bdi")}


def test_ac_per_6_values_are_escaped_isolated_and_cut(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="<b>Jane</b>", title="\u202e" + "x" * 10_000)
    page = read(support.get(f"/eum/users/{jane.pk}/"))
    assert "<b>Jane</b>" not in page.source and page.one("h1").one("bdi").text == "<b>Jane</b>"
    assert "Show all" in page.text


def test_ac_role_4_an_operator_reads_masked_values_everywhere(operator, provider):
    jane = make_user(
        provider,
        "jane@contoso.com",
        displayName="Jane Boerhof",
        externalId="jane.boerhof",
        name={"givenName": "Jane", "familyName": "Boerhof"},
        emails=[{"type": "work", "value": "jane@contoso.com"}],
        phoneNumbers=[{"type": "work", "value": "+31 40 555 0182"}],
        title="Verpleegkundige",
    )
    group = make_group(provider, "Editors", members=[jane])
    for path in ("/eum/users/", f"/eum/users/{jane.pk}/", f"/eum/groups/{group.pk}/", "/eum/users/?q=contoso"):
        page = read(operator.get(path))
        assert "j•••@contoso.com" in page.text, path
        for secret in ("jane@", "Jane", "oerhof", "0182", "erpleeg"):
            assert secret not in page.source, (path, secret)


def test_ac_role_4_an_object_id_stays_readable(operator, provider):
    jane = make_user(provider, "jane@contoso.com", externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4")
    page = read(operator.get(f"/eum/users/{jane.pk}/"))
    assert "9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4" in page.text and str(jane.pk) in page.text


@pytest.mark.parametrize("role", ["Administrator", "Support", "superuser"])
def test_ac_role_4_others_read_whole_values(signed_in, provider, role):
    jane = make_user(provider, "jane@contoso.com")
    assert "jane@contoso.com" in read(signed_in(role).get(f"/eum/users/{jane.pk}/")).text


def test_unknown_people_are_404_and_a_group_is_no_person(support, provider):
    group = make_group(provider, "Editors")
    assert support.get(f"/eum/users/{uuid.uuid4()}/").status_code == 404
    assert support.get(f"/eum/users/{group.pk}/").status_code == 404


def test_ac_usr_5_one_match_leads_straight_to_the_person(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    make_user(provider, "jan@contoso.com")
    assert support.get("/eum/find/?q=jane boer")["Location"] == f"/eum/users/{jane.pk}/"
    assert support.get("/eum/find/?q=jan")["Location"] == "/eum/users/?q=jan"
    assert support.get("/eum/find/?q=nobody")["Location"] == "/eum/users/?q=nobody"
    assert support.get("/eum/find/?q=%00")["Location"] == "/eum/users/"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("group={group}", ["Anna"]), ("group=x", []), ("changed=7", ["Anna", "Bert", "Cees"]),
        ("changed=1", ["Anna", "Cees"]), ("changed=9", []), ("error=yes", ["Cees"]), ("error=no", []),
        ("status=disabled&changed=7", ["Bert"]),
    ],
)  # fmt: skip
def test_ac_usr_3_each_filter_leaves_what_it_says(support, provider, scim, query, wanted):
    anna, bert, cees, dora = (
        make_user(provider, f"{name}@x", displayName=name, active=name != "Bert")
        for name in ("Anna", "Bert", "Cees", "Dora")
    )
    group = make_group(provider, "Ward", [anna])
    ago = {bert.pk: 3, dora.pk: 40}
    for pk, days in ago.items():
        SyncedUser.objects.filter(pk=pk).update(last_modified=timezone.now() - timedelta(days=days))
    scim(provider).patch(f"/Users/{cees.pk}", {"op": "replace", "path": "userName", "value": "anna@x"})
    writer.flush()
    page = support.get(f"/eum/users/?{query.format(group=group.pk)}")
    assert sorted(person.display_name for person in page.context["cl"].result_list) == wanted


def test_the_list_tells_the_last_change_and_by_whom(support, provider, scim):
    jane = make_user(provider, "jane@x")
    scim(provider).patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    page = read(support.get("/eum/users/"))
    cell = page.one(class_="sub", text=provider.title).parent
    assert cell.text.startswith("Disabled")
