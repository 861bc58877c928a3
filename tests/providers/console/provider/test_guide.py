"""The setup guide, and the page of the connection test (AC-GUI)."""

import pytest
from django.utils import timezone

from providers import request_log
from providers.models import ChangeEvent, ProviderActivity, RequestLog, Resource, Token
from tests.factories import issue, make_account, make_calls, make_group, make_user
from tests.pages import read

NAMES = [
    "Name (DNS)",
    "Connection (no TLS)",
    "ServiceProviderConfig",
    "Look up a user",
    "Look up a group",
]


def page_of(provider, tab=""):
    return f"/eum/providers/{provider.pk}/guide/{tab}"


@pytest.mark.parametrize("guide", ["entra", "okta", "nonsense"])
def test_the_guide_has_the_url_and_no_token(administrator, provider, settings, guide):
    _token, value = issue(provider)
    page = read(administrator.get(page_of(provider), {"for": guide}))
    assert page.has("input", value=settings.OPTIONS.scim_url) and value not in page.source
    assert ("Okta" if guide == "okta" else "Enterprise apps") in page.text


def test_ac_gui_1_the_token_is_never_on_the_page(administrator, provider):
    _token, value = issue(provider)
    for query in ("", "?print=1", "?for=okta"):
        page = read(administrator.get(page_of(provider) + query))
        assert value not in page.source and value[12:40] not in page.source


def test_ac_gui_2_the_live_line_ticks_when_something_has_come(administrator, provider, scim):
    path = page_of(provider, "seen/")
    before = administrator.get(path)
    assert "✓" not in read(before).source and "X-Live" not in before
    scim(provider).get("/Users", filter='userName eq "9d3f4c1e"')  # what Test Connection asks
    request_log.writer.flush()
    page = read(administrator.get(path))
    assert page.text.count("✓") == 1 and page.text.index("✓") < page.text.index("first user")
    make_group(provider, members=[make_user(provider)])
    after = administrator.get(path)
    assert read(after).text.count("✓") == 3 and after["X-Live"] == "done"


def test_ac_gui_2_what_another_provider_sent_does_not_tick(administrator, provider, stranger):
    make_calls(stranger)
    make_user(stranger)
    assert "✓" not in read(administrator.get(page_of(provider, "seen/"))).source


@pytest.mark.django_db(transaction=True)
def test_ac_gui_3_a_test_that_passes_is_five_named_checks_and_writes_nobody(
    live_server, administrator, provider, settings, monkeypatch
):
    monkeypatch.setattr(type(settings.OPTIONS), "scim_url", f"{live_server.url}/scim")
    type(provider).objects.update(ip_mode="enforce")  # and no range: IP rules are not applied to it
    page = read(administrator.post(page_of(provider, "test/")))
    assert [name for name in NAMES if page.has("strong", text=name)] == NAMES
    assert page.text.count("passed, ") == 5 and "The IP restriction was not applied" in page.text
    request_log.writer.flush()
    own = {"provider_id": provider.pk}  # tests that commit leave rows of others
    assert not Resource.objects.filter(**own).exists() and not Token.objects.filter(**own).exists()
    assert RequestLog.objects.filter(**own).count() == 3 and not ProviderActivity.objects.filter(**own).exists()
    event = ChangeEvent.objects.get(kind="provider.tested", **own)
    assert event.changes == [{"path": "passed", "after": True}]


def test_ac_gui_4_nothing_that_is_sent_reaches_the_address(administrator, provider, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "providers.console.provider.guide.run_connection_test", lambda *given: asked.append(given[2]) or []
    )
    administrator.post(page_of(provider, "test/?url=http://evil.example"), {"url": "http://evil.example", "host": "x"})
    assert asked == [settings.OPTIONS.scim_url]


def test_ac_gui_5_print_has_no_navigation_and_no_secret(administrator, provider):
    token, _value = issue(provider)
    page = read(administrator.get(page_of(provider), {"print": "1"}))
    outside = [header for header in page.all("header") if header not in list(page.one("main"))]
    assert not outside and not page.has(aria_label="Breadcrumbs")
    assert "Permanent token" not in page.source and token.shown not in page.source and "Setup guide for" in page.text


def test_ticks_are_kept_per_provider_and_per_guide(administrator, provider, stranger):
    administrator.post(page_of(provider) + "?for=okta", {"step": ["okta-app", "nonsense"]})
    administrator.post(page_of(provider), {"step": ["app", "url"]})
    administrator.post(page_of(provider), {"step": ["url"]})
    provider.refresh_from_db()
    assert provider.guide_steps == ["okta-app", "url"]
    assert "1 of 10 done" in read(administrator.get(page_of(provider))).text
    assert "0 of 10 done" in read(administrator.get(page_of(stranger))).text


def test_a_step_is_done_when_its_result_has_arrived(administrator, provider, scim):
    provider.guide_steps = ["mapping", "url"]
    provider.save()
    page = read(administrator.get(page_of(provider)))
    assert "2 of 10 done" in page.text and page.has("h3", text="Enterprise apps → your app → Provisioning Next step")
    scim(provider).get("/Users", filter='userName eq "9d3f4c1e"')  # what Test Connection asks
    request_log.writer.flush()
    page = read(administrator.get(page_of(provider)))
    assert "6 of 10 done" in page.text and page.text.count("Done: seen") == 5 and not page.has(id="step-url")
    assert page.has("h3", text="Users and groups Next step")
    make_user(provider)
    page = read(administrator.get(page_of(provider)))
    assert "7 of 10 done" in page.text and page.has("h3", text="Provision on demand Next step")
    administrator.post(page_of(provider), {"step": ["start"]})  # unticks the mapping; seen steps have no box
    provider.refresh_from_db()
    assert provider.guide_steps == ["start", "url"]
    assert "0 of 7 done" in read(administrator.get(page_of(provider), {"for": "okta"})).text


def test_ac_role_2_support_neither_ticks_nor_tests(support, provider):
    for path in ("", "test/"):
        assert support.post(page_of(provider, path), {"step": ["app"]}).status_code == 403
    page = read(support.get(page_of(provider)))
    assert not page.has(test_id="run-test") and not page.has(test_id="save-ticks")
    provider.refresh_from_db()
    assert provider.guide_steps == [] and not Token.objects.exists()


def test_a_provider_deleted_meanwhile_is_404_and_no_server_error(provider, client, monkeypatch):
    client.force_login(make_account("Administrator"))
    found = type(provider).objects.get(pk=provider.pk)
    found.live_tokens = []
    type(provider).objects.update(deleted_at=timezone.now())
    monkeypatch.setattr("providers.console.provider.guide.get_provider", lambda _pk: found)
    assert client.post(page_of(provider), {"step": ["app"]}).status_code == 404
