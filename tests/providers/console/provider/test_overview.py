"""The overview of one provider (AC-PROV)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers import request_log
from providers.models import Token
from tests.factories import issue, make_group, make_user
from tests.pages import provider_page, read


def test_ac_list_3_without_providers_one_sentence_and_one_button(administrator):
    for path in ("/eum/", "/eum/providers/"):
        page = read(administrator.get(path))
        assert "No providers yet" in page.text and "one directory" in page.text
        assert page.one(test_id="add-provider-empty")
        assert not page.has("table") and not page.has(test_id="add-provider")
        assert page.one("main").has("a", href="/eum/guide/")
    assert "Tenant URL" in read(administrator.get("/eum/guide/")).text
    assert "SCIM connector base URL" in read(administrator.get("/eum/guide/?for=okta")).text


def test_numbers_of_people_are_per_provider(administrator, provider, stranger):
    make_user(provider, "a@contoso.com")
    make_user(provider, "b@contoso.com", active=False)
    page = read(administrator.get(f"/eum/providers/{provider.pk}/"))
    assert "1 disabled" in page.text
    assert "0 disabled" in read(administrator.get(f"/eum/providers/{stranger.pk}/")).text


def test_ac_prov_1_the_tenant_url_does_not_follow_the_host_header(administrator, provider, settings):
    path = f"/eum/providers/{provider.pk}/"
    assert administrator.get(path, headers={"Host": "evil.example"}).status_code == 400
    page = read(administrator.get(path, headers={"Host": "localhost"}))
    assert page.has("input", value=settings.OPTIONS.scim_url) and "localhost" not in page.source


def test_ac_prov_5_a_new_provider_has_no_chart_but_a_way_on(administrator, provider):
    page = read(administrator.get(provider_page(provider)))
    assert "Use Test Connection in Entra ID." in page.text
    assert page.one("main").has("a", href=provider_page(provider, "guide/"))
    assert not page.has("desc") and not page.has(class_="chart")


def test_ac_prov_6_the_live_line_changes_when_the_first_request_has_come(administrator, provider, client):
    path = provider_page(provider, "live/")
    before = administrator.get(path)
    assert "Waiting for the first request" in read(before).text and "X-Live" not in before
    assert read(administrator.get(provider_page(provider))).has(data_live=path)
    _token, value = issue(provider)
    client.get("/scim/Users", headers={"Authorization": f"Bearer {value}"})

    request_log.writer.flush()
    after = administrator.get(path)
    assert "First request received" in read(after).text and after["X-Live"] == "done"
    assert not read(administrator.get(provider_page(provider))).has(data_live=True)


@pytest.mark.parametrize("trace", ["user", "group", "token", "hold"])
def test_requests_that_are_not_counted_yet_are_not_never(administrator, provider, scim, trace):
    if trace == "user":  # by a real request, which the log's writer has not written yet
        answer = scim(provider).post("/Users", {"userName": "jane@contoso.com"})
        assert answer.status_code == 201
    elif trace == "group":
        make_group(provider)
    elif trace == "token":
        issue(provider)
        Token.objects.update(last_used_at=timezone.now())
    else:
        type(provider).objects.update(held_at=timezone.now())
    page = read(administrator.get(provider_page(provider)))
    assert "Last activity Just now being counted" in page.text and "Never" not in page.one("main").text
    assert ("The first requests have arrived and are being counted." in page.text) == (trace != "hold")
    live = administrator.get(provider_page(provider, "live/"))
    assert ("are being counted" in read(live).text) == (trace != "hold") and "X-Live" not in live
    if trace == "user":
        request_log.writer.flush()
        assert "being counted" not in read(administrator.get(provider_page(provider))).text


def test_users_without_requests_are_not_being_counted_for_long(administrator, provider, monkeypatch):
    make_user(provider)  # as `manage.py fill` makes them
    assert "being counted" in read(administrator.get(provider_page(provider))).text
    later = timezone.now() + timedelta(minutes=2)
    monkeypatch.setattr("providers.console.provider.overview.timezone.now", lambda: later)
    page = read(administrator.get(provider_page(provider)))
    assert "being counted" not in page.text and "Last activity Never" in page.text
