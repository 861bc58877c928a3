"""The address of a caller behind proxies (threat V29)."""

import dataclasses

import pytest
from django.test import Client

from providers.client_address import source_of
from tests.factories import issue, make_provider

FORWARDED = [
    (0, "203.0.113.9", 403),
    (1, "203.0.113.9", 200),
    (1, "203.0.113.9, 198.51.100.1", 403),
    (2, "203.0.113.9, 198.51.100.1", 200),
    (1, "203.0.113.9:4711", 200),
    (1, "", 403),
]


@pytest.mark.parametrize(("proxies", "header", "status"), FORWARDED)
def test_ac_ip_11_only_trusted_proxies_are_believed(db, settings, proxies, header, status):

    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, trusted_proxies=proxies)
    _, value = issue(make_provider(ip_mode="enforce", ranges=("203.0.113.0/24",)))
    headers = {"Authorization": f"Bearer {value}", "X-Forwarded-For": header}
    assert Client().get("/scim/Users", headers=headers, REMOTE_ADDR="198.51.100.1").status_code == status


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
