"""The list of users (AC-USR)."""

from scim.protocol.attributes import USER
from scim.store import verbs
from tests.factories import call, make_user
from tests.pages import read
from tests.providers.console.conftest import found


def test_ac_usr_1_nobody_found_says_what_it_means(support, provider):
    page = read(support.get("/eum/users/?q=jahne&status=active"))
    assert "No user found for “jahne”" in page.text and "probably not assigned" in page.text
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


def test_ac_usr_5_one_match_leads_straight_to_the_person(support, provider):
    jane = make_user(provider, "jane@contoso.com", displayName="Jane de Boer")
    make_user(provider, "jan@contoso.com")
    assert support.get("/eum/find/?q=jane boer")["Location"] == f"/eum/users/{jane.pk}/"
    assert support.get("/eum/find/?q=jan")["Location"] == "/eum/users/?q=jan"
    assert support.get("/eum/find/?q=nobody")["Location"] == "/eum/users/?q=nobody"
    assert support.get("/eum/find/?q=%00")["Location"] == "/eum/users/"


def test_the_list_tells_the_last_change_and_by_whom(support, provider, scim):
    jane = make_user(provider, "jane@x")
    scim(provider).patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    page = read(support.get("/eum/users/"))
    cell = page.one(class_="sub", text=provider.title).parent
    assert cell.text.startswith("Disabled")


def test_a_former_name_and_an_external_id_lead_to_the_user(support, provider, scim):
    jane = make_user(provider, "old@contoso.com", displayName="Jane Oldname", externalId="e-77")
    for path, value in (("displayName", "Jane Newname"), ("userName", "new@contoso.com")):
        scim(provider).patch(f"/Users/{jane.pk}", {"op": "replace", "path": path, "value": value})
    for text in ("oldname", "jane OLDNAME", "old@contoso.com", "e-77", str(jane.pk)):
        assert support.get("/eum/find/", {"q": text})["Location"] == f"/eum/users/{jane.pk}/", text
    assert support.get("/eum/find/?q=oldname newname")["Location"].startswith("/eum/users/?q=")
