"""The warning about a public address that a directory cannot call."""

import dataclasses

import pytest

from providers.console.provider.public_address import problem_of
from tests.factories import make_provider
from tests.pages import IN_DUTCH, provider_page, read


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://idm.example.com", ""),
        ("https://20.190.128.1", ""),
        ("https://[2603:1006::1]", ""),
        ("http://idm.example.com", "open"),
        ("http://127.0.0.1:8000", "loopback"),
        ("https://[::1]:8443", "loopback"),
        ("https://0.0.0.0", "loopback"),
        ("https://localhost", "loopback"),
        ("https://idm.localhost.", "loopback"),
        ("https://10.1.2.3", "private"),
        ("https://192.168.1.5", "private"),
        ("https://169.254.1.1", "private"),
        ("https://100.64.0.1", "private"),
        ("https://[fd00::1]", "private"),
        ("https://idm", "private"),
        ("https://idm.corp.internal", "private"),
    ],
)
def test_what_an_address_shows_by_itself(url, problem):
    assert problem_of(url) == problem


def with_public(settings, url):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, public_url=url)


@pytest.mark.parametrize("page", ["", "guide/"])
def test_provider_page_and_guide_warn_and_name_the_directory(administrator, settings, db, page):
    provider = make_provider("Fabrikam", kind="okta")
    with_public(settings, "http://10.1.2.3:8000")
    found = read(administrator.get(provider_page(provider, page))).one(test_id="address-warning").text
    assert "http://10.1.2.3:8000 belongs to a private network, so Okta can call it only from there" in found
    dutch = read(administrator.get(provider_page(provider, page), headers=IN_DUTCH))
    assert "privénetwerk" in dutch.one(test_id="address-warning").text
    with_public(settings, "https://idm.example.com")
    assert not read(administrator.get(provider_page(provider, page))).has(test_id="address-warning")


def test_the_guide_without_a_provider_and_the_connection_test_warn_too(administrator, settings, provider):
    with_public(settings, "http://127.0.0.1:1")
    assert read(administrator.get("/eum/guide/")).has(test_id="address-warning")
    page = read(administrator.post(provider_page(provider, "guide/test/")))
    assert "leads to this machine only, so Entra ID cannot call it" in page.one(test_id="address-warning").text
    assert not read(administrator.get(provider_page(provider, "tokens/"))).has(test_id="address-warning")
