"""The token dialog (AC-TOK) and copying (AC-PROV-2)."""

import re
from typing import Any
from urllib.parse import quote

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from providers.models import Token
from tests.browser.conftest import clipboard, press_done
from tests.browser.front_door import PASSWORD
from tests.factories import issue, make_account, make_provider

NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


def open_token(visit: Any, **options: Any) -> tuple[Any, Page, str]:
    """A fresh provider's page with the dialog open: the window, the page and the value."""
    provider = make_provider("Contoso")
    window = visit("Administrator", **options)
    page = window.open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").click()
    return window, page, page.get_by_test_id("token-value").input_value()


def test_ac_prov_2_copying_the_url(visit, settings):
    provider = make_provider("Contoso")
    page = visit("Support").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("copy-tenant-url").click()
    expect(page.get_by_role("status").filter(has_text="Tenant URL copied")).to_be_visible()
    assert clipboard(page) == settings.OPTIONS.scim_url


def test_ac_prov_2_without_a_clipboard_the_url_is_selected(visit, settings):
    provider = make_provider("Contoso")
    window = visit("Support")
    window.context.add_init_script(NO_CLIPBOARD)
    page = window.open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("copy-tenant-url").click()
    expect(page.get_by_role("status").filter(has_text="Press Ctrl+C to copy")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == settings.OPTIONS.scim_url


def test_ac_tok_1_and_2_one_click_shows_it_and_copy_takes_it(visit):
    _window, page, value = open_token(visit)
    assert re.fullmatch(r"ipr_[A-Za-z0-9_-]{49}", value)
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_test_id("done")).to_be_disabled()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Token copied")
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value


def test_ac_tok_2_selecting_it_by_hand_is_as_good(visit):
    provider = make_provider("Contoso")
    window = visit("Administrator")
    window.context.add_init_script(NO_CLIPBOARD)  # as on plain http by a host's name
    page = window.open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").click()
    expect(page.get_by_test_id("done")).to_be_disabled()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Press Ctrl+C to copy")
    expect(page.get_by_test_id("done")).to_be_enabled()


def test_ac_tok_3_afterwards_the_value_is_nowhere(visit):
    window, page, value = open_token(visit)
    bodies: list[str] = []

    def record(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        bodies.append(answer.text())
        route.fulfill(response=answer)

    window.context.route(lambda url: "/static/" not in url, record)
    page.get_by_test_id("copy-token").click()
    press_done(page)
    expect(page.get_by_text("Permanent token 1.")).to_be_visible()
    assert Token.objects.get().is_copied
    address = page.url
    for step in (page.reload, page.go_back, page.go_forward, lambda: page.goto(address)):
        step()
        assert value not in page.content()
    second = window.open(address.removeprefix(window.address))
    assert value not in second.content()
    assert value not in page.request.get(address).text()  # what View Source loads
    stores = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    assert value not in page.evaluate(stores)
    assert value not in repr(window.context.cookies())
    assert len(bodies) > 3 and not [body for body in bodies if value in body]


def test_ac_tok_4_leaving_takes_the_value_out_of_the_page(visit):
    _window, page, value = open_token(visit)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    expect(page.get_by_test_id("token-value")).to_have_count(0)
    assert value not in page.content()


def test_ac_tok_5_two_clicks_make_one_token(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").dblclick()
    expect(page.get_by_test_id("token-value")).to_be_visible()
    assert provider.tokens.count() == 1


def test_ac_tok_5_sent_again_without_javascript(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator", java_script_enabled=False).open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").click()
    value = page.get_by_test_id("token-value").input_value()
    page.reload()  # sends the form again
    expect(page.get_by_text("already created; the value cannot be shown again")).to_be_visible()
    assert value not in page.content() and provider.tokens.count() == 1


def test_ac_tok_7_escape_never_claims_success(visit):
    _window, page, value = open_token(visit)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Not copied yet")
    for _ in range(4):
        page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/tokens/$"))
    for _time in range(2):
        expect(page.get_by_text("value not copied")).to_be_visible()
        page.reload()
    expect(page.get_by_test_id("revoke")).to_be_visible()
    assert value not in page.content()
    assert Token.objects.get().revoked_at is None


def test_ac_tok_7_without_javascript_done_says_that_it_was_copied(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator", java_script_enabled=False).open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").click()
    page.get_by_test_id("done").click()
    expect(page).to_have_url(re.compile(rf"/providers/{provider.pk}/$"))
    assert Token.objects.get().is_copied


def test_ac_tok_7_copied_and_left_with_escape_it_counts_as_copied(visit):
    _window, page, _value = open_token(visit)
    with page.expect_response(lambda answer: answer.url.endswith("/copied/")):
        page.get_by_test_id("copy-token").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Permanent token 1.")).to_be_visible()
    assert Token.objects.get().is_copied


def test_ac_tok_8_revoking_starts_on_cancel_and_needs_a_second_click(visit):
    provider = make_provider("Contoso")
    token, _value = issue(provider)
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/tokens/")
    page.get_by_test_id("revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text("Permanent token 1")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_test_id("revoke")).to_be_focused()
    assert Token.objects.get().revoked_at is None
    page.get_by_test_id("revoke").click()
    page.get_by_test_id("revoke-token").click()
    expect(page.get_by_role("status").filter(has_text="Permanent token 1 is revoked.")).to_be_visible()
    token.refresh_from_db()
    assert token.revoked_at


def test_ac_tok_13_a_second_token_asks_first(visit):
    provider = make_provider("Contoso")
    issue(provider)
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("permanent-token").click()
    expect(page.get_by_role("dialog")).to_contain_text("hold one token")
    expect(page.get_by_test_id("cancel")).to_be_focused()
    assert provider.tokens.count() == 1
    page.get_by_test_id("second-token").click()
    expect(page.get_by_test_id("token-value")).to_be_visible()
    page.get_by_test_id("copy-token").click()
    press_done(page)
    expect(page.get_by_text("Permanent token 2.")).to_be_visible()
    page.get_by_test_id("permanent-token").click()
    expect(page.get_by_role("dialog")).to_contain_text("two live tokens")
    assert provider.tokens.count() == 2


def test_ac_tok_4_the_page_that_stands_in_for_the_dialog_guards_the_value_too(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    with page.expect_navigation():
        page.evaluate("document.querySelector('[data-testid=permanent-token]').form.submit()")
    value = page.get_by_test_id("token-value").input_value()
    expect(page.get_by_test_id("done")).to_be_disabled()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    press_done(page)
    expect(page.get_by_text("Permanent token 1.")).to_be_visible()
    page.go_back()
    assert value not in page.content()


def test_ac_err_2_the_end_of_the_session_takes_nothing_away_that_is_shown(visit):
    window, page, value = open_token(visit)
    Session.objects.all().delete()
    asked_live = page.evaluate("fetch(location.pathname + 'live/').then((answer) => answer.redirected)")
    assert asked_live is True  # what the page asks by itself meets the sign-in page, and is left alone
    expect(page.get_by_test_id("token-value")).to_have_value(value)
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    address = page.url.removeprefix(window.address)
    press_done(page)
    page.wait_for_url(re.compile(r"/login/\?next="))
    assert quote(address) in page.url


def test_ac_err_1_a_dialog_sent_after_the_session_ended_leads_through_sign_in_and_back(visit):
    provider = make_provider("Contoso")
    issue(provider)
    account = make_account("Administrator", username="a.bakker")
    window = visit(account=account)
    page = window.open(f"/eum/providers/{provider.pk}/tokens/")
    page.get_by_test_id("rotate").click()
    expect(page.get_by_test_id("overlap")).to_be_focused()
    Session.objects.all().delete()
    page.get_by_test_id("rotate-token").click()
    expect(page.get_by_test_id("session-ended")).to_contain_text("what you just sent was not saved")
    page.get_by_label("User name").fill("a.bakker")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{window.address}/eum/providers/{provider.pk}/tokens/")
    assert provider.tokens.count() == 1
