"""Editing, pausing, deleting and restoring a provider, and its history (AC-PROV)."""

import pytest
from django.utils import timezone

from providers import request_log
from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.models import ChangeEvent, Provider
from tests.factories import issue, make_account, make_calls, make_group, make_provider, make_user
from tests.pages import read

PASSWORD = "correct horse battery"
# *Edit provider* as a browser sends it unchanged.
FORM = {
    "title": "Contoso",
    "late_after_minutes": "90",
    "silent_after_hours": "26",
    "removal_limit": "warn",
    "removal_limit_users": "20",
    "removal_limit_percent": "10",
}


def page_of(provider, tab=""):
    return f"/eum/providers/{provider.pk}/{tab}"


def test_ac_prov_3_pausing_asks_first_and_is_undone_in_one_click(administrator, provider, client):
    _token, value = issue(provider)
    headers = {"Authorization": f"Bearer {value}"}
    asked = read(administrator.get(page_of(provider, "pause/")))
    for part in ("Entra gets 503 and will retry", "nobody is disabled", "quarantine", "stop provisioning in Entra"):
        assert part in asked.text
    assert client.get("/scim/Users", headers=headers).status_code == 200
    page = read(administrator.post(page_of(provider, "pause/"), follow=True))
    assert "Paused by administrator" in page.text and page.has(test_id="resume")
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(page_of(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).status_code == 200
    history = read(administrator.get(page_of(provider, "history/")))
    assert "paused provider" in history.text and "resumed provider" in history.text


def test_ac_prov_3_twice_is_once(administrator, provider):
    for path in ("pause/", "pause/", "resume/", "resume/"):
        assert administrator.post(page_of(provider, path)).status_code == 302
    kinds = ChangeEvent.objects.filter(provider_id=provider.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["provider.added", "provider.paused", "provider.resumed"]


def test_ac_prov_4_the_page_names_numbers_and_what_happens(administrator, provider):
    jane = make_user(provider)
    make_group(provider, members=[jane])
    for path in ("", "delete/"):
        page = read(administrator.get(page_of(provider, path)))
        assert "1 user and 1 group are kept for 30 days, then purged." in page.text


@pytest.mark.parametrize(
    ("title", "password", "problem"),
    [
        ("contoso entra id", PASSWORD, "Type the title exactly"),
        ("", PASSWORD, "Type the title exactly"),
        ("Contoso Entra ID", "wrong", "This is not your password"),
        ("Contoso Entra ID", "", "This is not your password"),
    ],
)
def test_ac_prov_4_deleting_needs_the_title_and_the_password(administrator, provider, title, password, problem):
    answer = administrator.post(page_of(provider, "delete/"), {"title": title, "password": password})
    assert problem in read(answer).text and read(answer).has(role="alert")
    provider.refresh_from_db()
    assert provider.deleted_at is None


def test_ac_prov_4_a_wrong_password_is_recorded_like_a_failed_sign_in(administrator, provider):
    administrator.post(page_of(provider, "delete/"), {"title": provider.title, "password": "wrong"})
    assert ChangeEvent.objects.filter(kind="console.sign-in-failed").count() == 1


def test_a_deleted_provider_is_refused_and_its_title_is_free(administrator, provider, client):
    _token, value = issue(provider)
    sent = {"title": provider.title, "password": PASSWORD}
    page = read(administrator.post(page_of(provider, "delete/"), sent, follow=True))
    assert "is deleted" in page.text and page.has(test_id="restore")
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 401
    assert administrator.get(page_of(provider)).status_code == 404
    make_provider(provider.title)
    assert ChangeEvent.objects.filter(kind="provider.deleted").count() == 1


def test_a_restored_provider_is_as_it_was_and_paused(administrator, provider, client):
    _token, value = issue(provider)
    make_user(provider, "jane@contoso.com")
    delete_provider(provider, SYSTEM)
    page = read(administrator.post(page_of(provider, "restore/"), {"title": provider.title}, follow=True))
    assert "Provider restored" in page.text and "Paused by" in page.text
    headers = {"Authorization": f"Bearer {value}"}
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(page_of(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).json()["totalResults"] == 1


def test_a_provider_whose_title_was_taken_comes_back_under_another(administrator, provider):
    delete_provider(provider, SYSTEM)
    holder = make_provider(provider.title)
    refused = read(administrator.post(page_of(provider, "restore/"), {"title": provider.title}))
    assert "Another provider has this title." in refused.text and Provider.objects.live().get() == holder
    administrator.post(page_of(provider, "restore/"), {"title": "Contoso, the old one"})
    assert Provider.objects.live().count() == 2


def test_editing_changes_what_was_changed_and_says_so_in_the_history(administrator, provider):
    administrator.post(page_of(provider, "edit/"), FORM | {"late_after_minutes": "120"})
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes) == ("Contoso", 120)
    event = ChangeEvent.objects.get(kind="provider.changed")
    assert {change["path"] for change in event.changes} == {"title", "late_after_minutes"}
    page = read(administrator.get(page_of(provider, "history/")))
    assert "− Contoso Entra ID" in page.text and "+ Contoso" in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "fabrikam"},
        {"late_after_minutes": "10"},
        {"late_after_minutes": "x"},
        {"silent_after_hours": "1"},
        {"late_after_minutes": "300", "silent_after_hours": "5"},
        {"notification_email": "nobody"},
        {"removal_limit": "x"},
        {"removal_limit_users": "0"},
        {"removal_limit_percent": "101"},
    ],
)
def test_editing_explains_what_cannot_be(administrator, provider, stranger, wrong):
    answer = administrator.post(page_of(provider, "edit/"), FORM | wrong)
    assert answer.status_code == 200 and read(answer).has("input", aria_invalid="true")
    provider.refresh_from_db()
    assert provider.title == "Contoso Entra ID"


def test_the_history_pages_by_fifty_and_shows_people_on_request(administrator, provider):
    for number in range(52):
        make_user(provider, f"user{number}@contoso.com")
    path = page_of(provider, "history/")
    acts = read(administrator.get(path))
    assert "added provider" in acts.text and "user1@contoso.com" not in acts.source
    first = read(administrator.get(f"{path}?what=people"))
    assert len(first.one(test_id="timeline").all("li")) == 50 and "user51@contoso.com" in first.text
    second = read(administrator.get(path + first.one("a", text="Older")["href"]))
    assert len(second.one(test_id="timeline").all("li")) == 2 and "user0@contoso.com" in second.text


def test_ac_role_4_the_history_of_people_is_masked_for_operators(operator, provider):
    make_user(provider, "jane@contoso.com")
    page = read(operator.get(page_of(provider, "history/?what=people")))
    assert "jane@contoso.com" not in page.source and "j•••@contoso.com" in page.text


@pytest.mark.parametrize("query", ["what=x", "before=x", "since=x&until=2026-02-31T00:00:00Z", "since=2026-01-01"])
def test_nonsense_in_the_address_of_the_history_shows_all(administrator, provider, query):
    assert "added provider" in read(administrator.get(page_of(provider, f"history/?{query}"))).text


def says_with_time(page, words):
    """Whether the page has these words with a time behind them."""
    return [time for time in page.all("time", datetime=True) if f"{words} {time.text}" in time.parent.text]


def test_the_head_says_when_the_next_contact_is_expected(administrator, provider):
    assert "expected by" not in read(administrator.get(page_of(provider))).source
    make_calls(provider, 201, "POST", count=3)
    assert says_with_time(read(administrator.get(page_of(provider))), "next expected by")
    make_calls(provider, 409, "POST", count=3)
    for tab in ("", "tokens/"):
        page = read(administrator.get(page_of(provider, tab)))
        assert "3 of 6 changes failed" in page.text and says_with_time(page, "Next contact expected by")
    Provider.objects.update(paused_at=timezone.now())
    assert "expected by" not in read(administrator.get(page_of(provider))).source


def test_ac_prov_5_a_new_provider_has_no_chart_but_a_way_on(administrator, provider):
    page = read(administrator.get(page_of(provider)))
    assert "No requests yet. Use Test Connection in Entra" in page.text
    assert page.one("main").has("a", href=page_of(provider, "guide/"))
    assert not page.has("desc") and not page.has(class_="chart")


def test_ac_prov_6_the_live_line_changes_when_the_first_request_has_come(administrator, provider, client):
    path = page_of(provider, "live/")
    before = administrator.get(path)
    assert "Waiting for the first request" in read(before).text and "X-Live" not in before
    assert read(administrator.get(page_of(provider))).has(data_live=path)
    _token, value = issue(provider)
    client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"})

    request_log.writer.flush()
    after = administrator.get(path)
    assert "First request received" in read(after).text and after["X-Live"] == "done"
    assert not read(administrator.get(page_of(provider))).has(data_live=True)


def test_the_sentence_names_who_paused_it(provider, client):
    account = make_account("Administrator", first_name="Anna", last_name="Bakker")
    Provider.objects.update(paused_at=timezone.now(), paused_by=account)
    client.force_login(account)
    assert "Paused by Anna Bakker" in read(client.get(page_of(provider))).text


def test_a_provider_can_be_told_to_leave_out_members_it_never_provided(administrator, provider, scim):
    client = scim(provider)
    group = make_group(provider, "Ward")
    add = {"op": "add", "path": "members", "value": [{"value": "01a215c0-0000-7000-8000-000000000000"}]}
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 400
    sent = FORM | {"title": provider.title, "skips_unknown_members": "on"}
    assert administrator.post(f"/eum/providers/{provider.pk}/edit/", sent).status_code == 302
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 204
