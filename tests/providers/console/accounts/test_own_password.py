"""Changing one's own password, and the duty to do so when an administrator made it."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from providers.models import TemporaryPassword
from tests.factories import browser_of, make_account
from tests.pages import read

NEW = {"username": "c.visser", "first_name": "Cas", "last_name": "Visser", "email": "c@x.nl", "role": "Support"}
OWN = "an entirely new one"


@pytest.fixture(params=["added", "reset"])
def colleague(request, anna):
    """A browser in which somebody has signed in with the password that an administrator made, and that password."""
    if request.param == "added":
        page = browser_of(anna).post("/accounts/add/", NEW)
    else:
        page = browser_of(anna).post(f"/accounts/{make_account('Support', username='c.visser').pk}/reset/")
    password = read(page).one(test_id="new-password").value
    browser = Client(headers={"Host": "127.0.0.1"})
    assert browser.post("/login/", {"username": "c.visser", "password": password}).status_code == 302
    return browser, password


def change(browser, old, new):
    return browser.post("/password_change/", {"old_password": old, "new_password1": new, "new_password2": new})


def test_m6_a_password_that_an_administrator_made_must_be_changed_first(colleague):
    browser, password = colleague
    for path in ("/", "/eum/", "/eum/users/", "/eum/users/export/", "/nothing/"):
        assert browser.get(path)["Location"] == "/password_change/", path
    assert browser.post("/language/", {"language": "nl", "next": "/"}).status_code == 302
    assert "heeft uw wachtwoord gemaakt" in read(browser.get("/password_change/")).text
    assert change(browser, password, OWN)["Location"] == "/password_change/done/"
    assert browser.get("/eum/users/").status_code == 200
    assert not TemporaryPassword.objects.exists()
    again = Client(headers={"Host": "127.0.0.1"})
    again.post("/login/", {"username": "c.visser", "password": OWN})
    assert again.get("/eum/users/").status_code == 200


def test_m6_the_old_password_is_not_taken_as_the_new_one(colleague):
    browser, password = colleague
    page = change(browser, password, password)
    assert page.status_code == 200 and "choose another one" in read(page).text
    assert browser.get("/eum/")["Location"] == "/password_change/"


def test_m6_it_must_be_changed_at_each_sign_in_until_it_is(colleague):
    _, password = colleague
    again = Client(headers={"Host": "127.0.0.1"})
    again.post("/login/", {"username": "c.visser", "password": password})
    assert again.get("/eum/")["Location"] == "/password_change/"


def test_m6_acts_are_not_possible_before_either(colleague):
    browser, _ = colleague
    account = User.objects.get(username="c.visser")
    account.is_superuser = True
    account.save()
    assert browser.post("/accounts/add/", NEW | {"username": "x"})["Location"] == "/password_change/"
    assert not User.objects.filter(username="x").exists()


def test_m6_no_page_asks_the_database_for_this(anna):
    browser = browser_of(anna)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get("/eum/").status_code == 200
    assert not [query for query in queries.captured_queries if "temporarypassword" in query["sql"]]
    assert change(browser, "correct horse battery", OWN).status_code == 302
