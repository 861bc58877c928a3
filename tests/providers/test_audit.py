"""The change event of an act: what it contains of the values before and after."""

from datetime import UTC, datetime
from ipaddress import ip_network

from providers.audit import record_act
from providers.events import SYSTEM, Actor, EventKind
from providers.models import ChangeEvent


def test_an_event_has_only_the_values_that_differ_in_plain_form(provider):
    at = datetime(2026, 11, 3, tzinfo=UTC)
    before = {"title": "A", "ranges": [], "expires_at": None}
    after = {"title": "A", "ranges": [ip_network("192.0.2.0/24")], "expires_at": at, "mode": "off"}
    record_act(EventKind.PROVIDER_CHANGED, SYSTEM, provider=provider, before=before, after=after)
    assert ChangeEvent.objects.get(kind="provider.changed").changes == [
        {"path": "expires_at", "before": None, "after": "2026-11-03 00:00:00+00:00"},
        {"path": "mode", "after": "off"},
        {"path": "ranges", "before": [], "after": ["192.0.2.0/24"]},
    ]


def test_an_event_is_about_its_subject_or_else_about_the_title_of_its_provider(provider):
    anna = Actor(person_id=1, person_name="Anna Bakker", address="203.0.113.9")
    event = record_act(EventKind.PROVIDER_PAUSED, anna, provider=provider)
    assert (event.subject, event.provider_id, event.person_name) == (provider.title, provider.pk, "Anna Bakker")
    assert event.address == "203.0.113.9"
    event = record_act(EventKind.ACCOUNT_ADDED, anna, subject="bert")
    assert (event.subject, event.provider_id, event.changes) == ("bert", None, [])
