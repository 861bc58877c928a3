"""Time zones: whose times a page shows, and where people choose."""

import pytest
from django.conf import settings
from django.test import Client

from providers.models import Preference
from tests.factories import make_account, make_user
from tests.pages import IN_DUTCH, read

PAGE = "/time-zone/"


def zone_of(browser, **headers):
    return read(browser.get("/eum/", headers=headers)).one(test_id="zone").text


def test_the_account_decides_then_the_browser_then_the_setting(db):
    account = make_account("Support")
    browser = Client()
    browser.force_login(account)
    assert f"in the zone {settings.TIME_ZONE}," in zone_of(browser)
    browser.cookies["time_zone"] = "America/New_York"
    assert "in the zone America/New_York," in zone_of(browser)
    browser.post(PAGE, {"time_zone": "Asia/Tokyo"})
    assert "Asia/Tokyo, where it is" in zone_of(browser) and "JST" in zone_of(browser)
    elsewhere = Client()
    elsewhere.force_login(account)
    assert "Asia/Tokyo" in zone_of(elsewhere)
    browser.post(PAGE, {"time_zone": ""})
    assert "America/New_York" in zone_of(browser)


@pytest.mark.parametrize("sent", ["Mars/Base", "../../etc/passwd", "x" * 5_000, "Europe/Amsterdam\0", "Factory"])
def test_a_cookie_that_names_no_zone_is_ignored(support, sent):
    support.cookies["time_zone"] = sent
    assert settings.TIME_ZONE in zone_of(support)


@pytest.mark.parametrize("sent", ["Mars/Base", "europe/amsterdam", "x" * 51])
def test_a_zone_that_does_not_exist_is_refused(support, sent):
    page = read(support.post(PAGE, {"time_zone": sent}))
    assert page.one("select", name="time_zone")["aria-invalid"] == "true"
    assert not Preference.objects.exists()


def test_saving_leads_back_to_the_page_and_keeps_the_language(support):
    support.post("/language/", {"language": "nl", "next": "/eum/"})
    answer = support.post(PAGE, {"time_zone": "UTC", "next": "/eum/users/?q=jane"})
    assert answer["Location"] == "/eum/users/?q=jane"
    assert Preference.objects.values_list("language", "time_zone").get() == ("nl", "UTC")


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "evil", "/\\evil.example", ""])
def test_saving_leads_to_no_other_site(support, page):
    assert support.post(PAGE, {"time_zone": "UTC", "next": page})["Location"] == "/"


def test_the_form_offers_the_zone_of_the_browser_and_shows_the_chosen_one(support):
    support.cookies["time_zone"] = "Pacific/Auckland"
    page = read(support.get(PAGE))
    assert page.one("option", selected=True).text == "The browser's (Pacific/Auckland)"
    support.post(PAGE, {"time_zone": "Europe/Paris"})
    assert read(support.get(PAGE)).one("option", selected=True).text == "Europe/Paris"


def test_a_page_about_somebody_shows_their_times_in_the_zone_of_the_viewer(support, provider):
    jane = make_user(provider, "jane@contoso.com")
    support.cookies["time_zone"] = "Asia/Kathmandu"
    times = read(support.get(f"/eum/users/{jane.pk}/")).all("time", title=True)
    assert times and all("UTC+05:45, 20" in time["title"] and time["title"].endswith(" UTC") for time in times)


def test_a_zone_costs_no_query(support, provider, django_assert_num_queries):
    support.cookies["time_zone"] = "Asia/Tokyo"
    support.get(PAGE)
    with django_assert_num_queries(4):  # the session, the account, its rights: of itself and of its role
        support.get(PAGE)


def test_nobody_chooses_without_signing_in(db):
    assert Client().get(PAGE).status_code == 302
    assert not read(Client().get("/login/", headers=IN_DUTCH)).has(test_id="zone")
