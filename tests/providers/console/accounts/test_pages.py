"""Console accounts: a colleague is added, given a role, reset and disabled; the last administrator stays."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from providers.models import ChangeEvent
from tests.factories import browser_of, make_account
from tests.pages import read

NEW = {"username": "c.visser", "first_name": "Cas", "last_name": "Visser", "email": "c@x.nl", "role": "Support"}


@pytest.fixture
def browser(anna):
    return browser_of(anna)


def password_on(page):
    password = read(page).one(test_id="new-password")
    assert len(password.value) == 20 and password.value.isalnum() and password["autocomplete"] == "off"
    return password.value


def events():
    return list(ChangeEvent.objects.filter(kind__startswith="account.").order_by("id").values_list("kind", "subject"))


def test_a_colleague_is_added_and_signs_in_with_the_password_shown_once(browser):
    page = browser.post("/accounts/add/", NEW)
    password = password_on(page)
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    colleague = Client(headers={"Host": "127.0.0.1"})
    assert colleague.post("/login/", {"username": "c.visser", "password": password})["Location"]
    own = {"old_password": password, "new_password1": "an entirely new one", "new_password2": "an entirely new one"}
    assert colleague.post("/password_change/", own)["Location"] == "/password_change/done/"
    assert colleague.get("/eum/users/").status_code == 200
    assert colleague.get("/accounts/").status_code == 403
    account = User.objects.get(username="c.visser")
    assert (account.first_name, account.email, account.groups.get().name) == ("Cas", "c@x.nl", "Support")
    assert events() == [("account.added", "c.visser")]
    assert password not in str(ChangeEvent.objects.values_list())
    assert password not in read(browser.get(f"/accounts/{account.pk}/")).source


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"username": "anna"}, "There is an account with this name already."),
        ({"username": ""}, "This field is required."),
        ({"username": "a b"}, "Enter a valid username."),
        ({"role": "King"}, "Select a valid choice."),
        ({"email": "x"}, "Enter a valid email address."),
    ],
)
def test_what_is_wrong_is_said_and_adds_nobody(browser, changed, sentence):
    page = browser.post("/accounts/add/", NEW | changed)
    assert page.status_code == 422
    assert sentence in read(page).text
    assert User.objects.count() == 1


def test_a_role_is_changed_and_counts_at_once(browser):
    bert = make_account("Support", username="bert")
    his = browser_of(bert)
    assert his.get("/eum/audit/").status_code == 403
    browser.post(f"/accounts/{bert.pk}/", NEW | {"role": "Operator"})
    assert his.get("/eum/audit/").status_code == 200
    event = ChangeEvent.objects.get(kind="account.changed")
    assert {"path": "role", "before": "Support", "after": "Operator"} in event.changes
    browser.post(f"/accounts/{bert.pk}/", NEW | {"role": "Operator"})
    assert ChangeEvent.objects.filter(kind="account.changed").count() == 1, "what changes nothing is no event"


def test_v52_who_is_disabled_is_signed_out_and_can_be_enabled(browser):
    bert = make_account("Support", username="bert")
    his = browser_of(bert)
    browser.post(f"/accounts/{bert.pk}/disable/")
    assert his.get("/eum/").status_code == 302
    browser.post(f"/accounts/{bert.pk}/enable/")
    assert browser_of(User.objects.get(pk=bert.pk)).get("/eum/").status_code == 200
    assert [kind for kind, _ in events()] == ["account.disabled", "account.enabled"]


def test_a_reset_ends_every_session_and_shows_the_new_password_once(browser):
    bert = make_account("Support", username="bert")
    his = browser_of(bert)
    password = password_on(browser.post(f"/accounts/{bert.pk}/reset/"))
    assert his.get("/eum/").status_code == 302
    assert User.objects.get(pk=bert.pk).check_password(password)
    assert events() == [("account.password-reset", "bert")]


def test_nobody_takes_her_own_access_away(browser, anna):
    make_account("Administrator", username="other")
    page = read(browser.post(f"/accounts/{anna.pk}/disable/", follow=True))
    assert "You cannot take your own access away" in page.text
    page = browser.post(f"/accounts/{anna.pk}/", NEW | {"role": "Support"})
    assert page.status_code == 422
    anna.refresh_from_db()
    assert anna.is_active and anna.groups.get().name == "Administrator"


def test_an_administrator_does_not_take_over_an_account_with_every_right(browser):
    root = make_account("superuser", username="root")
    for path in ("", "reset/", "disable/"):
        assert browser.post(f"/accounts/{root.pk}/{path}", NEW).status_code == 403
    root.refresh_from_db()
    assert root.is_active and root.check_password("correct horse battery")
    assert ChangeEvent.objects.filter(kind="console.refused").count() == 3


@pytest.mark.parametrize("role", ["Support", "Operator"])
def test_ac_role_2_others_manage_no_accounts(signed_in, anna, role):
    browser = signed_in(role)
    assert not read(browser.get("/")).has(test_id="console-accounts")
    for path in ("", "add/", f"{anna.pk}/"):
        assert browser.get(f"/accounts/{path}").status_code == 403
    for path in ("add/", f"{anna.pk}/", f"{anna.pk}/reset/", f"{anna.pk}/disable/", f"{anna.pk}/enable/"):
        assert browser.post(f"/accounts/{path}", NEW).status_code == 403
    assert ChangeEvent.objects.filter(kind="console.refused").count() == 5
    assert User.objects.count() == 2


def test_the_list_tells_role_status_and_last_sign_in(browser):
    make_account("Support", username="bert", is_active=False)
    make_account("superuser", username="root")
    page = read(browser.get("/accounts/"))
    for part in ("Administrator", "Support", "Every right", "Disabled", "Never"):
        assert part in page.text
    assert browser.get("/accounts/99999/").status_code == 404
