"""What administrators do to a provider's IP restriction, and the addresses that it really calls from.

The restriction guards the SCIM endpoint, whose caller is a directory: the addresses that were seen
decide whether enforcing is safe, never that of the administrator's browser.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.ip_rules import Network, covers_everyone
from providers.models import IpMode, IpRule, Provider

SEEN_DAYS = 30
GUARD_DAYS = 7
# An import is worth a look after this, and stale after that: Microsoft publishes every week.
OLD, STALE = timedelta(days=14), timedelta(days=45)


class CannotEnforceError(Exception):
    """Enforcing is impossible: there are no ranges, they allow everyone, or nobody has called yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  # no-ranges, everyone, nothing-seen


class UncoveredError(Exception):
    """Enforcing would refuse addresses that called in the last days."""

    def __init__(self, seen: "list[Seen]") -> None:
        super().__init__(f"{len(seen)} addresses are not covered")
        self.seen = seen


@dataclass(frozen=True)
class Seen:
    """An address that called with a good token, and the narrowest range that covers it."""

    address: str
    first_at: datetime
    last_at: datetime
    calls: int
    covered_by: Network | None


_SEEN = """
SELECT host(s.address), min(s.first_at), max(s.last_at), sum(s.calls)::bigint, (
  SELECT text(r.cidr) FROM providers_iprule r WHERE r.provider_id = %s AND r.cidr >>= s.address
  ORDER BY masklen(r.cidr) DESC LIMIT 1) AS covered_by
FROM providers_sourceseen s WHERE s.provider_id = %s AND s.day > %s
GROUP BY s.address ORDER BY covered_by IS NOT NULL, max(s.last_at) DESC, 1
"""
_MATCHES = """
SELECT r.id, sum(s.calls)::bigint FROM providers_iprule r
JOIN providers_sourceseen s ON s.provider_id = r.provider_id AND r.cidr >>= s.address
WHERE r.provider_id = %s AND s.day > %s GROUP BY r.id
"""


def addresses_seen(provider: Provider, *, days: int = SEEN_DAYS) -> list[Seen]:
    """Where the provider called from, uncovered addresses first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [provider.pk, provider.pk, _days_ago(days)])
        return [
            Seen(address, first, last, calls, ipaddress.ip_network(cidr) if cidr else None)
            for address, first, last, calls, cidr in cursor.fetchall()
        ]


def matches(provider: Provider) -> dict[int, int]:
    """By the id of a range: the calls of the last seven days that it covers."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCHES, [provider.pk, _days_ago(GUARD_DAYS)])
        return dict(cursor.fetchall())


def _days_ago(days: int) -> date:
    return timezone.now().date() - timedelta(days=days)


@transaction.atomic
def set_mode(provider: Provider, mode: IpMode, actor: Actor, *, knows_refused: bool = False) -> None:
    """Switch between off, observe and enforce.

    Raises `CannotEnforceError`, or `UncoveredError` unless the administrator knows who will be refused.
    """
    found = _lock(provider)
    if mode == IpMode.ENFORCE and found.ip_mode != mode:
        _guard(found, knows_refused=knows_refused)
    if found.ip_mode != mode:
        Provider.objects.filter(pk=found.pk).update(ip_mode=mode)
        _record(EventKind.IP_MODE_CHANGED, found, actor, before={"mode": found.ip_mode}, after={"mode": str(mode)})


def _guard(provider: Provider, *, knows_refused: bool) -> None:
    networks = _networks(provider)
    if not networks:
        raise CannotEnforceError("no-ranges")
    if covers_everyone(networks):
        raise CannotEnforceError("everyone")
    seen = addresses_seen(provider, days=GUARD_DAYS)
    if not seen:
        raise CannotEnforceError("nothing-seen")
    uncovered = [found for found in seen if found.covered_by is None]
    if uncovered and not knows_refused:
        raise UncoveredError(uncovered)


@transaction.atomic
def add_ranges(provider: Provider, notes: Mapping[Network, str], actor: Actor) -> list[Network]:
    """Add ranges with their notes; those that are there already are left alone. Returns what is new.

    Raises `CannotEnforceError` if everybody would be let in then.
    """
    found = _lock(provider)
    before = _networks(found)
    new = [network for network in notes if network not in set(before)]
    if covers_everyone([*before, *new]):
        raise CannotEnforceError("everyone")
    IpRule.objects.bulk_create(IpRule(provider=found, cidr=network, note=notes[network][:200]) for network in new)
    _record_ranges(found, actor, before)
    return new


@transaction.atomic
def remove_ranges(provider: Provider, ids: Iterable[int], actor: Actor) -> int:
    """Remove ranges and return how many. Raises `CannotEnforceError` for the last ones under *enforce*."""
    found = _lock(provider)
    before = _networks(found)
    removed, _by_model = found.ip_rules.filter(pk__in=list(ids)).delete()
    if removed and found.ip_mode == IpMode.ENFORCE and not found.ip_rules.exists():
        raise CannotEnforceError("no-ranges")
    _record_ranges(found, actor, before)
    return removed


def contained(rules: Iterable[IpRule]) -> list[IpRule]:
    """The ranges that lie in another one, and so add nothing (AC-IP-3)."""
    known = list(rules)
    return [
        rule
        for rule in known
        if any(
            rule.cidr != other.cidr and rule.cidr.version == other.cidr.version and rule.cidr.subnet_of(other.cidr)
            for other in known
        )
    ]


@dataclass(frozen=True)
class Difference:
    """What importing a service tag would change."""

    tag: str
    change_number: int
    added: list[Network]
    removed: list[Network]
    kept: list[Network]


def difference(provider: Provider, tag: str, change_number: int, networks: Iterable[Network]) -> Difference:
    """Only ranges that came from the same tag are removed; what somebody typed stays (AC-IP-10)."""
    wanted = list(dict.fromkeys(networks))
    rules = {rule.cidr: rule for rule in provider.ip_rules.all()}
    removed = [cidr for cidr, rule in rules.items() if rule.tag == tag and cidr not in set(wanted)]
    added = [network for network in wanted if network not in rules]
    return Difference(tag, change_number, added, removed, [network for network in wanted if network in rules])


@transaction.atomic
def import_tag(
    provider: Provider, tag: str, change_number: int, networks: Iterable[Network], actor: Actor
) -> Difference:
    """Make the ranges of a service tag those of the file. Raises `CannotEnforceError`."""
    found = _lock(provider)
    before = _networks(found)
    change = difference(found, tag, change_number, networks)
    if covers_everyone([*change.added, *change.kept]):
        raise CannotEnforceError("everyone")
    now = timezone.now()
    found.ip_rules.filter(tag=tag, cidr__in=[str(network) for network in change.removed]).delete()
    found.ip_rules.filter(tag=tag).update(change_number=change_number, imported_at=now)
    IpRule.objects.bulk_create(
        IpRule(provider=found, cidr=network, tag=tag, change_number=change_number, imported_at=now)
        for network in change.added
    )
    _record_ranges(found, actor, before)
    return change


def _lock(provider: Provider) -> Provider:
    """Two administrators at once must not leave *enforce* with an empty list."""
    return Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)


def _networks(provider: Provider) -> list[Network]:
    return list(provider.ip_rules.order_by("cidr").values_list("cidr", flat=True))


def _record_ranges(provider: Provider, actor: Actor, before: list[Network]) -> None:
    after = _networks(provider)
    if before != after:
        _record(EventKind.IP_RANGES_CHANGED, provider, actor, before={"ranges": before}, after={"ranges": after})


def _record(kind: EventKind, provider: Provider, actor: Actor, *, before: Any, after: Any) -> None:
    record_act(kind, actor, provider=provider, before=before, after=after)
