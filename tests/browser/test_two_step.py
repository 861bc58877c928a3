"""The front door by hand: two-step sign-in from its set-up to a recovery code, and password managers (AC-A11Y-8)."""

from playwright.sync_api import expect

from tests.browser.conftest import clipboard
from tests.browser.front_door import PASSWORD, give_password, sign_out
from tests.factories import code_of, make_account


def test_two_step_sign_in_from_set_up_to_a_recovery_code(visit):
    account = make_account("Administrator", username="a.bakker")
    window = visit()
    page = window.open("/")
    give_password(page, window.address, "a.bakker")
    page.get_by_test_id("account").click()
    page.get_by_role("link", name="Two-step sign-in").click()
    drawn = page.get_by_role("img", name="QR code of the key below").locator("svg").bounding_box()
    assert drawn["width"] > 150 and drawn["height"] > 150
    page.get_by_test_id("code").fill(code_of(account))
    page.get_by_test_id("turn-on").click()
    codes = page.get_by_test_id("recovery-codes").locator("li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_test_id("copy-codes").click()
    expect(page.get_by_text("Recovery codes copied")).to_be_visible()
    assert clipboard(page).split() == codes
    page.get_by_test_id("kept").click()
    expect(page.get_by_test_id("external-user-management")).to_be_visible()

    sign_out(page)
    give_password(page, window.address, "a.bakker")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    page.goto(f"{window.address}/eum/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    give_password(page, window.address, "a.bakker")
    expect(page.get_by_test_id("code")).to_be_focused()
    page.keyboard.type(code_of(account))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("external-user-management")).to_be_visible()

    sign_out(page)
    give_password(page, window.address, "a.bakker")
    page.get_by_test_id("code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_text("9 recovery codes are left.")).to_be_visible()
    sign_out(page)
    give_password(page, window.address, "a.bakker")
    page.get_by_test_id("code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("was used before")
    page.goto(f"{window.address}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_ac_a11y_8_the_front_door_allows_paste_and_password_managers(visit):
    account = make_account("Administrator", username="a.bakker")
    window = visit(account=account)
    page = window.open("/two-step/")
    page.get_by_test_id("code").fill(code_of(account))
    page.get_by_test_id("turn-on").click()
    page.get_by_test_id("kept").click()
    sign_out(page)

    def paste(label, text, autocomplete):
        field = page.get_by_label(label)
        expect(field).to_have_attribute("autocomplete", autocomplete)
        page.evaluate("text => navigator.clipboard.writeText(text)", text)
        assert clipboard(page) == text
        field.focus()
        page.keyboard.press("Control+V")
        expect(field).to_have_value(text)

    page.goto(f"{window.address}/login/")
    paste("User name", "a.bakker", "username")
    paste("Password", PASSWORD, "current-password")
    page.keyboard.press("Enter")
    paste("Code", code_of(account), "one-time-code")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("external-user-management")).to_be_visible()
