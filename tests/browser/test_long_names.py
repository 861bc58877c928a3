"""What directories send: names without a space, from right to left, with characters that turn letters round."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import TOO_WIDE
from tests.factories import make_account, make_calls, make_group, make_provider, make_user

LONG = "W" * 220
TURNED = "abc\u202egnp.exe"
OUT_OF_SIGHT = """() => [...document.querySelectorAll(".results table, .scroll table")].filter((table) =>
  table.getBoundingClientRect().right > table.closest(".results, .scroll").getBoundingClientRect().right + 1
).map((table) => `${table.id || table.dataset.testid} ${table.getBoundingClientRect().width} px`)"""


@pytest.fixture
def pages():
    provider = make_provider("L" * 100)
    long = make_user(provider, "x" * 190 + "@example.com", displayName=LONG, name={"familyName": LONG}, title=LONG)
    turned = make_user(provider, "jane@example.com", displayName=TURNED)
    arabic = make_user(provider, "leila@example.com", displayName="ليلى " * 40)
    group = make_group(provider, "G" * 220, members=[long, turned, arabic])
    make_calls(provider, 409, "POST", count=2, resource_id=long.pk)
    own = f"/eum/providers/{provider.pk}/"
    addresses = [own, f"{own}tokens/", f"{own}alerts/", f"{own}edit/", f"{own}delete/", f"{own}history/"]
    addresses += [f"/eum/users/{user.pk}/" for user in (long, turned, arabic)]
    lists = [
        "/eum/",
        "/eum/providers/",
        "/eum/users/",
        "/eum/groups/",
        "/eum/log/",
        "/eum/not-provisioned/",
        "/eum/audit/",
    ]
    return [*lists, f"/eum/groups/{group.pk}/", *addresses], lists


def test_no_name_makes_a_page_wider_than_its_window(visit, pages):
    addresses, lists = pages
    window = visit("Administrator")
    page = window.open("/")
    found = {}
    for width in (1280, 640, 320):
        page.set_viewport_size({"width": width, "height": 700})
        for address in addresses:
            page.goto(f"{window.address}{address}")
            wide = page.evaluate(TOO_WIDE)
            wide += page.evaluate(OUT_OF_SIGHT) if width == 1280 and address in lists[:4] else []
            if wide:
                found[width, address] = wide
    assert not found


def test_a_long_name_in_a_list_has_two_lines_until_it_is_focused(visit, pages):
    page = visit("Administrator").open("/eum/users/")
    name = page.get_by_role("link", name=LONG)
    height = name.bounding_box()["height"]
    assert height < 50
    name.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert name.bounding_box()["height"] > 2 * height


def test_a_character_that_turns_letters_round_is_a_sign_in_the_list_and_on_the_page(visit, pages):
    page = visit("Administrator").open("/eum/users/")
    link = page.get_by_role("link", name="abc[U+202E]gnp.exe")
    expect(link).to_be_visible()
    link.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("abc[U+202E]gnp.exe")
    assert heading.locator("bdi").count() and "\u202e" not in page.locator("body").inner_text()


def test_on_a_narrow_screen_the_outcome_is_in_the_first_column(visit):
    provider = make_provider("Contoso")
    make_calls(provider, 409, "POST")
    page = visit("Support", viewport={"width": 320, "height": 700}).open("/eum/log/")
    mark = page.locator("tbody tr").first.locator(".first-mark")
    expect(mark).to_be_visible()
    assert mark.get_attribute("title") == "Rejected data" and mark.bounding_box()["x"] < 60
    page.set_viewport_size({"width": 1280, "height": 700})
    expect(mark).to_be_hidden()


def test_paper_has_date_zone_and_reader_and_nothing_to_press(visit):
    make_provider("Contoso")
    anna = make_account("Administrator", first_name="Anna", last_name="Bakker")
    page = visit(account=anna, color_scheme="dark").open("/eum/providers/")
    foot = page.locator(".print-only")
    expect(foot).to_be_hidden()
    page.emulate_media(media="print")
    assert re.search(r"as of \d+ \w+ 20\d\d, \d\d:\d\d:\d\d [A-Z]{3,4}, for Anna Bakker", foot.inner_text())
    assert "/eum/providers/" in foot.inner_text()
    for part in (page.get_by_test_id("find-user"), page.locator(".theme-toggle").first, page.get_by_test_id("account")):
        expect(part).to_be_hidden()
    expect(page.get_by_role("link", name="Contoso")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(233, 237, 242)"  # the ink of the dark theme
