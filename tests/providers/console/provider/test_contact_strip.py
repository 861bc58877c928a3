"""When a provider called, in periods of 40 minutes."""

from datetime import UTC, datetime, timedelta

from providers.activity import slot_of
from providers.console.provider.contact_strip import Contact, contacts_of
from providers.models import RequestCount
from tests.factories import make_calls
from tests.pages import read


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
    assert len(found[provider.pk].links) == 36
    address, said = found[provider.pk].links[35]
    assert said == "10:40 - 11:20: contact with changes"
    assert f"provider={provider.pk}&lookups=1" in address and "from=2026-11-23T09%3A40%3A00Z" in address


def test_each_cycle_leads_to_its_part_of_the_log(support, provider):
    make_calls(provider, 200, ago=timedelta(hours=2))
    page = read(support.get(f"/eum/providers/{provider.pk}/"))
    links = page.one(test_id="cycles").all("a")
    assert len(links) == 36
    [link] = [link for link in links if "no contact" not in link.text]
    assert support.get(link["href"]).context["query"].counted == "1"
