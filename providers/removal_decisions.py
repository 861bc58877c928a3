"""The decisions of administrators about removals that are held back (providers/removal_limit.py).

    decision          possible when                   effect
    ----------------  ------------------------------  ----------------------------------------------------------
    allow_waiting     removals are held, some wait    exactly the removals that wait are allowed, for a day at
                                                      most; all others are still held
    switch_limit_off  removals are held or rejected   nothing is counted or held for some hours
    end_hold          removals are held               removals are accepted and counted from zero
    reject_removals   removals are held               removals get 403 instead of 503, also allowed ones
    lift_rejection    removals are rejected           removals are accepted and counted from zero
    hold_again        some are allowed, or the limit  everything is held again, also what was allowed and not
                      is switched off                 requested yet

Each is one transaction under the lock of the provider's row, which includes its change event. A decision is made on
what a page has shown: `Situation.key` names that, and if it is no longer true, `StaleDecisionError` is raised and
nothing changes. A decision that is sent again finds its own effect and is stale too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import HeldRemoval, Provider, RemovalLimit
from providers.removal_limit import clear_hold

# A removal that was allowed waits again if the directory does not request it within this time.
ALLOWED_FOR = timedelta(hours=24)
# For how many hours the limit can be switched off.
OFF_HOURS = (1, 8, 24)


class StaleDecisionError(Exception):
    """What the decision was about has changed since the page was shown."""


@dataclass(frozen=True)
class Situation:
    """What there is to decide about a provider: whether removals are held, and how many wait or are allowed.

    `waiting` and `allowed` are numbers of removals, `waiting_users` and `allowed_users` those of the users affected.
    `digest` stands for exactly the removals that wait, up to the one with the id `last_id`.
    """

    held_at: datetime | None
    rejected_at: datetime | None
    count_from: datetime | None
    is_off: bool
    waiting: int
    waiting_users: int
    last_id: int
    digest: str
    allowed: int
    allowed_users: int
    allowed_until: datetime | None

    @property
    def is_held(self) -> bool:
        return self.held_at is not None and self.rejected_at is None

    @property
    def key(self) -> str:
        """The text by which a form names the decisions so far. Removals that came later do not change it."""
        moments = (self.held_at, self.rejected_at, self.count_from, self.allowed_until)
        return "|".join(str(moment or "") for moment in moments)

    @property
    def waiting_key(self) -> str:
        """The text by which a form names exactly the removals that wait."""
        return f"{self.last_id}.{self.digest}"


# A user whose own removal is held may also be in a group that would lose its members.
_REMOVALS = """
WITH removals AS (
  SELECT * FROM (SELECT *, allowed_until IS NULL OR allowed_until <= %s AS waits FROM providers_heldremoval
                 WHERE provider_id = %s) own WHERE id <= %s OR NOT waits),
users AS (
  SELECT waits, unnest(CASE resource_type WHEN 'User' THEN ARRAY[resource_id] ELSE user_ids END) AS id FROM removals)
SELECT count(*) FILTER (WHERE waits), (SELECT count(DISTINCT id) FROM users WHERE waits),
  coalesce(max(id) FILTER (WHERE waits), 0), coalesce(md5(string_agg(
    concat_ws(':', id, is_deletion, user_count, md5(user_ids::text)), ',' ORDER BY id) FILTER (WHERE waits)), ''),
  count(*) FILTER (WHERE NOT waits), (SELECT count(DISTINCT id) FROM users WHERE NOT waits),
  max(allowed_until) FILTER (WHERE NOT waits)
FROM removals
"""
_NEWEST = 2**63 - 1


def situation_of(provider: Provider, last_id: int = _NEWEST) -> Situation:
    """Return what there is to decide; removals that wait count up to the one with the id `last_id`. One statement."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_REMOVALS, [now, provider.pk, last_id])
        numbers = cursor.fetchone()
    can_be_off = provider.held_at is None and provider.removal_limit == RemovalLimit.HOLD
    is_off = can_be_off and provider.removals_count_from is not None and provider.removals_count_from > now
    return Situation(provider.held_at, provider.rejected_at, provider.removals_count_from, is_off, *numbers)


@contextmanager
def _deciding(provider: Provider, key: str | None, last_id: int = _NEWEST) -> Iterator[tuple[Provider, Situation]]:
    """Lock the provider. Raises `StaleDecisionError` if `key` is given and is not that of the situation."""
    with transaction.atomic():
        found = Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
        situation = situation_of(found, last_id)
        _require(key is None or key == situation.key)
        yield found, situation


def _require(is_possible: object) -> None:
    if not is_possible:
        raise StaleDecisionError


def allow_waiting(provider: Provider, actor: Actor, *, waiting: str, key: str | None = None) -> Situation:
    """Allow the removals that `waiting` names, until the directory requests them or `ALLOWED_FOR` is over.

    Removals that came later are still held. Returns the situation with those that are allowed now as waiting.
    """
    last_id = waiting.partition(".")[0]
    _require(last_id.isdecimal() and len(last_id) < 20 and int(last_id) <= _NEWEST)
    with _deciding(provider, key, int(last_id)) as (found, situation):
        _require(situation.is_held and situation.waiting and situation.waiting_key == waiting)
        until = timezone.now() + ALLOWED_FOR
        HeldRemoval.objects.of(found).waiting().filter(pk__lte=situation.last_id).update(allowed_until=until)
        after = {"users": situation.waiting_users, "until": until}
        record_act(EventKind.HELD_REMOVALS_ALLOWED, actor, provider=found, after=after)
    return situation


def switch_limit_off(provider: Provider, actor: Actor, *, hours: int, key: str | None = None) -> datetime:
    """End the hold, and count and hold no removals for some hours. Returns until when."""
    with _deciding(provider, key) as (found, situation):
        _require(situation.held_at)
        until = timezone.now() + timedelta(hours=hours)
        clear_hold(found, count_from=until)
        record_act(EventKind.LIMIT_SWITCHED_OFF, actor, provider=found, after={"until": until})
    return until


def hold_again(provider: Provider, actor: Actor, *, key: str | None = None) -> None:
    """Hold every removal from now on, also those that were allowed and not requested yet."""
    with _deciding(provider, key) as (found, situation):
        _require(situation.is_off or (situation.is_held and situation.allowed))
        HeldRemoval.objects.of(found).update(allowed_until=None)
        if situation.is_off:
            Provider.objects.filter(pk=found.pk).update(held_at=timezone.now(), removals_count_from=None)
        record_act(EventKind.REMOVALS_HELD_AGAIN, actor, provider=found)


def reject_removals(provider: Provider, actor: Actor, *, key: str | None = None) -> None:
    """Reject removals (403) instead of holding them back, until the rejection is lifted."""
    with _deciding(provider, key) as (found, situation):
        _require(situation.is_held)
        HeldRemoval.objects.of(found).update(allowed_until=None)
        Provider.objects.filter(pk=found.pk).update(rejected_at=timezone.now())
        record_act(EventKind.REMOVALS_REJECTED, actor, provider=found)


def lift_rejection(provider: Provider, actor: Actor, *, key: str | None = None) -> None:
    """Accept removals again and count them from now on."""
    with _deciding(provider, key) as (found, situation):
        _require(situation.rejected_at)
        clear_hold(found, count_from=timezone.now())
        record_act(EventKind.REJECTION_LIFTED, actor, provider=found)


def end_hold(provider: Provider, actor: Actor, *, key: str | None = None) -> None:
    """Accept removals again and count them from now on, without a rejection before."""
    with _deciding(provider, key) as (found, situation):
        _require(situation.is_held)
        clear_hold(found, count_from=timezone.now())
        record_act(EventKind.HOLD_ENDED, actor, provider=found)
