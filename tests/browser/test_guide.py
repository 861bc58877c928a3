"""The setup guide in Chromium: a tick is saved at once, and steps are done when their result arrives."""

from playwright.sync_api import expect

from tests.factories import make_group, make_provider, make_user


def test_a_tick_is_saved_when_it_is_clicked(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/guide/")
    expect(page.get_by_test_id("save-ticks")).to_be_hidden()
    for number, name in enumerate(("app", "configuration", "url"), 1):
        page.locator(f"#step-{name}").check()
        expect(page.get_by_text(f"{number} of 10 done")).to_be_visible()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator("#step-url")).to_be_focused()
    page.locator("#step-app").uncheck()
    expect(page.get_by_text("2 of 10 done")).to_be_visible()
    expect(page.get_by_role("heading", name="Next step")).to_contain_text("Enterprise apps")
    provider.refresh_from_db()
    assert provider.guide_steps == ["configuration", "url"]


def test_a_tick_that_cannot_be_saved_shows_it_and_brings_the_button_back(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/guide/")
    page.context.clear_cookies()
    page.locator("#step-app").check()
    expect(page.get_by_text("Not saved. Try again.")).to_be_visible()
    expect(page.get_by_test_id("save-ticks")).to_be_visible()
    provider.refresh_from_db()
    assert provider.guide_steps == []


def test_a_step_is_marked_while_the_page_is_open(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/guide/")
    expect(page.get_by_text("0 of 10 done")).to_be_visible()
    make_group(provider, members=[make_user(provider)])
    expect(page.get_by_text("1 of 10 done")).to_be_visible()
    expect(page.locator("#step-assign")).to_have_count(0)
