"""People of the console, signed in."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_account


def browser_of(account: User) -> Client:
    """A browser in which this account is signed in."""
    browser = Client(headers={"Host": "127.0.0.1"})
    browser.force_login(account)
    return browser


@pytest.fixture
def anna(db: None) -> User:
    return make_account("Administrator", username="anna")


@pytest.fixture
def signed_in(db: None) -> Callable[[str | None], Client]:
    """`signed_in("Support")` is a browser in which somebody with that role is signed in."""

    return lambda role: browser_of(make_account(role))


@pytest.fixture
def administrator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Administrator")


@pytest.fixture
def support(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Support")


@pytest.fixture
def operator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Operator")
