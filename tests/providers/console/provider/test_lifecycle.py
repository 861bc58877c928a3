"""Editing, pausing, deleting and restoring a provider, and its history (AC-PROV)."""

import pytest

from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.models import ChangeEvent, Provider
from tests.factories import issue, make_group, make_provider, make_user
from tests.pages import provider_page, read

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


def test_ac_prov_3_pausing_asks_first_and_is_undone_in_one_click(administrator, provider, client):
    _token, value = issue(provider)
    headers = {"Authorization": f"Bearer {value}"}
    asked = read(administrator.get(provider_page(provider, "pause/")))
    for part in ("get 503", "nobody is disabled", "stop provisioning in Entra ID"):
        assert part in asked.text
    assert client.get("/scim/Users", headers=headers).status_code == 200
    page = read(administrator.post(provider_page(provider, "pause/"), follow=True))
    assert "Paused by administrator" in page.text and page.has(test_id="resume")
    assert client.get("/scim/Users", headers=headers).status_code == 503
    administrator.post(provider_page(provider, "resume/"))
    assert client.get("/scim/Users", headers=headers).status_code == 200
    history = read(administrator.get(provider_page(provider, "history/")))
    assert "paused provider" in history.text and "resumed provider" in history.text


def test_ac_prov_4_the_page_names_numbers_and_what_happens(administrator, provider):
    jane = make_user(provider)
    make_group(provider, members=[jane])
    for path in ("", "delete/"):
        page = read(administrator.get(provider_page(provider, path)))
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
    answer = administrator.post(provider_page(provider, "delete/"), {"title": title, "password": password})
    assert problem in read(answer).text and read(answer).has(role="alert")
    provider.refresh_from_db()
    assert provider.deleted_at is None


def test_ac_prov_4_a_wrong_password_is_recorded_like_a_failed_sign_in(administrator, provider):
    administrator.post(provider_page(provider, "delete/"), {"title": provider.title, "password": "wrong"})
    assert ChangeEvent.objects.filter(kind="console.sign-in-failed").count() == 1


def test_the_dialog_says_that_deleting_a_provider_disables_nobody(administrator, provider):
    user = make_user(provider)
    path = provider_page(provider, "delete/")
    assert "an active user stays active until then" in read(administrator.get(path)).text
    administrator.post(path, {"title": provider.title, "password": PASSWORD})
    user.refresh_from_db()
    assert user.active is True and user.deleted_at is None
    page = read(administrator.get("/eum/users/"))
    assert "disabled and deleted users are listed too" in page.text


def test_a_deleted_provider_is_refused_and_its_title_is_free(administrator, provider, client):
    _token, value = issue(provider)
    sent = {"title": provider.title, "password": PASSWORD}
    page = read(administrator.post(provider_page(provider, "delete/"), sent, follow=True))
    assert "is deleted" in page.text and page.has(test_id="restore")
    assert client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 401
    assert administrator.get(provider_page(provider)).status_code == 404
    make_provider(provider.title)
    assert ChangeEvent.objects.filter(kind="provider.deleted").count() == 1


def test_a_provider_whose_title_was_taken_comes_back_under_another(administrator, provider):
    delete_provider(provider, SYSTEM)
    holder = make_provider(provider.title)
    refused = read(administrator.post(provider_page(provider, "restore/"), {"title": provider.title}))
    assert "Another provider has this title." in refused.text and Provider.objects.live().get() == holder
    administrator.post(provider_page(provider, "restore/"), {"title": "Contoso, the old one"})
    assert Provider.objects.live().count() == 2


def test_editing_changes_what_was_changed_and_says_so_in_the_history(administrator, provider):
    administrator.post(provider_page(provider, "edit/"), FORM | {"late_after_minutes": "120"})
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes) == ("Contoso", 120)
    event = ChangeEvent.objects.get(kind="provider.changed")
    assert {change["path"] for change in event.changes} == {"title", "late_after_minutes"}
    page = read(administrator.get(provider_page(provider, "history/")))
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
    answer = administrator.post(provider_page(provider, "edit/"), FORM | wrong)
    assert answer.status_code == 200 and read(answer).has("input", aria_invalid="true")
    provider.refresh_from_db()
    assert provider.title == "Contoso Entra ID"


def test_a_provider_can_be_told_to_leave_out_members_it_never_provided(administrator, provider, scim):
    client = scim(provider)
    group = make_group(provider, "Ward")
    add = {"op": "add", "path": "members", "value": [{"value": "01a215c0-0000-7000-8000-000000000000"}]}
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 400
    sent = FORM | {"title": provider.title, "skips_unknown_members": "on"}
    assert administrator.post(f"/eum/providers/{provider.pk}/edit/", sent).status_code == 302
    assert client.patch(f"/Groups/{group.pk}", add).status_code == 204
