"""The IP restriction editor, the setup guide and the live line as a browser shows them (AC-IP, AC-GUI, AC-PROV-6)."""

import json
from datetime import timedelta

from django.conf import settings
from playwright.sync_api import expect

from providers.models import IpMode, Provider
from tests.browser.conftest import clipboard, press_done
from tests.browser.keyboard import tab_to
from tests.factories import issue, make_calls, make_provider

OUTSIDE = "52.146.136.12"


def observed() -> Provider:
    provider = make_provider("Contoso Entra ID", ip_mode="observe", ranges=("20.190.128.0/18",))
    make_calls(provider, count=30, ago=timedelta(hours=2))
    make_calls(provider, count=9, source_ip=OUTSIDE)
    return provider


def test_ac_ip_4_enforce_asks_in_a_dialog_and_starts_on_cancel(visit):
    provider = observed()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/ip-restriction/")
    page.get_by_test_id("mode-enforce").check()
    page.get_by_test_id("save-mode").click()
    expect(page.get_by_role("dialog")).to_contain_text(OUTSIDE)
    expect(page.get_by_test_id("cancel")).to_be_focused()
    page.get_by_test_id("enforce").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick this to continue")
    expect(page.get_by_test_id("understood")).to_be_focused()
    page.get_by_test_id("understood").check()
    page.get_by_test_id("enforce").click()
    expect(page.get_by_test_id("mode")).to_contain_text("1 of 2 addresses seen is outside the allowed ranges")
    provider.refresh_from_db()
    assert provider.ip_mode == IpMode.ENFORCE


def test_ac_ip_7_allow_by_keyboard(visit):
    provider = observed()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/ip-restriction/")
    tab_to(page, "allow", most=40)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ip-ranges")).to_be_focused()
    expect(page.get_by_test_id("ip-ranges")).to_have_value(OUTSIDE)
    tab_to(page, "add-ranges", most=4)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("mode")).to_contain_text("All 2 addresses seen are in allowed ranges")
    assert provider.ip_rules.filter(cidr=f"{OUTSIDE}/32").exists()


def test_ac_ip_1_a_wrong_range_is_explained_in_a_dialog_with_what_was_meant(visit):
    provider = observed()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/ip-restriction/")
    page.get_by_test_id("range").fill("40.126.1.1/18")
    page.get_by_test_id("note").fill("Entra ID")
    page.get_by_test_id("add-range").click()
    page.get_by_role("dialog").get_by_role("button", name="Use 40.126.0.0/18").click()
    expect(page.get_by_test_id("ip-ranges")).to_have_value("40.126.0.0/18 # Entra ID")
    page.get_by_test_id("add-ranges").click()
    expect(page.get_by_test_id("ranges")).to_contain_text("40.126.0.0/18")


def test_ac_ip_10_a_file_is_previewed_and_then_imported(visit):
    provider = observed()
    tag = {"name": "AzureActiveDirectory", "properties": {"changeNumber": 214, "addressPrefixes": ["52.146.0.0/16"]}}
    content = json.dumps({"cloud": "Public", "values": [tag]}).encode()
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/ip-restriction/")
    page.get_by_test_id("preview").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Choose the file first.")
    page.get_by_test_id("cancel").click()
    expect(page.locator("dialog").get_by_test_id("preview")).to_have_count(0)
    file = {"name": "ServiceTags_Public_20261116.json", "mimeType": "application/json", "buffer": content}
    page.get_by_test_id("file").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_test_id("preview").click()
    expect(page.get_by_test_id("difference")).to_contain_text("Added: 1")
    page.get_by_test_id("import").click()
    expect(page.get_by_role("status").filter(has_text="AzureActiveDirectory imported")).to_be_visible()
    assert provider.ip_rules.count() == 2


def test_ac_ip_8_everything_works_without_javascript(visit):
    provider = observed()
    page = visit("Administrator", java_script_enabled=False).open(f"/eum/providers/{provider.pk}/ip-restriction/")
    page.get_by_test_id("mode-off").check()
    page.get_by_test_id("save-mode").click()
    expect(page.get_by_test_id("mode")).to_contain_text("Off.")
    page.get_by_test_id("remove").click()
    page.get_by_test_id("remove-ranges").click()
    expect(page.get_by_text("1 allowed range removed.")).to_be_visible()


def test_ac_prov_6_the_first_request_is_seen_without_a_reload(visit):
    provider = make_provider("Contoso")
    window = visit("Administrator")
    window.context.clock.install()
    page = window.open(f"/eum/providers/{provider.pk}/")
    expect(page.get_by_test_id("live")).to_have_text("Waiting for the first request.")
    make_calls(provider)
    page.clock.run_for(16_000)
    expect(page.get_by_test_id("live")).to_have_text("First request received")


def test_ac_gui_1_and_2_the_guide_copies_and_ticks(visit):
    provider = make_provider("Contoso")
    window = visit("Administrator")
    window.context.clock.install()
    page = window.open(f"/eum/providers/{provider.pk}/guide/")
    page.get_by_test_id("copy-tenant-url").click()
    expect(page.get_by_text("Tenant URL copied")).to_be_visible()
    assert clipboard(page) == settings.OPTIONS.scim_url
    expect(page.get_by_test_id("seen")).not_to_contain_text("✓")
    make_calls(provider)
    page.clock.run_for(16_000)
    expect(page.get_by_test_id("seen")).to_contain_text("✓")


def test_ac_prov_4_the_button_waits_for_the_title(visit):
    provider = make_provider("Contoso")
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/")
    page.get_by_test_id("delete").click()
    expect(page.get_by_test_id("delete-provider")).to_be_disabled()
    page.get_by_test_id("confirm-title").fill("contoso")
    expect(page.get_by_test_id("delete-provider")).to_be_disabled()
    page.get_by_test_id("confirm-title").fill("Contoso")
    page.get_by_test_id("confirm-password").fill("correct horse battery")
    page.get_by_test_id("delete-provider").click()
    expect(page.get_by_text("Contoso is deleted.")).to_be_visible()


def test_ac_tok_9_rotating_shows_the_new_value_once(visit):
    provider = make_provider("Contoso")
    old, _value = issue(provider)
    page = visit("Administrator").open(f"/eum/providers/{provider.pk}/tokens/")
    page.get_by_test_id("rotate").click()
    expect(page.get_by_test_id("overlap")).to_be_focused()
    page.get_by_test_id("rotate-token").click()
    value = page.get_by_test_id("token-value").input_value()
    page.get_by_test_id("copy-token").click()
    expect(page.get_by_test_id("done")).to_be_enabled()
    assert clipboard(page) == value
    press_done(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Permanent token 2.")).to_be_visible()
    old.refresh_from_db()
    expect(page.locator("html")).not_to_contain_text(value)
    assert old.is_retiring
