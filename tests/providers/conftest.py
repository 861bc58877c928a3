"""People of the console, signed in."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import make_account


@pytest.fixture
def signed_in(db: None) -> Callable[[str | None], Client]:
    """`signed_in("Support")` is a browser in which somebody with that role is signed in."""

    def client(role: str | None) -> Client:
        browser = Client(headers={"Host": "127.0.0.1"})
        browser.force_login(make_account(role))
        return browser

    return client


@pytest.fixture
def administrator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Administrator")


@pytest.fixture
def support(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Support")


@pytest.fixture
def operator(signed_in: Callable[[str | None], Client]) -> Client:
    return signed_in("Operator")
