"""The address of a caller behind proxies, and which peers may name it (threat V29, M5)."""

import dataclasses

import pytest
from django.test import Client

from iprova_idm.options import read_options
from providers.client_address import client_address, source_of
from tests.factories import issue, make_provider

CALLER = "203.0.113.9"


@pytest.fixture
def trust(settings):
    def change(text):
        found = read_options({"TRUSTED_PROXIES": text}).trusted_proxies
        settings.OPTIONS = dataclasses.replace(settings.OPTIONS, trusted_proxies=found)

    return change


# TRUSTED_PROXIES, the peer, X-Forwarded-For, the caller.
FORWARDED = [
    ("0", "127.0.0.1", CALLER, "127.0.0.1"),
    ("1", "127.0.0.1", CALLER, CALLER),
    ("1", "::1", CALLER, CALLER),
    ("1", "::ffff:127.0.0.1", CALLER, CALLER),
    ("1", "127.0.0.1", f"{CALLER}, 198.51.100.1", "198.51.100.1"),
    ("2", "127.0.0.1", f"{CALLER}, 198.51.100.1", CALLER),
    ("2", "127.0.0.1", CALLER, CALLER),
    ("1", "127.0.0.1", f"{CALLER}:4711", CALLER),
    ("1", "127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
    ("1", "127.0.0.1", "", "127.0.0.1"),
    ("1", "198.51.100.1", CALLER, "198.51.100.1"),
    ("127.0.0.1", "127.0.0.1", CALLER, CALLER),
    ("10.0.0.0/8", "10.0.0.5", CALLER, CALLER),
    ("10.0.0.0/8", "::ffff:10.0.0.5", CALLER, CALLER),
    ("::ffff:10.0.0.0/104", "10.0.0.5", CALLER, CALLER),
    ("10.0.0.0/8", "127.0.0.1", CALLER, "127.0.0.1"),
    ("10.0.0.0/8", "198.51.100.1", CALLER, "198.51.100.1"),
    ("10.0.0.0/8", "10.0.0.5", f"127.0.0.1, {CALLER}, 10.0.0.7", CALLER),
    ("10.0.0.0/8, 2001:db8:1::/48", "2001:db8:1::5", f"192.0.2.1, {CALLER}, 10.0.0.7:99", CALLER),
    ("10.0.0.0/8", "10.0.0.5", "10.0.0.6, 10.0.0.7", "10.0.0.6"),
    ("10.0.0.0/8", "10.0.0.5", "", "10.0.0.5"),
    ("10.0.0.0/8", "10.0.0.5", f"{CALLER}, unknown", None),
    ("10.0.0.0/8", "10.0.0.5", f"{CALLER}, 010.0.0.7", None),
    ("10.0.0.0/8", "10.0.0.5", f"{CALLER}, 10.0.0.7%eth0", CALLER),
    # A unix socket has no address: only this machine reaches it.
    ("0", "", CALLER, None),
    ("1", "", CALLER, CALLER),
    ("127.0.0.1", "", CALLER, CALLER),
    ("10.0.0.0/8", "", CALLER, None),
]


@pytest.mark.parametrize(("proxies", "peer", "header", "caller"), FORWARDED)
def test_m5_the_header_counts_only_from_a_trusted_proxy(rf, trust, proxies, peer, header, caller):
    trust(proxies)
    assert client_address(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=header)) == caller


@pytest.mark.parametrize(
    ("proxies", "peer", "header", "status"),
    [
        ("0", "198.51.100.1", CALLER, 403),
        ("1", "198.51.100.1", CALLER, 403),
        ("1", "127.0.0.1", CALLER, 200),
        ("1", "127.0.0.1", f"{CALLER}, 198.51.100.1", 403),
        ("10.0.0.0/8", "10.0.0.5", CALLER, 200),
        ("10.0.0.0/8", "198.51.100.1", CALLER, 403),
        ("10.0.0.0/8", "10.0.0.5", f"{CALLER}, 198.51.100.1", 403),
    ],
)
def test_v29_ac_ip_11_an_ip_restriction_believes_only_trusted_proxies(db, trust, proxies, peer, header, status):
    trust(proxies)
    _, value = issue(make_provider(ip_mode="enforce", ranges=("203.0.113.0/24",)))
    headers = {"Authorization": f"Bearer {value}", "X-Forwarded-For": header}
    assert Client().get("/scim/Users", headers=headers, REMOTE_ADDR=peer).status_code == status


@pytest.mark.parametrize(
    ("proxies", "peer", "is_secure"),
    [("1", "127.0.0.1", True), ("1", "198.51.100.1", False), ("10.0.0.0/8", "10.0.0.5", True), ("0", "::1", False)],
)
def test_m5_https_is_believed_only_from_a_trusted_proxy(db, trust, settings, proxies, peer, is_secure):
    """A request over plain HTTP is redirected, whatever it says about itself."""
    trust(proxies)
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/login/", headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=peer)
    assert answer.status_code == (200 if is_secure else 301)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8::1", "2001:db8::"),
        ("fe80::1%eth0", "fe80::"),
        (None, ""),
    ],
)
def test_m6_an_ipv6_address_counts_as_its_64(address, source):
    assert source_of(address) == source
