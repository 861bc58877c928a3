"""Two-step sign-in: set up, asked for, turned off, and required."""

import dataclasses
import re
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.models import ChangeEvent
from tests.factories import browser_of, code_of, make_account
from tests.pages import read

PASSWORD = "correct horse battery"


@pytest.fixture
def hers(anna):
    return browser_of(anna)


def stranger():
    return Client(headers={"Host": "127.0.0.1"})


def wrong_code_of(account):
    return f"{(int(code_of(account)) + 500_000) % 1_000_000:06}"


def turn_on(browser, account):
    """Set it up in this browser; the recovery codes."""
    browser.get("/two-step/")
    page = read(browser.post("/two-step/", {"code": code_of(account)}))
    codes = [code.text for code in page.one(test_id="recovery-codes").all("code")]
    assert len(set(codes)) == 10 and all(re.fullmatch(r"[a-z2-7]{4}-[a-z2-7]{4}", code) for code in codes)
    return codes


def give_password(browser, **more):
    return browser.post("/login/", {"username": "anna", "password": PASSWORD, **more})


def kinds():
    found = ChangeEvent.objects.filter(kind__contains="second-factor").order_by("id")
    return list(found.values_list("kind", "subject"))


def test_it_is_set_up_with_a_code_of_the_app(hers, anna):
    page = read(hers.get("/two-step/"))
    device = TOTPDevice.objects.get(user=anna, confirmed=False)
    key = page.one(test_id="key").text
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", key)
    [address] = [link["href"] for link in page.all("a") if link["href"].startswith("otpauth:")]
    assert address.replace("%3A", ":").startswith("otpauth://totp/iProva:anna?")
    assert f"secret={key.replace(' ', '')}" in address and "issuer=iProva" in address
    assert page.one(role="img").has("svg", viewbox=True) and "style=" not in page.source
    assert key in read(hers.get("/two-step/")).text, "what was scanned stays good when the page is opened again"

    wrong = hers.post("/two-step/", {"code": wrong_code_of(anna)})
    assert wrong.status_code == 422 and "This code is not right" in read(wrong).text
    assert not StaticDevice.objects.exists()
    typed = code_of(anna)
    answer = hers.post("/two-step/", {"code": f"{typed[:3]} {typed[3:]}"})
    assert "Your recovery codes" in read(answer).text
    assert "no-store" in answer["Cache-Control"]
    device.refresh_from_db()
    assert device.confirmed
    assert kinds() == [("account.second-factor-enabled", "anna")]
    assert hers.get("/eum/").status_code == 200, "this session gave a code already"


def test_a_code_is_for_the_device_of_this_session(hers, anna):
    hers.get("/two-step/")
    first = TOTPDevice.objects.get(user=anna).key
    browser_of(anna).get("/two-step/")
    assert TOTPDevice.objects.get(user=anna).key != first, "nobody else has seen the key that is confirmed"


def test_recovery_codes_are_shown_once_and_kept_as_digests(hers, anna):
    codes = turn_on(hers, anna)
    assert StaticToken.objects.count() == 10
    kept = str(list(StaticToken.objects.values()) + list(ChangeEvent.objects.values()))
    later = read(hers.get("/two-step/")).source + read(hers.post("/two-step/", {"code": "1"})).source
    for code in codes:
        assert code not in kept + later and code.replace("-", "") not in kept


def test_the_sign_in_asks_for_the_code_and_opens_nothing_before(hers, anna):
    turn_on(hers, anna)
    browser = stranger()
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


def test_without_a_password_there_is_no_page_for_a_code(hers, anna):
    turn_on(hers, anna)
    for answer in (stranger().get("/login/code/"), stranger().post("/login/code/", {"code": code_of(anna)})):
        assert answer["Location"] == "/login/"


def test_a_wrong_code_is_recorded_and_makes_the_next_wait(hers, anna):
    turn_on(hers, anna)
    browser = stranger()
    give_password(browser)
    answer = browser.post("/login/code/", {"code": wrong_code_of(anna)})
    assert answer.status_code == 422 and "This code is not right" in read(answer).text
    right = f"{totp(TOTPDevice.objects.get(user=anna).bin_key):06}"
    TOTPDevice.objects.update(throttling_failure_count=6)  # the next is looked at after half a minute
    answer = browser.post("/login/code/", {"code": right})
    assert answer.status_code == 422 and "The next one is looked at after" in read(answer).text
    assert browser.get("/eum/").status_code == 302
    assert kinds()[1:] == [("console.second-factor-failed", "anna")], "what was not looked at is not recorded"
    event = ChangeEvent.objects.get(kind="console.second-factor-failed")
    assert (event.person_id, event.address) == (None, "127.0.0.1")
    assert browser.post("/login/code/", {"code": code_of(anna)}).status_code == 302


def test_no_code_is_good_twice(hers, anna):
    codes = turn_on(hers, anna)
    typed = code_of(anna)
    for code in (typed, codes[0]):
        first, second = stranger(), stranger()
        give_password(first)
        give_password(second)
        assert first.post("/login/code/", {"code": code}).status_code == 302
        assert second.post("/login/code/", {"code": code}).status_code == 422
        assert second.get("/eum/").status_code == 302


def test_a_recovery_code_signs_in_and_the_page_says_how_many_are_left(hers, anna):
    codes = turn_on(hers, anna)
    for number, typed in enumerate((codes[3], codes[4].replace("-", " ").upper())):
        browser = stranger()
        give_password(browser)
        page = read(browser.post("/login/code/", {"code": typed}, follow=True))
        assert f"{9 - number} recovery codes are left." in page.text


def test_a_recovery_code_is_of_its_account_only(hers, anna):
    bert = make_account("Support", username="bert")
    turn_on(hers, anna)
    codes = turn_on(browser_of(bert), bert)
    browser = stranger()
    give_password(browser)
    assert browser.post("/login/code/", {"code": codes[0]}).status_code == 422


def test_other_sessions_end_when_it_is_turned_on(hers, anna):
    other = browser_of(anna)
    turn_on(hers, anna)
    assert other.get("/eum/", follow=True).redirect_chain == [("/login/?next=/eum/", 302)]
    assert hers.get("/eum/").status_code == 200
    TOTPDevice.objects.all().delete()
    assert other.get("/eum/").status_code == 302, "it does not come back"


@pytest.mark.parametrize("change", ["time", "password", "disabled", "turned off"])
def test_a_code_is_not_waited_for_when_things_have_changed(hers, anna, change, monkeypatch):
    turn_on(hers, anna)
    browser = stranger()
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
        TOTPDevice.objects.all().delete()
    assert browser.post("/login/code/", {"code": typed})["Location"] == "/login/"
    assert browser.get("/eum/").status_code == 302


def test_turning_it_off_needs_the_password(hers, anna):
    turn_on(hers, anna)
    answer = hers.post("/two-step/off/", {"password": "wrong"})
    assert answer.status_code == 422 and "This is not your password." in read(answer).text
    assert TOTPDevice.objects.exists()
    assert hers.get("/two-step/off/").status_code == 405
    assert hers.post("/two-step/off/", {"password": PASSWORD}, follow=True).status_code == 200
    assert not TOTPDevice.objects.filter(confirmed=True).exists() and not StaticToken.objects.exists()
    assert kinds()[1:] == [("account.second-factor-removed", "anna")]
    assert give_password(stranger())["Location"] == "/"


def test_an_administrator_turns_it_off_for_a_colleague(hers, anna):
    bert = make_account("Support", username="bert")
    turn_on(browser_of(bert), bert)
    off = f"/accounts/{bert.pk}/two-step/off/"
    assert read(hers.get(f"/accounts/{bert.pk}/")).has("form", action=off)
    cells = [cell for row in read(hers.get("/accounts/")).one("table").rows for cell in row]
    assert [cell for cell in cells if cell in ("On", "Off")] == ["Off", "On"]
    assert hers.get(off).status_code == 405
    page = read(hers.post(off, follow=True))
    assert "bert signs in with the password alone." in page.text and off not in page.source
    assert kinds()[1:] == [("account.second-factor-removed", "bert")]
    assert ChangeEvent.objects.get(kind="account.second-factor-removed").person_id == anna.pk
    hers.post(off)
    assert len(kinds()) == 2, "twice is once"


def test_nobody_turns_her_own_off_without_her_password(hers, anna):
    turn_on(hers, anna)
    assert hers.post(f"/accounts/{anna.pk}/two-step/off/")["Location"] == "/two-step/"
    assert TOTPDevice.objects.filter(user=anna).exists()


def test_ac_role_2_others_do_not_turn_it_off(hers, anna, support):
    root = make_account("superuser", username="root")
    for account in (anna, root):
        turn_on(browser_of(account), account)
    assert support.post(f"/accounts/{anna.pk}/two-step/off/").status_code == 403
    bert = browser_of(make_account("Administrator"))
    assert bert.post(f"/accounts/{root.pk}/two-step/off/").status_code == 403
    assert TOTPDevice.objects.filter(confirmed=True).count() == 2


def test_an_operator_turns_it_off_by_name(hers, anna):
    turn_on(hers, anna)
    call_command("turn_off_two_step", "anna", stdout=StringIO())
    assert give_password(stranger())["Location"] == "/"
    with pytest.raises(CommandError, match="There is no console account 'nobody'"):
        call_command("turn_off_two_step", "nobody")


def test_an_account_without_a_role_may_have_it(db):
    account = make_account(None)
    assert turn_on(browser_of(account), account)


def test_where_it_is_required_nothing_else_is_open_before(hers, anna, settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, second_factor="required")
    for path in ("/", "/eum/", "/eum/users/export/", "/password_change/", "/accounts/", "/nothing/"):
        for answer in (hers.get(path), hers.post(path)):
            assert (answer.status_code, answer["Location"]) == (302, "/two-step/"), path
    assert "Everybody needs it here." in read(hers.get("/two-step/")).text
    turn_on(hers, anna)
    assert hers.get("/eum/").status_code == 200
    hers.post("/two-step/off/", {"password": PASSWORD})
    assert hers.get("/eum/")["Location"] == "/two-step/"
    assert hers.post("/logout/").status_code == 200
    assert give_password(hers)["Location"] == "/"
    assert hers.get("/")["Location"] == "/two-step/"
