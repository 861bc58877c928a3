"""A form that is sent after the session has ended is kept in its tab, and offered to the same account after sign-in."""

from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from tests.factories import make_account, make_provider

SECRET = "https://hooks.example.com/secret-of-the-chat"
KEPT = "What you filled in is kept in this tab"


def end_sessions():
    Session.objects.all().delete()


def sign_in(page, name):
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()


def test_a_form_of_a_page_is_filled_in_again_without_its_secrets(visit):
    provider, anna = make_provider("Contoso"), make_account("Administrator", username="anna")
    page = visit(account=anna).open(f"/eum/providers/{provider.pk}/alerts/")
    page.get_by_test_id("addresses").fill("a@example.com\nb@example.com")
    page.locator("[name=webhook]").fill(SECRET)
    page.locator("[name=has_digest]").check()
    end_sessions()
    page.get_by_test_id("save-alerts").click()
    expect(page.get_by_text(KEPT)).to_be_visible()
    assert SECRET not in page.evaluate("JSON.stringify({...sessionStorage})")
    sign_in(page, "anna")
    expect(page.get_by_test_id("addresses")).to_have_value("")
    page.get_by_test_id("fill-again").click()
    expect(page.get_by_test_id("addresses")).to_have_value("a@example.com\nb@example.com")
    expect(page.get_by_test_id("addresses")).to_be_focused()
    expect(page.locator("[name=webhook]")).to_have_value("")
    expect(page.locator("[name=has_digest]")).to_be_checked()
    page.get_by_test_id("save-alerts").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("kept-form")).to_be_hidden()


def test_a_form_of_a_dialog_is_opened_as_a_page(visit):
    provider, anna = make_provider("Contoso"), make_account("Administrator", username="anna")
    page = visit(account=anna).open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("change-provider").click()
    page.get_by_test_id("title").fill("Contoso NL")
    page.get_by_label("Hold", exact=True).check()
    end_sessions()
    page.get_by_test_id("ok").click()
    sign_in(page, "anna")
    page.get_by_test_id("fill-again").click()
    expect(page.get_by_test_id("title")).to_have_value("Contoso NL")
    page.get_by_test_id("ok").click()
    expect(page.get_by_text("Provider changed")).to_be_visible()
    provider.refresh_from_db()
    assert (provider.title, provider.removal_limit) == ("Contoso NL", "hold")


def test_nobody_else_is_offered_it_and_what_was_saved_is_not_kept(visit):
    provider, anna = make_provider("Contoso"), make_account("Administrator", username="anna")
    make_account("Administrator", username="ben")
    page = visit(account=anna).open(f"/eum/providers/{provider.pk}/alerts/")
    page.get_by_test_id("addresses").fill("a@example.com")
    end_sessions()
    page.get_by_test_id("save-alerts").click()
    sign_in(page, "ben")
    expect(page.get_by_test_id("addresses")).to_be_visible()
    expect(page.get_by_test_id("kept-form")).to_be_hidden()
    assert page.evaluate("sessionStorage.getItem('console.kept')") is None
    page.get_by_test_id("addresses").fill("b@example.com")
    page.get_by_test_id("save-alerts").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('console.kept')") is None


def test_it_can_be_discarded(visit):
    provider, anna = make_provider("Contoso"), make_account("Administrator", username="anna")
    page = visit(account=anna).open(f"/eum/providers/{provider.pk}/alerts/")
    page.get_by_test_id("addresses").fill("a@example.com")
    end_sessions()
    page.get_by_test_id("save-alerts").click()
    sign_in(page, "anna")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_test_id("kept-form")).to_be_hidden()
    page.reload()
    expect(page.get_by_test_id("addresses")).to_have_value("")
    expect(page.get_by_test_id("kept-form")).to_be_hidden()
