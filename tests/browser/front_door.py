"""The front door in a browser: each of these leads `page` to a state of it, one after the other."""

from playwright.sync_api import Page, expect

from tests.browser.directory import Directory
from tests.factories import code_of

PASSWORD = "correct horse battery"


def give_password(page: Page, address: str, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{address}/login/")
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(password)
    page.locator("#id_password").press("Enter")


def sign_out(page: Page) -> None:
    page.get_by_test_id("account").click()
    with page.expect_navigation():
        page.locator("button[form=logout-form]").click()


def open_recovery_codes(page: Page, address: str, directory: Directory) -> None:
    """Turns two-step sign-in on; the page asks for it from then on."""
    page.goto(f"{address}/two-step/")
    page.get_by_test_id("code").fill(code_of(directory.administrator))
    page.get_by_test_id("turn-on").click()
    expect(page.get_by_test_id("recovery-codes")).to_be_visible()


def open_two_step_on(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/two-step/")
    page.get_by_test_id("password").fill("wrong")
    page.get_by_test_id("turn-off").click()
    expect(page.get_by_role("alert")).to_be_visible()


def open_code(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/")
    sign_out(page)
    give_password(page, address, directory.administrator.username)
    page.get_by_test_id("code").fill("nothing")
    page.get_by_test_id("code").press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def open_locked_out(page: Page, address: str, directory: Directory) -> None:
    for _ in range(5):
        give_password(page, address, "nobody", "wrong")
    expect(page.locator("#id_password")).to_have_count(0)


def open_session_ended(page: Page, address: str, directory: Directory) -> None:
    page.goto(f"{address}/login/?next=/eum/users/&lost=yes")
    expect(page.get_by_test_id("session-ended")).to_be_visible()


STATES = {
    "recovery-codes": open_recovery_codes,
    "two-step-on": open_two_step_on,
    "sign-in-code": open_code,
    "locked-out": open_locked_out,
    "session-ended": open_session_ended,
}
