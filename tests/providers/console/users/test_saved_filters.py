"""Saved filters of the list of users (AC-USR-6)."""

from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from providers.models import SavedFilter
from tests.factories import browser_of, make_account
from tests.pages import read

SAVE = "/eum/users/filters/save/"


@pytest.fixture
def people(db):
    """Two of one role and one of another, signed in."""

    def signed_in(role):
        account = make_account(role)
        return account, browser_of(account)

    return signed_in("Support"), signed_in("Support"), signed_in("Operator")


def save(browser, name="Disabled", query="status=disabled", **more):
    return browser.post(SAVE, {"name": name, "query": query, **more}, follow=True)


def names_on(browser):
    return [saved.name for saved in browser.get("/eum/users/").context["saved_filters"]]


def test_ac_usr_6_a_filter_keeps_after_logout_and_is_its_owners_alone(people):
    (anna, hers), (_, his), (_, other) = people
    page = save(hers, query="?status=disabled&p=3")
    assert page.redirect_chain[-1][0] == "/eum/users/?status=disabled"
    hers.logout()
    hers.force_login(anna)
    assert names_on(hers) == ["Disabled"]
    assert read(hers.get("/eum/users/")).one(test_id="my-filters").has("a", text="Disabled", href="?status=disabled")
    assert names_on(his) == names_on(other) == []


def test_ac_usr_6_a_shared_one_is_seen_by_the_role_and_changed_by_its_owner_only(people):
    (_, hers), (_, his), (_, other) = people
    save(hers, is_shared="on")
    saved = SavedFilter.objects.get()
    assert saved.shared_with == Group.objects.get(name="Support")
    assert names_on(his) == ["Disabled"] and names_on(other) == []
    for act in ("rename", "delete"):
        assert his.post(f"/eum/users/filters/{saved.pk}/{act}/", {"name": "Mine"}).status_code == 404
    hers.post(f"/eum/users/filters/{saved.pk}/rename/", {"name": "Who is out"})
    assert names_on(his) == ["Who is out"]
    hers.post(f"/eum/users/filters/{saved.pk}/delete/")
    assert names_on(hers) == names_on(his) == []


def test_the_same_name_again_replaces_and_none_is_taken_twice(people):
    (_, hers), _, _ = people
    save(hers)
    save(hers, query="status=removed")
    assert SavedFilter.objects.get().query == "status=removed"
    save(hers, name="Other")
    first = SavedFilter.objects.get(name="Other")
    page = hers.post(f"/eum/users/filters/{first.pk}/rename/", {"name": "Disabled"}, follow=True)
    assert "a name that no other of yours has" in read(page).text


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("", "status=disabled"),
        ("x" * 61, "status=disabled"),
        ("x", ""),
        ("x", "p=2"),
        ("x", "q=" + "x" * 400 + "&provider=" + "1" * 3_000),
    ],
)
def test_what_is_no_filter_is_not_saved(people, name, query):
    (_, hers), _, _ = people
    page = save(hers, name, query)
    assert page.status_code == 200
    assert not SavedFilter.objects.exists()


def test_a_query_is_parameters_and_never_an_address(people):
    (_, hers), _, _ = people
    page = save(hers, query="//evil.example/?status=disabled")
    assert page.redirect_chain[-1][0].startswith("/eum/users/?")
    assert urlsplit(page.redirect_chain[-1][0])[:3] == ("", "", "/eum/users/")


def test_markup_in_a_name_is_shown_as_it_is(people):
    (_, hers), _, _ = people
    save(hers, name="<b>x</b>")
    page = read(hers.get("/eum/users/"))
    assert "<b>x</b>" in page.text and "<b>x" not in page.source


def test_saving_needs_a_role(db):
    assert save(browser_of(make_account(None))).status_code == 403
    assert Client(headers={"Host": "127.0.0.1"}).post(SAVE, {}).status_code == 302
    assert not SavedFilter.objects.exists()
