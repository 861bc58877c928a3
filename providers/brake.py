"""The brake on mass deprovisioning: is it too many people at once, and are more of them held back.

A provider that disables or deletes its limit of people within the hour is noted (*warn*), or it is *held*: each further
disabling and deletion changes nothing and comes back later, until an administrator lets them through or rejects them
(providers/administration.py). The caller's transaction holds the provider's row while it counts, so two workers
cannot both be the last one allowed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from providers.audit import record_act
from providers.events import SYSTEM, EventKind
from providers.models import Brake, ChangeEvent, HeldLeaver, Provider, first_id_at

SPAN = timedelta(minutes=60)
RELEASED_FOR = timedelta(hours=24)

# Of these there is an index (migration 0011).
_LEAVERS = """
SELECT count(DISTINCT resource_id), min(at), max(at) FROM providers_changeevent
WHERE provider_id = %s AND id >= providers_uuid7_floor(%s::timestamptz - interval '1 minute') AND at >= %s
  AND kind IN ('resource.disabled', 'resource.deleted') AND resource_type = 'User'
"""
_ACTIVE = """
SELECT count(*) FROM (SELECT FROM providers_resource
  WHERE provider_id = %s AND resource_type = 'User' AND active AND deleted_at IS NULL LIMIT %s) found
"""
_NOTE = """
INSERT INTO providers_heldleaver (provider_id, resource_id, first_at, last_at, is_deletion)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (provider_id, resource_id) DO UPDATE
SET last_at = EXCLUDED.last_at, is_deletion = EXCLUDED.is_deletion
"""


@dataclass(frozen=True)
class Burst:
    """So many people were disabled or deleted between two moments."""

    people: int
    since: datetime
    until: datetime


class HeldError(Exception):
    """This person may not leave now: the provider's departures are held back, or rejected."""

    def __init__(self, provider_id: int, resource_id: UUID, *, is_deletion: bool, is_rejected: bool) -> None:
        super().__init__(f"provider {provider_id} is held")
        self.provider_id = provider_id
        self.resource_id = resource_id
        self.is_deletion = is_deletion
        self.is_rejected = is_rejected


def burst_of(provider: Provider, start: datetime) -> Burst | None:
    """Who left since `start`, if they reach both of the provider's limits: a number, and a share of the active people.

    Two statements at the most; the second counts no further than the share needs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LEAVERS, [provider.pk, start, start])
        people, since, until = cursor.fetchone()
        if people < max(provider.brake_people, 1):
            return None
        # Beyond this many that are still active, those who left are less than the share.
        most = people * (100 - provider.brake_percent) // max(provider.brake_percent, 1)
        cursor.execute(_ACTIVE, [provider.pk, most + 1])
        (active,) = cursor.fetchone()
    return Burst(people, since, until) if active <= most else None


LEAVERS = (EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_DELETED)


def held_from(provider: Provider) -> datetime:
    """From when on the departures counted that led to the hold."""
    assert provider.held_at
    start = provider.held_at - SPAN
    return max(start, provider.brake_from) if provider.brake_from else start


def leavers_between(provider: Provider, since: datetime, until: datetime) -> Any:
    """The userNames of the people who were disabled or deleted, the first one first: a query set."""
    events = ChangeEvent.objects.filter(provider_id=provider.pk, kind__in=LEAVERS, resource_type="User")
    of_time = events.filter(id__gte=first_id_at(since - timedelta(minutes=1)), at__gte=since, at__lte=until)
    return of_time.order_by("id").values_list("subject", flat=True)


def leavers_query(since: datetime, until: datetime) -> str:
    """The history of exactly these people, as the query of its address (AC-HEA-6)."""
    first, last = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in (since, until))
    return f"what=leavers&since={first}&until={last}"


@contextmanager
def watch(provider_id: int, resource_id: UUID, *, is_deletion: bool) -> Iterator[None]:
    """Around the write by which a person leaves, in its transaction. Raises `HeldError` before it."""
    provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
    if provider.brake != Brake.HOLD:
        yield
        return
    if provider.held_at:
        is_rejected = provider.rejected_at is not None
        raise HeldError(provider_id, resource_id, is_deletion=is_deletion, is_rejected=is_rejected)
    yield
    now = timezone.now()
    start = max(now - SPAN, provider.brake_from or now - SPAN)
    if start <= now and burst_of(provider, start):
        Provider.objects.filter(pk=provider_id).update(held_at=now)
        HeldLeaver.objects.filter(provider_id=provider_id).delete()
        record_act(EventKind.REMOVALS_HELD, SYSTEM, provider=provider)


def note(held: HeldError) -> None:
    """Remember who waits; after the refused transaction, of which nothing is left."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [held.provider_id, held.resource_id, now, now, held.is_deletion])
