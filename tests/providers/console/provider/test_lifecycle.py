"""Editing, pausing, deleting and restoring a provider, and its history (AC-PROV)."""

import pytest
from django.utils import timezone

from providers import request_log
from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.models import ChangeEvent, Provider
from tests.factories import issue, make_account, make_calls, make_group, make_provider, make_user

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
    asked = administrator.get(page_of(provider, "pause/")).content.decode()
    for part in ("Entra gets 503 and will retry", "nobody is disabled", "quarantine", "stop provisioning in Entra"):
        assert part in asked
    assert client.get("/scim/Users", headers=headers).status_code == 200
    page = administrator.post(page_of(provider, "pause/"), follow=True).content.decode()
    assert "Paused by administrator" in page and 'data-testid="resume"' in page
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(page_of(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).status_code == 200
    history = administrator.get(page_of(provider, "history/")).content.decode()
    assert "paused provider" in history and "resumed provider" in history


def test_ac_prov_3_twice_is_once(administrator, provider):
    for path in ("pause/", "pause/", "resume/", "resume/"):
        assert administrator.post(page_of(provider, path)).status_code == 302
    kinds = ChangeEvent.objects.filter(provider_id=provider.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["provider.added", "provider.paused", "provider.resumed"]


def test_ac_prov_4_the_page_names_numbers_and_what_happens(administrator, provider):
    jane = make_user(provider)
    make_group(provider, members=[jane])
    for path in ("", "delete/"):
        page = " ".join(administrator.get(page_of(provider, path)).content.decode().split())
        assert "1 user and 1 group are kept for 30 days, then purged." in page


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
    assert problem in answer.content.decode() and 'role="alert"' in answer.content.decode()
    provider.refresh_from_db()
    assert provider.deleted_at is None


def test_ac_prov_4_a_wrong_password_is_recorded_like_a_failed_sign_in(administrator, provider):
    administrator.post(page_of(provider, "delete/"), {"title": provider.title, "password": "wrong"})
    assert ChangeEvent.objects.filter(kind="console.sign-in-failed").count() == 1


def test_a_deleted_provider_is_refused_and_its_title_is_free(administrator, provider, client):
    _token, value = issue(provider)
    sent = {"title": provider.title, "password": PASSWORD}
    page = administrator.post(page_of(provider, "delete/"), sent, follow=True).content.decode()
    assert "is deleted" in page and 'data-testid="restore"' in page
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 401
    assert administrator.get(page_of(provider)).status_code == 404
    make_provider(provider.title)
    assert ChangeEvent.objects.filter(kind="provider.deleted").count() == 1


def test_a_restored_provider_is_as_it_was_and_paused(administrator, provider, client):
    _token, value = issue(provider)
    make_user(provider, "jane@contoso.com")
    delete_provider(provider, SYSTEM)
    page = administrator.post(page_of(provider, "restore/"), {"title": provider.title}, follow=True).content.decode()
    assert "Provider restored" in page and "Paused by" in page
    headers = {"Authorization": f"Bearer {value}"}
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(page_of(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).json()["totalResults"] == 1


def test_a_provider_whose_title_was_taken_comes_back_under_another(administrator, provider):
    delete_provider(provider, SYSTEM)
    holder = make_provider(provider.title)
    refused = administrator.post(page_of(provider, "restore/"), {"title": provider.title}).content.decode()
    assert "Another provider has this title." in refused and Provider.objects.live().get() == holder
    administrator.post(page_of(provider, "restore/"), {"title": "Contoso, the old one"})
    assert Provider.objects.live().count() == 2


def test_editing_changes_what_was_changed_and_says_so_in_the_history(administrator, provider):
    administrator.post(page_of(provider, "edit/"), FORM | {"late_after_minutes": "120"})
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes) == ("Contoso", 120)
    event = ChangeEvent.objects.get(kind="provider.changed")
    assert {change["path"] for change in event.changes} == {"title", "late_after_minutes"}
    page = administrator.get(page_of(provider, "history/")).content.decode()
    assert "− Contoso Entra ID" in page and "+ Contoso" in page


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
    assert answer.status_code == 200 and 'aria-invalid="true"' in answer.content.decode()
    provider.refresh_from_db()
    assert provider.title == "Contoso Entra ID"


def test_the_history_pages_by_fifty_and_shows_people_on_request(administrator, provider):
    for number in range(52):
        make_user(provider, f"user{number}@contoso.com")
    path = page_of(provider, "history/")
    acts = administrator.get(path).content.decode()
    assert "added provider" in acts and "user1@contoso.com" not in acts
    first = administrator.get(f"{path}?what=people").content.decode()
    assert first.count('class="dot"') == 50 and "user51@contoso.com" in first
    older = first.split('href="?')[-1].split('"')[0].replace("&amp;", "&")
    second = administrator.get(f"{path}?{older}").content.decode()
    assert second.count('class="dot"') == 2 and "user0@contoso.com" in second


def test_ac_role_4_the_history_of_people_is_masked_for_operators(operator, provider):
    make_user(provider, "jane@contoso.com")
    page = operator.get(page_of(provider, "history/?what=people")).content.decode()
    assert "jane@contoso.com" not in page and "j•••@contoso.com" in page


@pytest.mark.parametrize("query", ["what=x", "before=x", "since=x&until=2026-02-31T00:00:00Z", "since=2026-01-01"])
def test_nonsense_in_the_address_of_the_history_shows_all(administrator, provider, query):
    assert "added provider" in administrator.get(page_of(provider, f"history/?{query}")).content.decode()


def test_the_head_says_when_the_next_contact_is_expected(administrator, provider):
    assert "expected by" not in administrator.get(page_of(provider)).content.decode()
    make_calls(provider, 201, "POST", count=3)
    assert "next expected by <time" in administrator.get(page_of(provider)).content.decode()
    make_calls(provider, 409, "POST", count=3)
    for tab in ("", "tokens/"):
        page = administrator.get(page_of(provider, tab)).content.decode()
        assert "3 of 6 changes failed" in page and "Next contact expected by <time" in page
    Provider.objects.update(paused_at=timezone.now())
    assert "expected by" not in administrator.get(page_of(provider)).content.decode()


def test_ac_prov_5_a_new_provider_has_no_chart_but_a_way_on(administrator, provider):
    page = administrator.get(page_of(provider)).content.decode()
    assert "No requests yet. Use Test Connection in Entra" in page and f"{provider.pk}/guide/" in page
    assert "<desc" not in page and 'class="chart' not in page


def test_ac_prov_6_the_live_line_changes_when_the_first_request_has_come(administrator, provider, client):
    path = page_of(provider, "live/")
    before = administrator.get(path)
    assert "Waiting for the first request" in before.content.decode() and "X-Live" not in before
    assert f'data-live="{path}"' in administrator.get(page_of(provider)).content.decode()
    _token, value = issue(provider)
    client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"})

    request_log.writer.flush()
    after = administrator.get(path)
    assert "First request received" in after.content.decode() and after["X-Live"] == "done"
    assert "data-live" not in administrator.get(page_of(provider)).content.decode()


def test_the_sentence_names_who_paused_it(provider, client):
    account = make_account("Administrator", first_name="Anna", last_name="Bakker")
    Provider.objects.update(paused_at=timezone.now(), paused_by=account)
    client.force_login(account)
    assert "Paused by Anna Bakker" in client.get(page_of(provider)).content.decode()


def test_a_provider_can_be_told_to_leave_out_members_it_never_provided(administrator, provider, scim):
    client = scim(provider)
    group = make_group(provider, "Ward")
    add = {"op": "add", "path": "members", "value": [{"value": "01a215c0-0000-7000-8000-000000000000"}]}
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 400
    sent = FORM | {"title": provider.title, "skips_unknown_members": "on"}
    assert administrator.post(f"/eum/providers/{provider.pk}/edit/", sent).status_code == 302
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 204
