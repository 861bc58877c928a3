"""Two-step sign-in: setting it up, signing in with a code, turning it off, and requiring it."""

import dataclasses
import re
import time

import pytest
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

from providers.models import AuthenticatorApp, ChangeEvent
from tests.factories import browser_of, code_of, make_account
from tests.pages import read
from tests.providers.conftest import PASSWORD, give_password, new_browser, turn_on


def wrong_code_of(account):
    return f"{(int(code_of(account)) + 500_000) % 1_000_000:06}"


def two_step_events():
    found = ChangeEvent.objects.filter(kind__contains="second-factor").order_by("id")
    return list(found.values_list("kind", "subject"))


def test_it_is_set_up_with_a_code_of_the_app(annas, anna):
    page = read(annas.get("/two-step/"))
    device = AuthenticatorApp.objects.get(user=anna, confirmed=False)
    key = page.one(test_id="key").text
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", key)
    [address] = [link["href"] for link in page.all("a") if link["href"].startswith("otpauth:")]
    assert address.replace("%3A", ":").startswith("otpauth://totp/iProva:anna?")
    assert f"secret={key.replace(' ', '')}" in address and "issuer=iProva" in address
    assert page.one(role="img").has("svg", viewbox=True) and "style=" not in page.source
    assert key in read(annas.get("/two-step/")).text, "what was scanned stays good when the page is opened again"

    wrong = annas.post("/two-step/", {"code": wrong_code_of(anna)})
    assert wrong.status_code == 422 and "This code is not right" in read(wrong).text
    assert not StaticDevice.objects.exists()
    typed = code_of(anna)
    answer = annas.post("/two-step/", {"code": f"{typed[:3]} {typed[3:]}"})
    assert "Your recovery codes" in read(answer).text
    assert "no-store" in answer["Cache-Control"]
    device.refresh_from_db()
    assert device.confirmed
    assert two_step_events() == [("account.second-factor-enabled", "anna")]
    assert annas.get("/eum/").status_code == 200, "this session gave a code already"


def test_a_code_is_for_the_device_of_this_session(annas, anna):
    annas.get("/two-step/")
    first = AuthenticatorApp.objects.get(user=anna).key
    browser_of(anna).get("/two-step/")
    assert AuthenticatorApp.objects.get(user=anna).key != first, "nobody else has seen the key that is confirmed"


def test_the_sign_in_asks_for_the_code_and_opens_nothing_before(annas, anna):
    turn_on(annas, anna)
    browser = new_browser()
    answer = give_password(browser, next="/eum/users/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/code/")
    for path in ("/", "/eum/", "/eum/audit/export/", "/password_change/", "/two-step/", "/accounts/", "/nothing/"):
        assert browser.get(path)["Location"].startswith("/login/?next="), path
        assert browser.post(path)["Location"].startswith("/login/?next="), path
    assert not ChangeEvent.objects.filter(kind="console.signed-in", person_id=anna.pk, address="127.0.0.1").exists()

    page = read(browser.get("/login/code/"))
    assert page.one(test_id="code")["autocomplete"] == "one-time-code" and not page.has(test_id="account")
    answer = browser.post("/login/code/", {"code": code_of(anna)})
    assert answer["Location"] == "/eum/users/"
    assert browser.get("/eum/users/").status_code == 200
    assert ChangeEvent.objects.filter(kind="console.signed-in", person_id=anna.pk, address="127.0.0.1").count() == 1


def test_without_a_password_there_is_no_page_for_a_code(annas, anna):
    turn_on(annas, anna)
    for answer in (new_browser().get("/login/code/"), new_browser().post("/login/code/", {"code": code_of(anna)})):
        assert answer["Location"] == "/login/"


def test_a_wrong_code_is_recorded_and_makes_the_next_wait(annas, anna):
    turn_on(annas, anna)
    browser = new_browser()
    give_password(browser)
    answer = browser.post("/login/code/", {"code": wrong_code_of(anna)})
    assert answer.status_code == 422 and "This code is not right" in read(answer).text
    right = f"{totp(AuthenticatorApp.objects.get(user=anna).bin_key):06}"
    AuthenticatorApp.objects.update(throttling_failure_count=6)  # the next is looked at after half a minute
    answer = browser.post("/login/code/", {"code": right})
    assert answer.status_code == 422 and "Too many wrong codes. Try again after" in read(answer).text
    assert browser.get("/eum/").status_code == 302
    assert two_step_events()[1:] == [("console.second-factor-failed", "anna")], "what was not looked at is not recorded"
    event = ChangeEvent.objects.get(kind="console.second-factor-failed")
    assert (event.person_id, event.address) == (None, "127.0.0.1")
    assert browser.post("/login/code/", {"code": code_of(anna)}).status_code == 302


def test_a_recovery_code_signs_in_and_the_page_says_how_many_are_left(annas, anna):
    codes = turn_on(annas, anna)
    for number, typed in enumerate((codes[3], codes[4].replace("-", " ").upper())):
        browser = new_browser()
        give_password(browser)
        page = read(browser.post("/login/code/", {"code": typed}, follow=True))
        assert f"{9 - number} recovery codes are left." in page.text


def test_other_sessions_end_when_it_is_turned_on(annas, anna):
    other = browser_of(anna)
    turn_on(annas, anna)
    assert other.get("/eum/", follow=True).redirect_chain == [("/login/?next=/eum/", 302)]
    assert annas.get("/eum/").status_code == 200
    AuthenticatorApp.objects.all().delete()
    assert other.get("/eum/").status_code == 302, "it does not come back"


@pytest.mark.parametrize("change", ["time", "password", "disabled", "turned off"])
def test_a_code_is_not_waited_for_when_things_have_changed(annas, anna, change, monkeypatch):
    turn_on(annas, anna)
    browser = new_browser()
    give_password(browser)
    typed = code_of(anna)
    if change == "time":
        now = time.time()
        monkeypatch.setattr("providers.console.accounts.two_step.time.time", lambda: now + 601)
    elif change == "password":
        anna.set_password("another long one")
        anna.save()
    elif change == "disabled":
        anna.is_active = False
        anna.save()
    else:
        AuthenticatorApp.objects.all().delete()
    assert browser.post("/login/code/", {"code": typed})["Location"] == "/login/"
    assert browser.get("/eum/").status_code == 302


def test_turning_it_off_needs_the_password(annas, anna):
    turn_on(annas, anna)
    answer = annas.post("/two-step/off/", {"password": "wrong"})
    assert answer.status_code == 422 and "This is not your password." in read(answer).text
    assert AuthenticatorApp.objects.exists()
    assert annas.get("/two-step/off/").status_code == 405
    assert annas.post("/two-step/off/", {"password": PASSWORD}, follow=True).status_code == 200
    assert not AuthenticatorApp.objects.filter(confirmed=True).exists() and not StaticToken.objects.exists()
    assert two_step_events()[1:] == [("account.second-factor-removed", "anna")]
    assert give_password(new_browser())["Location"] == "/"


def test_an_administrator_turns_it_off_for_a_colleague(annas, anna):
    bert = make_account("Support", username="bert")
    turn_on(browser_of(bert), bert)
    off = f"/accounts/{bert.pk}/two-step/off/"
    assert read(annas.get(f"/accounts/{bert.pk}/")).has("form", action=off)
    cells = [cell for row in read(annas.get("/accounts/")).one("table").rows for cell in row]
    assert [cell for cell in cells if cell in ("On", "Off")] == ["Off", "On"]
    assert annas.get(off).status_code == 405
    page = read(annas.post(off, follow=True))
    assert "bert signs in with the password alone." in page.text and off not in page.source
    assert two_step_events()[1:] == [("account.second-factor-removed", "bert")]
    assert ChangeEvent.objects.get(kind="account.second-factor-removed").person_id == anna.pk
    annas.post(off)
    assert len(two_step_events()) == 2, "twice is once"


def test_nobody_turns_her_own_off_without_her_password(annas, anna):
    turn_on(annas, anna)
    assert annas.post(f"/accounts/{anna.pk}/two-step/off/")["Location"] == "/two-step/"
    assert AuthenticatorApp.objects.filter(user=anna).exists()


def test_ac_role_2_others_do_not_turn_it_off(annas, anna, support):
    root = make_account("superuser", username="root")
    for account in (anna, root):
        turn_on(browser_of(account), account)
    assert support.post(f"/accounts/{anna.pk}/two-step/off/").status_code == 403
    bert = browser_of(make_account("Administrator"))
    assert bert.post(f"/accounts/{root.pk}/two-step/off/").status_code == 403
    assert AuthenticatorApp.objects.filter(confirmed=True).count() == 2


def test_an_account_without_a_role_may_have_it(db):
    account = make_account(None)
    assert turn_on(browser_of(account), account)


def test_where_it_is_required_nothing_else_is_open_before(annas, anna, settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, second_factor="required")
    for path in ("/", "/eum/", "/eum/users/export/", "/password_change/", "/accounts/", "/nothing/"):
        for answer in (annas.get(path), annas.post(path)):
            assert (answer.status_code, answer["Location"]) == (302, "/two-step/"), path
    assert "Your organisation requires this." in read(annas.get("/two-step/")).text
    turn_on(annas, anna)
    assert annas.get("/eum/").status_code == 200
    annas.post("/two-step/off/", {"password": PASSWORD})
    assert annas.get("/eum/")["Location"] == "/two-step/"
    assert annas.post("/logout/").status_code == 200
    assert give_password(annas)["Location"] == "/"
    assert annas.get("/")["Location"] == "/two-step/"
