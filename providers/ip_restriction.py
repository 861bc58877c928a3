"""The acts of administrators on a provider's IP restriction, and the addresses that its requests came from.

The restriction protects the SCIM endpoint, which directories call. So the noted addresses of the
directory decide whether enforcing is safe, and not the address of the administrator's browser.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from providers.audit import check_unchanged, record_act
from providers.events import Actor, EventKind
from providers.ip_rules import MAX_RANGES, Network, covers, covers_everyone
from providers.models import IpMode, IpRule, Provider

SEEN_DAYS = 30
GUARD_DAYS = 7


class CannotEnforceError(Exception):
    """Enforcing is impossible: there are no ranges, they allow every address, or there was no request yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason  # no-ranges, everyone, nothing-seen


class UncoveredError(Exception):
    """Enforcing would refuse addresses that sent requests in the last seven days."""

    def __init__(self, seen: "list[Seen]") -> None:
        super().__init__(f"{len(seen)} addresses are not in an allowed range")
        self.seen = seen


class TooManyRangesError(Exception):
    """A provider can have at most `MAX_RANGES` ranges."""


@dataclass(frozen=True)
class Seen:
    """An address that sent requests with a valid token, and the narrowest allowed range that contains it."""

    address: str
    first_at: datetime
    last_at: datetime
    calls: int
    covered_by: Network | None


_SEEN = """
SELECT host(s.address), s.first_at, s.last_at, s.calls, r.covered_by FROM (
  SELECT address, min(first_at) AS first_at, max(last_at) AS last_at, sum(calls)::bigint AS calls
  FROM providers_sourceseen WHERE provider_id = %s AND day > %s GROUP BY address) s
LEFT JOIN LATERAL (
  SELECT text(cidr) AS covered_by FROM providers_iprule WHERE provider_id = %s AND cidr >>= s.address
  ORDER BY masklen(cidr) DESC LIMIT 1) r ON true
ORDER BY r.covered_by IS NOT NULL, s.last_at DESC, s.address
"""
_MATCHES = """
SELECT r.id, sum(s.calls)::bigint FROM providers_iprule r
JOIN providers_sourceseen s ON s.provider_id = r.provider_id AND r.cidr >>= s.address
WHERE r.provider_id = %s AND s.day > %s GROUP BY r.id
"""


def addresses_seen(provider: Provider, *, days: int = SEEN_DAYS) -> list[Seen]:
    """Return the addresses of the provider's requests, those outside the allowed ranges first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [provider.pk, _days_ago(days), provider.pk])
        return [
            Seen(address, first, last, calls, ipaddress.ip_network(cidr) if cidr else None)
            for address, first, last, calls, cidr in cursor.fetchall()
        ]


def matches(provider: Provider) -> dict[int, int]:
    """Return, by the id of a range, the number of requests from it in the last seven days. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCHES, [provider.pk, _days_ago(GUARD_DAYS)])
        return dict(cursor.fetchall())


def _days_ago(days: int) -> date:
    return timezone.now().date() - timedelta(days=days)


def losing_cover(provider: Provider, removed: Collection[Network], added: Iterable[Network] = ()) -> list[Seen]:
    """Return the addresses of the last seven days that are allowed now, but not after this change of the ranges."""
    left = [network for network in _networks(provider) if network not in removed] + list(added)
    seen = addresses_seen(provider, days=GUARD_DAYS)
    return [found for found in seen if found.covered_by in removed and not covers(left, found.address)]


@transaction.atomic
def set_mode(
    provider: Provider, mode: IpMode, actor: Actor, *, knows_refused: bool = False, seen: str | None = None
) -> None:
    """Set the IP restriction to off, observe or enforce.

    `knows_refused`: the administrator has seen which addresses will be refused. Otherwise raises
    `UncoveredError` if there are any. `seen`: the mode that this change was made from. Raises `CannotEnforceError`,
    and `ChangedMeanwhileError` if that mode is no longer stored.
    """
    found = _lock(provider)
    check_unchanged({"mode": found.ip_mode}, None if seen is None else {"mode": seen})
    if found.ip_mode == mode:
        return
    if mode == IpMode.ENFORCE:
        _guard(found, knows_refused=knows_refused)
    Provider.objects.filter(pk=found.pk).update(ip_mode=mode)
    before, after = {"mode": found.ip_mode}, {"mode": str(mode)}
    record_act(EventKind.IP_MODE_CHANGED, actor, provider=found, before=before, after=after)


def _guard(provider: Provider, *, knows_refused: bool) -> None:
    """Raise an error if enforcing would refuse the directory or would have no effect."""
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
    """Add ranges with their notes. Return the new ones; a range that already exists keeps its note.

    Raises `CannotEnforceError` if the ranges would then allow every address, and `TooManyRangesError`.
    """
    found = _lock(provider)
    before = _networks(found)
    new = [network for network in notes if network not in set(before)]
    _check([*before, *new])
    IpRule.objects.bulk_create(IpRule(provider=found, cidr=network, note=notes[network][:200]) for network in new)
    _record_ranges(found, actor, before)
    return new


def _check(networks: list[Network]) -> None:
    if covers_everyone(networks):
        raise CannotEnforceError("everyone")
    if len(networks) > MAX_RANGES:
        raise TooManyRangesError


@transaction.atomic
def remove_ranges(provider: Provider, ids: Iterable[int], actor: Actor) -> int:
    """Remove ranges and return their number. Raises `CannotEnforceError` if *enforce* is on and none would be left."""
    found = _lock(provider)
    before = _networks(found)
    removed, _by_model = found.ip_rules.filter(pk__in=list(ids)).delete()
    if removed and found.ip_mode == IpMode.ENFORCE and not found.ip_rules.exists():
        raise CannotEnforceError("no-ranges")
    _record_ranges(found, actor, before)
    return removed


def contained(rules: Iterable[IpRule]) -> list[IpRule]:
    """Return the typed ranges that are inside another one and so have no effect (AC-IP-3).

    Two networks are either apart, or one contains the other. So in the order of their first addresses, each has to be
    compared only with the last network that was not itself contained. Ranges of a service tag are not returned,
    because the next import would add them again.
    """
    found: list[IpRule] = []
    outer: Network | None = None
    for rule in sorted(rules, key=lambda rule: _beginning(rule.cidr)):
        if outer is None or outer.version != rule.cidr.version or rule.cidr.network_address not in outer:
            outer = rule.cidr
        elif not rule.tag:
            found.append(rule)
    return found


def _beginning(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


@dataclass(frozen=True)
class Difference:
    """The changes that the import of a service tag would make."""

    added: list[Network]
    removed: list[Network]
    kept: list[Network]


def difference(provider: Provider, tag: str, networks: Iterable[Network]) -> Difference:
    """Return the changes that an import would make. It removes only ranges of the same tag (AC-IP-10)."""
    wanted = dict.fromkeys(networks)
    rules = {rule.cidr: rule for rule in provider.ip_rules.order_by("cidr")}
    return Difference(
        added=[network for network in wanted if network not in rules],
        removed=[cidr for cidr, rule in rules.items() if rule.tag == tag and cidr not in wanted],
        kept=[network for network in wanted if network in rules],
    )


@transaction.atomic
def import_tag(
    provider: Provider, tag: str, change_number: int, networks: Iterable[Network], actor: Actor
) -> Difference:
    """Replace the ranges of a service tag by those of the file. Raises `CannotEnforceError`, `TooManyRangesError`."""
    found = _lock(provider)
    before = _networks(found)
    change = difference(found, tag, networks)
    _check([network for network in before if network not in set(change.removed)] + change.added)
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
    """Lock the provider. Otherwise two administrators at once could leave *enforce* with an empty list."""
    return Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)


def _networks(provider: Provider) -> list[Network]:
    return list(provider.ip_rules.order_by("cidr").values_list("cidr", flat=True))


def _record_ranges(provider: Provider, actor: Actor, before: list[Network]) -> None:
    """Record the added and removed ranges in one change event, even if there are many (AC-IP-12)."""
    after = _networks(provider)
    removed, added = _without(before, after), _without(after, before)
    if removed or added:
        record_act(
            EventKind.IP_RANGES_CHANGED,
            actor,
            provider=provider,
            before={"ranges": removed},
            after={"ranges": added},
        )


def _without(these: Iterable[Network], those: Iterable[Network]) -> list[Network]:
    without = set(those)
    return [network for network in these if network not in without]
