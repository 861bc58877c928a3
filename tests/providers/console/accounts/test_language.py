"""English and Dutch: who gets which, and how numbers, dates and sentences read (AC-I18N)."""

import pytest
from django.conf import settings
from django.test import Client

from providers.models import Preference
from tests.factories import make_account, make_user
from tests.pages import IN_DUTCH, language_of, read, switch

# Who gets which


def test_ac_i18n_4_the_browser_decides_first_then_a_cookie_then_the_account(db):
    account = make_account("Support")
    browser = Client()
    assert language_of(browser.get("/login/")) == "en"
    assert language_of(browser.get("/login/", headers=IN_DUTCH)) == "nl"
    assert language_of(browser.get("/login/", headers={"Accept-Language": "de"})) == settings.LANGUAGE_CODE
    switch(browser, "en", "/login/")
    assert language_of(browser.get("/login/", headers=IN_DUTCH)) == "en"
    browser.force_login(account)
    assert language_of(browser.get("/eum/", headers=IN_DUTCH)) == "en"
    Preference.objects.create(account=account, language="nl")
    browser.force_login(account)
    assert language_of(browser.get("/eum/")) == "nl"


def test_ac_i18n_4_switching_keeps_the_page_and_is_remembered_in_another_browser(support, db):
    answer = switch(support, "nl")
    assert (answer.status_code, answer["Location"]) == (302, "/eum/users/?q=jane&status=active")
    page = support.get(answer["Location"])
    assert language_of(page) == "nl"
    assert {field.value for field in read(page).all("input", name="next")} == {"/eum/users/?q=jane&status=active"}
    elsewhere = Client()
    elsewhere.force_login(Preference.objects.get().account)
    assert language_of(elsewhere.get("/eum/")) == "nl"
    switch(elsewhere, "en")
    assert Preference.objects.get().language == "en"


@pytest.mark.parametrize("language", ["de", "nl-BE", "", "../etc", "x" * 300])
def test_another_language_is_not_kept(support, language):
    assert switch(support, language).status_code == 302
    assert not Preference.objects.exists()
    assert settings.LANGUAGE_SESSION_KEY not in support.session


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"])
def test_switching_leads_to_no_other_site(support, page):
    assert switch(support, "nl", page)["Location"] == "/"


def test_switching_needs_a_post_with_its_token(db):
    assert Client().get("/language/").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/language/", {"language": "nl"}).status_code == 403


def test_a_page_that_shows_something_once_has_no_switch_that_would_lose_it(administrator):
    account = make_account("Support")
    page = read(administrator.post(f"/accounts/{account.pk}/reset/"))
    assert page.has(test_id="new-password") and not page.has(test_id="language")


def test_ac_err_1_error_pages_are_dutch_too(support):
    page = support.get("/eum/nowhere/", headers=IN_DUTCH)
    assert page.status_code == 404 and "Pagina niet gevonden" in read(page).text
    assert language_of(page) == "nl"


def test_ac_i18n_3_plurals_are_dutch(support, provider):
    make_user(provider, "jane@contoso.com")
    assert read(support.get("/eum/users/", headers=IN_DUTCH)).has(text="1 gebruiker")
    for name in ("piet", "klaas"):
        make_user(provider, f"{name}@contoso.com")
    page = read(support.get("/eum/users/", headers=IN_DUTCH))
    assert page.has(text="3 gebruikers") and page.all("time")[0]["datetime"].startswith("20")
