"""What administrators do to providers: each act one transaction with its event in it."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.ip_rules import EVERYONE, Network
from providers.models import IpMode, IpRule, Provider


class TitleTakenError(Exception):
    """Another live provider has this title (upper and lower case count as equal)."""


class NoRangesError(Exception):
    """Enforcing an empty list would refuse everybody, and one that covers everybody restricts nobody."""


def add_provider(
    title: str,
    actor: Actor,
    *,
    ip_mode: IpMode = IpMode.OFF,
    ranges: Iterable[Network] = (),
    is_strict: bool = False,
    skips_unknown_members: bool = False,
) -> Provider:
    """Add a provider with its IP rules. Makes no token.

    Raises `TitleTakenError`, `NoRangesError`.
    """
    networks = list(ranges)
    if ip_mode == IpMode.ENFORCE and (not networks or any(network in EVERYONE for network in networks)):
        raise NoRangesError
    provider = Provider(
        title=title,
        ip_mode=ip_mode,
        is_strict=is_strict,
        skips_unknown_members=skips_unknown_members,
        created_by_id=actor.person_id,
    )
    provider.clean_title()
    try:
        with transaction.atomic():
            provider.save()
            IpRule.objects.bulk_create(IpRule(provider=provider, cidr=network) for network in networks)
            record_act(
                EventKind.PROVIDER_ADDED,
                actor,
                provider=provider,
                after={"title": provider.title, "ip_mode": str(ip_mode), "ranges": networks},
            )
    except IntegrityError as error:
        if "unique_title" in str(error):
            raise TitleTakenError from error
        raise
    return provider
