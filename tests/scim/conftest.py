"""What tests of SCIM share: a client of the provider, and users to sort and page."""

import pytest

from scim.protocol.attributes import ENTERPRISE_USER
from tests.factories import make_user


@pytest.fixture
def client(provider, scim):
    return scim(provider)


@pytest.fixture
def three_users(provider):
    make_user(
        provider,
        "b@x",
        title="nurse",
        active=False,
        emails=[{"value": "z@x", "type": "work"}, {"value": "a@x", "type": "home", "primary": True}],
    )
    make_user(provider, "A@x", title="Porter", emails=[{"value": "m@x"}], **{ENTERPRISE_USER: {"department": "Care"}})
    make_user(provider, "_c@x", name={"familyName": "Vance"})
