"""English and Dutch: who gets which, and how numbers, dates and sentences read (AC-I18N)."""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.translation import get_language, override

from providers.console.frame.page import clock, grouped, moment
from providers.models import ChangeEvent, Preference
from providers.request_log import writer
from tests.factories import issue, make_account, make_group, make_user
from tests.pages import read
from tests.providers.console.users.test_user import answer_on, forget_events, patch

DUTCH = {"Accept-Language": "nl-BE,nl;q=0.9,en;q=0.5"}
NOON = datetime(2026, 11, 22, 13, 20, tzinfo=UTC)


def language_of(answer):
    return read(answer).one("html")["lang"]


def switch(browser, language, page="/eum/users/?q=jane&status=active"):
    return browser.post("/language/", {"language": language, "next": page})


# Who gets which


def test_ac_i18n_4_the_browser_decides_first_then_a_cookie_then_the_account(db):
    account = make_account("Support")
    browser = Client()
    assert language_of(browser.get("/login/")) == "en"
    assert language_of(browser.get("/login/", headers=DUTCH)) == "nl"
    assert language_of(browser.get("/login/", headers={"Accept-Language": "de"})) == settings.LANGUAGE_CODE
    switch(browser, "en", "/login/")
    assert language_of(browser.get("/login/", headers=DUTCH)) == "en"
    browser.force_login(account)
    assert language_of(browser.get("/eum/", headers=DUTCH)) == "en"
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


def test_ac_i18n_4_the_account_s_language_costs_no_query(support, django_assert_num_queries):
    with CaptureQueriesContext(connection) as before:
        support.get("/password_change/")
    asked = len(before)
    switch(support, "nl")
    with django_assert_num_queries(asked):
        assert language_of(support.get("/password_change/")) == "nl"


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
    page = support.get("/eum/nowhere/", headers=DUTCH)
    assert page.status_code == 404 and "Hier is niets" in read(page).text
    assert language_of(page) == "nl"


def test_ac_i18n_5_scim_answers_english_whoever_asks(support, provider):
    _token, value = issue(provider)

    def answers(**asked):
        client = Client(headers={"Authorization": f"Bearer {value}", **asked})
        sent = [("GET", "/scim/Users/1"), ("GET", "/scim/Users?filter=x"), ("PUT", "/scim/Users"), ("TRACE", "/scim")]
        return [client.generic(method, path).content for method, path in sent]

    english = answers()
    assert language_of(support.get("/eum/", headers=DUTCH)) == "nl"
    assert get_language() == "nl"  # what the thread showed last
    assert answers(**DUTCH) == english
    assert b"detail" in english[0]


# Numbers, dates, plurals


def test_ac_i18n_3_numbers_and_dates_are_dutch():
    with override("nl"):
        assert (grouped(1_204), grouped(999), grouped(1_234_567)) == ("1.204", "999", "1.234.567")
        assert strip_tags(moment(NOON)) == "22 nov 2026, 14:20"
        later = timezone.now().replace(year=2030)
        assert strip_tags(clock(NOON, later)) == "22 nov, 14:20"
        assert strip_tags(clock(NOON, later, to="second")) == "22 nov, 14:20:00"
        assert strip_tags(clock(NOON, NOON, to="second")) == "14:20:00"
    assert grouped(1_204) == "1,204"


def test_ac_i18n_3_plurals_are_dutch(support, provider):
    make_user(provider, "jane@contoso.com")
    assert read(support.get("/eum/users/", headers=DUTCH)).has(text="1 gebruiker")
    for name in ("piet", "klaas"):
        make_user(provider, f"{name}@contoso.com")
    page = read(support.get("/eum/users/", headers=DUTCH))
    assert page.has(text="3 gebruikers") and page.all("time")[0]["datetime"].startswith("20")


# The person's answer


def _disabled(provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    editors = make_group(provider, "Redacteuren", members=[jane])
    client = scim(provider)
    patch(client, jane, "active", False)
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": [{"value": str(jane.pk)}]})
    return jane.pk


def _removed(provider, scim):
    jane = make_user(provider, "jane@contoso.com")
    scim(provider).delete(f"/Users/{jane.pk}")
    return jane.pk


def _never_active(provider, scim):
    scim(provider).post("/Users", {"userName": "jane@contoso.com", "active": False})
    return ChangeEvent.objects.get(kind="resource.created").resource_id


def _changed(provider, scim):
    jane = make_user(provider, "jane@contoso.com", title="Arts")
    patch(scim(provider), jane, "title", "Chirurg")
    return jane.pk


def _created(provider, scim):
    return make_user(provider, "jane@contoso.com").pk


def _active_again(provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    patch(scim(provider), jane, "active", True)
    return jane.pk


def _refused(provider, scim):
    make_user(provider, "taken@contoso.com")
    jane = make_user(provider, "jane@contoso.com")
    sent = {"op": "replace", "path": "userName", "value": "taken@contoso.com"}
    scim(provider).patch(f"/Users/{jane.pk}", sent)
    return jane.pk


def _no_record(provider, scim):
    jane = make_user(provider, "jane@contoso.com", active=False)
    forget_events()
    return jane.pk


DAY = r"\d\d? (jan|feb|mrt|apr|mei|jun|jul|aug|sep|okt|nov|dec) 20\d\d, \d\d:\d\d"
BY = "Contoso Entra ID"


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (_disabled, rf"^Uitgeschakeld op {DAY} door {BY}: het stuurde active = false \(verzoek \w{{8}}\)\."),
        (_disabled, "Binnen 5 minuten verliet zij ook: Redacteuren."),
        (_disabled, r"Entra zegt niet waarom\. Gebruikelijke oorzaken: .* \(Provisioning logs\) om \d\d:\d\d\."),
        (_removed, rf"^Verwijderd op {DAY} door {BY} \(DELETE\) \(verzoek \w{{8}}\)\. Gewoonlijk schakelt Entra eerst"),
        (_never_active, rf"^Uitgeschakeld sinds zij op {DAY} werd aangemaakt door {BY}: active = false stond in"),
        (_changed, rf"^Actief\. Laatst gewijzigd op {DAY} door {BY}: title 'Arts' → 'Chirurg' \(verzoek \w{{8}}\)\."),
        (_created, rf"^Actief\. Aangemaakt op {DAY} door .*, en sindsdien niet gewijzigd\."),
        (_active_again, rf"^Actief\. Ingeschakeld op {DAY} door {BY}: het stuurde active = true"),
        (_no_record, r"^Uitgeschakeld\. Van deze wijziging is niets vastgelegd\. De geschiedenis begint op "),
        (_refused, rf"{BY} probeerde haar op {DAY} te wijzigen en werd geweigerd: .* \(409, verzoek \w{{8}}\)"),
    ],
)
def test_ac_per_1_the_answer_in_dutch(support, provider, scim, happens, said):
    person = happens(provider, scim)
    writer.flush()
    answer = answer_on(read(support.get(f"/eum/users/{person}/", headers=DUTCH)))
    assert re.search(said, answer), answer


def test_ac_i18n_2_what_acts_changed_is_named_in_dutch(administrator, provider):
    administrator.post("/language/", {"language": "nl"})
    make_account("Support", username="b.visser")
    administrator.post(
        f"/eum/providers/{provider.pk}/ip-restriction/add/", {"ip_ranges": "192.0.2.0/24\n198.51.100.0/24"}
    )
    for path in (f"/eum/providers/{provider.pk}/history/", "/eum/audit/"):
        page = read(administrator.get(path))
        assert "Toegestane bereiken" in page.text and "Titel" in page.text, path
        assert not {"ranges", "title", "ip_mode"} & {name.text for name in page.all("th", scope="row")}, path


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"[}", "Regel 1, kolom 2 is geen JSON"),
        (b'{"id": "x"}', "moet een URN zijn, zoals urn:example:"),
        (b'{"id": "urn:example:a:User", "attributes": [{"name": "a", "typ": 1}]}', 'kent geen "typ"'),
        (b'{"id": "urn:example:a:User", "attributes": [{"name": "a", "returned": "never"}]}', "niemand kan teruglezen"),
    ],
)
def test_ac_i18n_2_reasons_against_a_schema_are_dutch(administrator, provider, document, said):
    administrator.post("/language/", {"language": "nl"})
    sent = {"file": SimpleUploadedFile("care.json", document), "resource_type": "User"}
    assert said in read(administrator.post(f"/eum/providers/{provider.pk}/schemas/upload/", sent)).text


def test_ac_i18n_2_values_of_acts_are_words_too(administrator, provider):
    page_of = f"/eum/providers/{provider.pk}/"
    token, _value = issue(provider)
    administrator.post("/language/", {"language": "nl"})
    administrator.post("/eum/providers/add/", {"title": "Zonder bereiken"})
    assert "Toegestane bereiken" not in read(administrator.get("/eum/audit/")).source
    administrator.post(page_of + "ip-restriction/mode/", {"mode": "observe"})
    administrator.post(f"{page_of}tokens/{token.pk}/expiry/", {"last_day": "2030-05-06"})
    for path in (page_of + "history/", "/eum/audit/"):
        page = read(administrator.get(path))
        assert {"− Uit", "− Nooit"} <= {text.text for text in page.all("del")}, path
        assert page.has("ins", text="+ Waarnemen"), path
        days = [day for text in page.all("ins") for day in text.all("time", datetime=True)]
        assert [day for day in days if day["datetime"][:9] == "2030-05-0" and re.match(r"\d mei 2030", day.text)], path
