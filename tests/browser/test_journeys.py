"""Journey B (why is a user disabled?) and journey C (a token is rotated): by keyboard, and clicks counted."""

import pytest
from playwright.sync_api import expect

from providers.models import Token
from tests.browser.conftest import clicks, clipboard, press_done
from tests.browser.directory import fill
from tests.browser.keyboard import tab_to
from tests.factories import issue, make_provider


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ac_a11y_2_journey_b_by_keyboard(visit, scheme):
    fill()
    page = visit("Support", color_scheme=scheme).open("/eum/")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a user")).to_be_focused()
    page.keyboard.type("jan")
    page.keyboard.press("Enter")
    page.wait_for_url("**/eum/users/?q=jan")
    tab_to(page, "Jane de Boer", most=40)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("summary")).to_contain_text("Disabled on")
    tab_to(page, "copy-summary", most=30)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Support summary copied")).to_be_visible()
    assert "SCIM id" in clipboard(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ac_a11y_2_journey_c_by_keyboard(visit, scheme):
    provider = make_provider("Contoso Entra ID")
    old, _value = issue(provider)
    page = visit("Administrator", color_scheme=scheme).open(f"/eum/providers/{provider.pk}/tokens/")
    tab_to(page, "rotate", most=40)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("overlap")).to_be_focused()
    tab_to(page, "rotate-token", most=4)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("copy-token")).to_be_focused()
    value = page.get_by_test_id("token-value").input_value()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    tab_to(page, "done", most=3)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("token-value")).to_have_count(0)
    assert Token.objects.get(pk=old.pk).expires_at and Token.objects.live().count() == 2


def test_journey_c_takes_four_clicks(visit):
    provider = make_provider("Contoso Entra ID")
    issue(provider)
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("rotate").click()
    page.get_by_test_id("rotate-token").click()
    value = page.get_by_test_id("token-value").input_value()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_test_id("done")).to_be_enabled()
    press_done(page)
    expect(page.get_by_test_id("token-value")).to_have_count(0)
    assert clicks(page) == 4
    assert clipboard(page) == value
