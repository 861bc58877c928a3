"""What tests of the domain and of its pages share: requests at a fixed moment, held removals, and two-step sign-in."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils.html import strip_tags

from providers import request_log
from providers.console.provider.status import provider_status
from providers.health import health_of
from providers.models import Provider
from tests.conftest import ScimClient
from tests.factories import browser_of, code_of, issue, make_calls, make_users
from tests.pages import read

NOW = datetime(2026, 11, 25, 10, 2, tzinfo=UTC)  # 11:02 in Amsterdam
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def calls_at(provider, *arguments, ago=timedelta(), **more):
    make_calls(provider, *arguments, at=NOW - ago, **more)


def status_at(provider, now=NOW):
    provider.refresh_from_db()
    found = provider_status(provider, health_of([provider], now)[provider.pk])
    url = found.step.url.removeprefix(f"/eum/providers/{provider.pk}/") if found.step else None
    return str(found.badge.word), found.badge.tone, strip_tags(found.sentence).replace("\xa0", " "), url


@pytest.fixture
def crowd(provider, scim):
    """200 users of a provider, and a function that disables this many of them."""
    people = make_users(provider, (f"crowd{number}@example.com" for number in range(200)), active=True)
    ids = [person.pk for person in people]
    client = scim(provider)

    def disable(count):
        for pk in ids[:count]:
            client.patch(f"/Users/{pk}", {"op": "replace", "path": "active", "value": False})
        del ids[:count]
        request_log.writer.flush()

    return disable


DISABLE = {"op": "replace", "path": "active", "value": False}


@pytest.fixture
def held(provider):
    """A provider of 40 users with a removal limit of 5 users and 10 %, and a client; four users are disabled."""
    Provider.objects.filter(pk=provider.pk).update(
        removal_limit="hold", removal_limit_users=5, removal_limit_percent=10
    )
    people = make_users(provider, (f"user{number:02}@contoso.com" for number in range(40)))
    client = ScimClient(issue(provider)[1])
    for person in people[:4]:
        assert client.patch(f"/Users/{person.pk}", DISABLE).status_code == 200
    return provider, client, people


def leave(client, person):
    return client.patch(f"/Users/{person.pk}", DISABLE)


def removals_page(provider):
    return f"/eum/providers/{provider.pk}/removals/"


PASSWORD = "correct horse battery"


@pytest.fixture
def annas(anna):
    return browser_of(anna)


def new_browser():
    return Client(headers={"Host": "127.0.0.1"})


def turn_on(browser, account):
    """Turn two-step sign-in on in this browser. Return the recovery codes."""
    browser.get("/two-step/")
    page = read(browser.post("/two-step/", {"code": code_of(account)}))
    codes = [code.text for code in page.one(test_id="recovery-codes").all("code")]
    assert len(set(codes)) == 10 and all(re.fullmatch(r"[a-z2-7]{4}-[a-z2-7]{4}", code) for code in codes)
    return codes


def give_password(browser, **more):
    return browser.post("/login/", {"username": "anna", "password": PASSWORD, **more})
