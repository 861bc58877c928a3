"""The codes of two-step sign-in."""

from django_otp.plugins.otp_static.models import StaticToken

from providers.models import ChangeEvent
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
