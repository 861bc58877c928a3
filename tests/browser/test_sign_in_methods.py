"""The journey from a permanent token to workload identity, and the secret of a client in its dialog."""

import json
import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from providers import request_log
from providers.models import OAuthClient
from tests.browser.conftest import clipboard
from tests.factories import issue, make_provider
from tests.issuer import APPLICATION, SUBJECT, Issuer, form_of


def keep(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder of SCREENSHOTS, if it is set."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def call(page: Page, address: str, token: str) -> int:
    return page.request.get(f"{address}/scim/Users", headers={"Authorization": f"Bearer {token}"}).status


@pytest.mark.parametrize(
    ("language", "scheme", "title", "since"),
    [
        ("en-GB", "light", "Whom does", "The directory has signed in by OAuth since"),
        ("nl-NL", "dark", "Wie vertrouwt", "De directory meldt zich sinds"),
    ],
)
def test_from_a_permanent_token_to_workload_identity(visit, language, scheme, title, since):
    provider = make_provider("Contoso")
    _token, permanent = issue(provider)
    issuer = Issuer("https://login.microsoftonline.com")
    window = visit("Administrator", color_scheme=scheme, locale=language)
    page = window.open(f"/eum/providers/{provider.pk}/sign-in/")
    assert call(page, window.address, permanent) == 200
    page.get_by_test_id("add-federated").click()
    page.get_by_test_id("pasted").fill(
        f"Issuer: {issuer.issuer}\nJWKS URL: {issuer.jwks_url}\nSubject: {SUBJECT}\nAudience: {APPLICATION}"
    )
    page.get_by_test_id("keys").evaluate("(box) => { box.closest('details').open = true; }")
    page.get_by_test_id("keys").fill(json.dumps(issuer.key_set))
    keep(page, f"trust-{language}")
    page.get_by_test_id("ok").click()
    client_id = page.get_by_test_id("new-client-id").input_value()
    page.get_by_test_id("copy-new-client-id").click()
    assert clipboard(page) == client_id == OAuthClient.objects.get().client_id
    keep(page, f"federated-{language}")
    page.get_by_test_id("done").click()
    expect(page.get_by_test_id("federated").get_by_test_id("terms")).to_contain_text(SUBJECT)

    granted = page.request.post(f"{window.address}/oauth/token", form=form_of(client_id, issuer.assertion()))
    access: Any = granted.json()
    assert granted.status == 200 and access["scope"] == "scim"
    assert call(page, window.address, access["access_token"]) == call(page, window.address, permanent) == 200
    request_log.writer.flush()
    page.reload()
    expect(page.get_by_test_id("retire-permanent")).to_contain_text(since)
    keep(page, f"sign-in-{language}")
    page.get_by_test_id("edit-trust").click()
    expect(page.get_by_role("dialog")).to_contain_text(title)
    page.keyboard.press("Escape")
    page.get_by_test_id("retire-permanent").get_by_role("link").click()
    page.get_by_test_id("revoke").click()
    page.get_by_test_id("revoke-token").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert call(page, window.address, permanent) == 401
    assert call(page, window.address, access["access_token"]) == 200
    assert not window.complaints


def test_a_client_secret_has_to_be_copied_before_the_dialog_closes(visit):
    provider = make_provider("Contoso")
    window = visit("Administrator")
    page = window.open(f"/eum/providers/{provider.pk}/sign-in/")
    page.get_by_test_id("add-client").click()
    page.get_by_test_id("label").fill("Contoso Entra ID")
    page.get_by_test_id("ok").click()
    value = page.get_by_test_id("secret-value").input_value()
    assert re.fullmatch(r"ips_[A-Za-z0-9_-]{49}", value)
    expect(page.get_by_test_id("done")).to_be_disabled()
    keep(page, "client-secret")
    page.get_by_test_id("copy-secret").click()
    assert clipboard(page) == value
    page.get_by_test_id("done").click()
    expect(page.get_by_test_id("secret").get_by_test_id("client")).to_contain_text("Contoso Entra ID")
    assert value not in page.content()
