"""When a provider called, in periods of 40 minutes."""

from datetime import UTC, datetime, timedelta

from providers.activity import slot_of
from providers.console.provider.contact_strip import Contact, contacts_of
from providers.models import RequestCount


def test_contacts_tell_changes_quiet_contact_and_refusals_apart(provider, stranger):
    now = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)  # the last cycle began at 09:40
    counted = [
        (5, "success", True), (5, "refused", False),
        (45, "success", False), (45, "rejected", True),
        (2 * 60, "refused", True),
        (23 * 60, "throttled", True),
    ]  # fmt: skip
    for minutes, outcome, is_change in counted:
        RequestCount.objects.create(
            provider_id=provider.pk, slot=slot_of(now - timedelta(minutes=minutes)), outcome=outcome,
            is_change=is_change, count=1,
        )  # fmt: skip
    found = contacts_of([provider.pk, stranger.pk], now)
    cycles = found[provider.pk].cycles
    assert {number: cycle for number, cycle in enumerate(cycles) if cycle is not Contact.NONE} == {
        35: Contact.CHANGES, 34: Contact.QUIET, 32: Contact.REFUSED, 1: Contact.QUIET,
    }  # fmt: skip
    assert len(cycles) == 36 and found[provider.pk].count == 3
    assert found[provider.pk].description == "Contact in 3 of 36 periods of 40 minutes. Refused in 1."
    assert found[provider.pk].paths["refused"] == "M128 0h3v6h-3zm0 10h3v6h-3z"
    assert set(found[stranger.pk].cycles) == {Contact.NONE}
