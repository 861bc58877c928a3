"""The setup guide and the connection test (AC-GUI)."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from providers import connection_test, request_log
from providers.connection_test import run_connection_test
from providers.events import SYSTEM
from providers.models import ChangeEvent, ProviderActivity, RequestLog, Resource, Token
from tests.conftest import free_port
from tests.factories import issue, make_account, make_calls, make_group, make_user
from tests.pages import read

NAMES = ["Name (DNS)", "Connection (TLS)", "ServiceProviderConfig", "Look up a user", "Look up a group"]


def page_of(provider, tab=""):
    return f"/eum/providers/{provider.pk}/guide/{tab}"


def answering(status, body):
    """The address of a server that gives everybody this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def outcomes(checks):
    return [check.has_passed for check in checks]


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


def test_ac_gui_3_and_4_a_broken_name_or_door_is_named_with_what_to_do(provider):
    checks = run_connection_test(provider, SYSTEM, "https://nowhere.invalid/scim")
    assert outcomes(checks) == [False, None, None, None, None] and "correct PUBLIC_URL" in checks[0].cause
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{free_port()}/scim")
    assert outcomes(checks) == [True, False, None, None, None] and "Nothing answers at" in checks[1].cause
    assert not Token.objects.exists()


def test_ac_gui_3_tls_that_is_none_is_named(provider):
    server = answering(200, b"{}")
    checks = run_connection_test(provider, SYSTEM, f"https://127.0.0.1:{server.server_port}/scim")
    server.shutdown()
    assert outcomes(checks) == [True, False, None, None, None] and "TLS failed" in checks[1].cause


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (200, b"<html>", "no JSON"),
        (200, b"[]", "no JSON"),
        (200, b"{}", "no ServiceProviderConfig"),
        (503, b"{}", "paused"),
        (302, b"", "302 instead of 200"),
        (407, b"", "407 instead of 200"),
    ],
)
def test_ac_gui_3_another_answer_is_named(provider, status, body, cause):
    server = answering(status, body)
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{server.server_port}/scim")
    server.shutdown()
    assert outcomes(checks) == [True, True, False, None, None] and cause in checks[2].cause


def test_ac_gui_3_it_takes_ten_seconds_at_the_most(provider, monkeypatch):
    monkeypatch.setattr(connection_test, "TOTAL_S", 0.5)
    silent = socket.create_server(("127.0.0.1", 0))
    started = time.monotonic()
    checks = run_connection_test(provider, SYSTEM, f"http://127.0.0.1:{silent.getsockname()[1]}/scim")
    assert outcomes(checks) == [True, True, False, None, None] and "No answer in time" in checks[2].cause
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: time.sleep(3))
    assert outcomes(run_connection_test(provider, SYSTEM, "http://slow.example/scim"))[0] is False
    assert time.monotonic() - started < 2
    silent.close()


@pytest.mark.django_db(transaction=True)
def test_ac_gui_3_a_test_that_passes_is_five_named_checks_and_writes_nobody(
    live_server, administrator, provider, settings, monkeypatch
):
    monkeypatch.setattr(type(settings.OPTIONS), "scim_url", f"{live_server.url}/scim")
    type(provider).objects.update(ip_mode="enforce")  # and no range: IP rules are not applied to it
    page = read(administrator.post(page_of(provider, "test/")))
    assert [name for name in NAMES if page.has("strong", text=name)] == NAMES
    assert page.text.count("passed, ") == 5 and "IP rules were not applied" in page.text
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
