"""The codes of two-step sign-in."""

from base64 import b32encode

import pytest
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from providers.housekeeping import run_job
from providers.models import AuthenticatorApp, ChangeEvent
from providers.sealing import SealError, seal, unseal
from providers.two_step import seal_app_keys
from tests.database import tables_with
from tests.factories import browser_of, code_of, make_account
from tests.pages import read
from tests.providers.conftest import give_password, new_browser, turn_on


def test_recovery_codes_are_shown_once_and_kept_as_digests(annas, anna):
    codes = turn_on(annas, anna)
    assert StaticToken.objects.count() == 10
    kept = str(list(StaticToken.objects.values()) + list(ChangeEvent.objects.values()))
    later = read(annas.get("/two-step/")).source + read(annas.post("/two-step/", {"code": "1"})).source
    for code in codes:
        assert code not in kept + later and code.replace("-", "") not in kept


def test_no_code_is_good_twice(annas, anna):
    codes = turn_on(annas, anna)
    typed = code_of(anna)
    for code in (typed, codes[0]):
        first, second = new_browser(), new_browser()
        give_password(first)
        give_password(second)
        assert first.post("/login/code/", {"code": code}).status_code == 302
        assert second.post("/login/code/", {"code": code}).status_code == 422
        assert second.get("/eum/").status_code == 302


def test_a_recovery_code_is_of_its_account_only(annas, anna):
    bert = make_account("Support", username="bert")
    turn_on(annas, anna)
    codes = turn_on(browser_of(bert), bert)
    browser = new_browser()
    give_password(browser)
    assert browser.post("/login/code/", {"code": codes[0]}).status_code == 422


NEW_KEY = "another secret key of fifty or more characters, 2 3 4 5"


def signs_in(account, code):
    browser = new_browser()
    give_password(browser)
    return browser.post("/login/code/", {"code": code}).status_code == 302


def rotate(settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = NEW_KEY


def test_no_table_has_the_key_of_an_app(annas, anna):
    annas.get("/two-step/")
    app = AuthenticatorApp.objects.get(user=anna)
    shown = read(annas.get("/two-step/")).source
    for form in (app.bin_key.hex(), b32encode(app.bin_key).decode()):
        assert tables_with(form) == [] and tables_with(form.upper()) == []
    assert b32encode(app.bin_key).decode() in shown.replace(" ", "")
    assert tables_with(app.key) == ["otp_totp_totpdevice"], "the search finds what is there"


def test_a_rotation_of_secret_key_keeps_apps_and_recovery_codes(annas, anna, settings):
    codes = turn_on(annas, anna)
    run_job(seal_app_keys)
    rotate(settings)
    assert signs_in(anna, code_of(anna)) and signs_in(anna, codes[0])
    assert run_job(seal_app_keys) == "1" and run_job(seal_app_keys) == "0"
    settings.SECRET_KEY_FALLBACKS = []
    assert signs_in(anna, code_of(anna)) and signs_in(anna, codes[1])


def test_without_the_fallback_a_key_that_was_not_encrypted_again_is_reported(annas, anna, settings, caplog):
    codes = turn_on(annas, anna)
    typed = code_of(anna)
    run_job(seal_app_keys)
    settings.SECRET_KEY = NEW_KEY
    assert not signs_in(anna, typed) and not signs_in(anna, codes[0])
    assert f"account {anna.pk}" in caplog.text and "turn_off_two_step" in caplog.text
    with pytest.raises(SealError):
        run_job(seal_app_keys)


def test_a_key_and_codes_of_an_earlier_version_are_good_before_and_after_the_job(annas, anna, settings):
    turn_on(annas, anna)
    key = AuthenticatorApp.objects.get(user=anna).bin_key.hex()
    TOTPDevice.objects.update(key=key)
    former = StaticToken.objects.order_by("pk").first()
    digest = salted_hmac(f"recovery code of {former.device_id}", "abcd2345", algorithm="sha256").hexdigest()[:16]
    StaticToken.objects.filter(pk=former.pk).update(token=digest)
    assert signs_in(anna, code_of(anna))
    assert run_job(seal_app_keys) == "begins with the next run", "the earlier version may still be running"
    assert TOTPDevice.objects.get().key == key
    assert run_job(seal_app_keys) == "1" and tables_with(key) == []
    assert signs_in(anna, code_of(anna))
    rotate(settings)
    assert signs_in(anna, "abcd-2345") and not signs_in(anna, "abcd-2345")


def test_a_sealed_key_is_of_its_account_only(annas, anna):
    turn_on(annas, anna)
    app = AuthenticatorApp.objects.get(user=anna)
    app.user = make_account("Support")
    with pytest.raises(SealError):
        _ = app.bin_key


def test_what_is_sealed_is_read_only_with_its_key_and_unchanged(settings):
    sealed = seal(b"x" * 20, "here")
    assert unseal(sealed, "here") == b"x" * 20 and seal(b"x" * 20, "here") != sealed and len(sealed) == 66
    for changed in (sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), "s1", "s1!", sealed[:20]):
        with pytest.raises(SealError):
            unseal(changed, "here")
    settings.SECRET_KEY = NEW_KEY
    with pytest.raises(SealError):
        unseal(sealed, "here")
