"""The IP restriction: ranges without effect, the difference that an import makes, and what prevents enforcing."""

import pytest
from django.utils import timezone

from providers.events import SYSTEM
from providers.ip_restriction import (
    CannotEnforceError,
    UncoveredError,
    add_ranges,
    contained,
    difference,
    losing_cover,
    set_mode,
)
from providers.ip_rules import read_range
from providers.models import IpMode, IpRule
from tests.factories import make_calls, make_provider


def networks(*texts):
    return [read_range(text) for text in texts]


@pytest.mark.parametrize(
    ("ranges", "inside"),
    [
        (["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"], ["10.1.0.0/16", "10.1.2.0/24"]),
        (["10.1.2.0/24", "10.1.0.0/16", "192.0.2.0/24"], ["10.1.2.0/24"]),
        (["10.0.0.0/9", "10.128.0.0/9"], []),
        (["0.0.0.0/1", "::/1", "2001:db8::/32"], ["2001:db8::/32"]),
    ],
)
def test_ac_ip_3_a_typed_range_inside_another_has_no_effect(ranges, inside):
    rules = [IpRule(cidr=network) for network in networks(*ranges)]
    assert [str(rule.cidr) for rule in contained(rules)] == inside
    assert contained([IpRule(cidr=rule.cidr, tag="Tag") for rule in rules]) == []


def test_ac_ip_10_an_import_removes_only_ranges_of_its_tag(provider):
    add_ranges(provider, dict.fromkeys(networks("192.0.2.0/24"), "typed"), SYSTEM)
    IpRule.objects.create(provider=provider, cidr="10.0.0.0/8", tag="A", imported_at=timezone.now())
    IpRule.objects.create(provider=provider, cidr="11.0.0.0/8", tag="B", imported_at=timezone.now())
    found = difference(provider, "A", networks("192.0.2.0/24", "12.0.0.0/8"))
    assert (found.added, found.removed) == (networks("12.0.0.0/8"), networks("10.0.0.0/8"))
    assert found.kept == networks("192.0.2.0/24")


def test_ac_ip_4_enforcing_needs_ranges_a_request_and_knowledge_of_who_is_refused(provider):
    def reason():
        with pytest.raises(CannotEnforceError) as refused:
            set_mode(provider, IpMode.ENFORCE, SYSTEM)
        return refused.value.reason

    assert reason() == "no-ranges"
    add_ranges(provider, dict.fromkeys(networks("192.0.2.0/24"), ""), SYSTEM)
    assert reason() == "nothing-seen"
    make_calls(provider, source_ip="198.51.100.7")
    with pytest.raises(UncoveredError) as uncovered:
        set_mode(provider, IpMode.ENFORCE, SYSTEM)
    assert [seen.address for seen in uncovered.value.seen] == ["198.51.100.7"]
    set_mode(provider, IpMode.ENFORCE, SYSTEM, knows_refused=True)
    provider.refresh_from_db()
    assert provider.ip_mode == "enforce"


def test_an_address_loses_cover_if_no_other_range_has_it(db):
    provider = make_provider(ranges=("192.0.2.0/24", "192.0.2.0/25", "198.51.100.0/24"))
    for address in ("192.0.2.1", "198.51.100.7", "203.0.113.9"):
        make_calls(provider, source_ip=address)

    def losing(removed, added=()):
        return [seen.address for seen in losing_cover(provider, networks(*removed), networks(*added))]

    assert losing(["192.0.2.0/25"]) == []
    assert losing(["192.0.2.0/25", "192.0.2.0/24"]) == ["192.0.2.1"]
    assert losing(["198.51.100.0/24"], ["198.51.0.0/16"]) == []
