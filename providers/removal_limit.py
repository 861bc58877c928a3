"""The removal limit: what happens if a provider disables or deletes too many users at once.

* Off: nothing.
* Warn: when a provider reaches its limit within an hour, the removals are noted for the console and a mail.
* Hold: from then on each removal gets 503 and changes nothing, so the directory tries again later. An
  administrator allows or rejects them (providers/administration.py).

Under *hold*, the removals are counted while the transaction holds the lock of the provider's row. So two workers
cannot both make the last removal that is allowed.
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
from providers.ids import first_id_at
from providers.models import ChangeEvent, HeldRemoval, Provider, RemovalLimit

SPAN = timedelta(minutes=60)
ALLOWED_FOR = timedelta(hours=24)

# An index of exactly these events makes it fast (migration 0011).
_REMOVALS = """
SELECT count(DISTINCT resource_id), min(at), max(at) FROM providers_changeevent
WHERE provider_id = %s AND id >= providers_uuid7_floor(%s::timestamptz - interval '1 minute') AND at >= %s
  AND kind IN ('resource.disabled', 'resource.deleted') AND resource_type = 'User'
"""
_ACTIVE = """
SELECT count(*) FROM (SELECT FROM providers_resource
  WHERE provider_id = %s AND resource_type = 'User' AND active AND deleted_at IS NULL LIMIT %s) found
"""
_NOTE = """
INSERT INTO providers_heldremoval (provider_id, resource_id, first_at, last_at, is_deletion)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (provider_id, resource_id) DO UPDATE
SET last_at = EXCLUDED.last_at, is_deletion = EXCLUDED.is_deletion
"""


@dataclass(frozen=True)
class Removals:
    """The number of users who were disabled or deleted, and the moments of the first and the last one."""

    users: int
    since: datetime
    until: datetime


class RemovalHeldError(Exception):
    """This user cannot be disabled or deleted now: the provider's removals are held back, or rejected."""

    def __init__(self, provider_id: int, resource_id: UUID, *, is_deletion: bool, is_rejected: bool) -> None:
        super().__init__(f"removals of provider {provider_id} are held back")
        self.provider_id = provider_id
        self.resource_id = resource_id
        self.is_deletion = is_deletion
        self.is_rejected = is_rejected


def removals_above_limit(provider: Provider, start: datetime) -> Removals | None:
    """Return the removals since `start` if they reach the provider's limit, otherwise None.

    The limit has two parts, a number of users and a share of the active users, and both must be reached. At most two
    statements. The second stops counting active users as soon as the share cannot be reached.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REMOVALS, [provider.pk, start, start])
        users, since, until = cursor.fetchone()
        if users < max(provider.removal_limit_users, 1):
            return None
        # If more users than this are still active, the removals are below the share.
        most = users * (100 - provider.removal_limit_percent) // max(provider.removal_limit_percent, 1)
        cursor.execute(_ACTIVE, [provider.pk, most + 1])
        (active,) = cursor.fetchone()
    return Removals(users, since, until) if active <= most else None


REMOVALS = (EventKind.RESOURCE_DISABLED, EventKind.RESOURCE_DELETED)


def held_from(provider: Provider) -> datetime:
    """Return the start of the time in which the removals were counted that caused the hold."""
    assert provider.held_at
    start = provider.held_at - SPAN
    return max(start, provider.removals_count_from) if provider.removals_count_from else start


def removals_between(provider: Provider, since: datetime, until: datetime) -> Any:
    """Return the names of the users who were disabled or deleted, in that order, as a queryset."""
    events = ChangeEvent.objects.filter(provider_id=provider.pk, kind__in=REMOVALS, resource_type="User")
    of_time = events.filter(id__gte=first_id_at(since - timedelta(minutes=1)), at__gte=since, at__lte=until)
    return of_time.order_by("id").values_list("subject", flat=True)


def removals_query(since: datetime, until: datetime) -> str:
    """Return the query string for the history page that shows exactly these removals (AC-HEA-6)."""
    first, last = (moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for moment in (since, until))
    return f"what=removals&since={first}&until={last}"


@contextmanager
def watch(provider_id: int, resource_id: UUID, *, is_deletion: bool) -> Iterator[None]:
    """Guard the write that disables or deletes a user; use it inside the write's transaction.

    Locks the provider. Raises `RemovalHeldError` before the write if removals are held back or rejected. After the
    write it starts the hold if the limit is reached.
    """
    provider = Provider.objects.select_for_update(no_key=True).get(pk=provider_id)
    if provider.removal_limit != RemovalLimit.HOLD:
        yield
        return
    if provider.held_at:
        is_rejected = provider.rejected_at is not None
        raise RemovalHeldError(provider_id, resource_id, is_deletion=is_deletion, is_rejected=is_rejected)
    yield
    now = timezone.now()
    start = max(now - SPAN, provider.removals_count_from or now - SPAN)
    if start <= now and removals_above_limit(provider, start):
        Provider.objects.filter(pk=provider_id).update(held_at=now)
        HeldRemoval.objects.filter(provider_id=provider_id).delete()
        record_act(EventKind.REMOVALS_HELD, SYSTEM, provider=provider)


def note(held: RemovalHeldError) -> None:
    """Record a removal that is held back. Call it after the rollback of the transaction that raised the error."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [held.provider_id, held.resource_id, now, now, held.is_deletion])
