"""The acts of administrators on providers: add, change, pause, delete and restore.

Each act is one transaction, which includes its change event.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from providers.audit import check_unchanged, record_act
from providers.events import Actor, EventKind
from providers.ip_rules import Network, covers_everyone
from providers.kinds import DEFAULT, KINDS
from providers.models import IpMode, IpRule, Provider, RemovalLimit
from providers.removal_limit import clear_hold
from providers.switches import SWITCHES


class TitleTakenError(Exception):
    """Another live provider has this title, ignoring case."""


class NoRangesError(Exception):
    """The IP restriction cannot be enforced: the list of ranges is empty, or it allows every address."""


def add_provider(
    title: str,
    actor: Actor,
    *,
    kind: str = DEFAULT,
    ip_mode: IpMode = IpMode.OFF,
    ranges: Mapping[Network, str] | None = None,
    switches: Collection[str] = (),
) -> Provider:
    """Add a provider, without a token.

    `kind` is a name in `KINDS`; `ranges` are the allowed ranges with their notes; `switches` are names of `SWITCHES`
    to turn on.
    Raises `TitleTakenError`, `NoRangesError`.
    """
    notes = ranges or {}
    networks = list(notes)
    if ip_mode == IpMode.ENFORCE and (not networks or covers_everyone(networks)):
        raise NoRangesError
    provider = Provider(
        title=title,
        kind=kind,
        silent_after_hours=KINDS[kind].silent_after_hours,
        ip_mode=ip_mode,
        **dict.fromkeys(switches, True),
        created_by_id=actor.person_id,
    )
    provider.clean_title()
    with _titles_are_unique(), transaction.atomic():
        provider.save()
        IpRule.objects.bulk_create(
            IpRule(provider=provider, cidr=network, note=notes[network][:200]) for network in networks
        )
        record_act(
            EventKind.PROVIDER_ADDED,
            actor,
            provider=provider,
            after={"title": provider.title, "kind": kind, "ip_mode": str(ip_mode), "ranges": networks},
        )
    return provider


@contextmanager
def _titles_are_unique() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "unique_title" in str(error):
            raise TitleTakenError from error
        raise


CHANGEABLE = (
    "title",
    "kind",
    "notification_email",
    *SWITCHES,
    "late_after_minutes",
    "silent_after_hours",
    "removal_limit",
    "removal_limit_users",
    "removal_limit_percent",
)


def change_provider(
    provider: Provider, actor: Actor, values: Mapping[str, Any], *, seen: Mapping[str, Any] | None = None
) -> None:
    """Set the columns in `values`; those that are not in `CHANGEABLE` are ignored.

    With another kind of directory, `silent_after_hours` follows, unless it was set or is set now. `seen`: the values
    that this change was made from. Raises `TitleTakenError`, and `ChangedMeanwhileError` if they are no longer stored.
    """
    with _titles_are_unique(), transaction.atomic():
        found = Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
        before = {name: getattr(found, name) for name in CHANGEABLE}
        check_unchanged(before, seen)
        for name in CHANGEABLE:
            setattr(found, name, values.get(name, before[name]))
        usual = KINDS[before["kind"]].silent_after_hours
        if found.kind != before["kind"] and found.silent_after_hours == before["silent_after_hours"] == usual:
            found.silent_after_hours = found.directory.silent_after_hours
        found.clean_title()
        after = {name: getattr(found, name) for name in CHANGEABLE}
        if before == after:
            return
        found.save(update_fields=[*CHANGEABLE, "title_key"])
        if found.held_at and found.removal_limit != RemovalLimit.HOLD:
            clear_hold(found, count_from=found.removals_count_from)
        record_act(EventKind.PROVIDER_CHANGED, actor, provider=found, before=before, after=after)


@transaction.atomic
def pause_provider(provider: Provider, actor: Actor) -> None:
    """Pause a provider: its requests get 503 until it is resumed. No user is disabled. Idempotent."""
    paused = Provider.objects.live().filter(pk=provider.pk, paused_at=None)
    if paused.update(paused_at=timezone.now(), paused_by_id=actor.person_id):
        record_act(EventKind.PROVIDER_PAUSED, actor, provider=provider)


@transaction.atomic
def resume_provider(provider: Provider, actor: Actor) -> None:
    """Accept a provider's requests again. Idempotent."""
    paused = Provider.objects.live().filter(pk=provider.pk, paused_at__isnull=False)
    if paused.update(paused_at=None, paused_by=None):
        record_act(EventKind.PROVIDER_RESUMED, actor, provider=provider)


@transaction.atomic
def delete_provider(provider: Provider, actor: Actor) -> None:
    """Delete a provider. Idempotent.

    From now on its tokens get 401 and its title is free. All data are kept for 30 days.
    """
    if Provider.objects.live().filter(pk=provider.pk).update(deleted_at=timezone.now()):
        record_act(EventKind.PROVIDER_DELETED, actor, provider=provider)


def restore_provider(provider: Provider, actor: Actor, *, title: str) -> None:
    """Restore a deleted provider. It is paused, so that somebody can check it before requests are accepted.

    Raises `TitleTakenError` if another provider has taken the title in the meantime.
    """
    with _titles_are_unique(), transaction.atomic():
        found = Provider.objects.restorable().select_for_update(no_key=True).get(pk=provider.pk)
        before = {"title": found.title}
        found.title = title
        found.clean_title()
        found.deleted_at = None
        found.paused_at, found.paused_by_id = found.paused_at or timezone.now(), found.paused_by_id or actor.person_id
        found.save(update_fields=["title", "title_key", "deleted_at", "paused_at", "paused_by"])
        record_act(EventKind.PROVIDER_RESTORED, actor, provider=found, before=before, after={"title": found.title})


def tick_guide(provider: Provider, shown: Iterable[str], ticked: Iterable[str]) -> None:
    """Store which steps of the setup guide are done. Steps that were not shown keep their state.

    This is a note between colleagues, so there is no change event.
    """
    with transaction.atomic():
        found = Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
        known, done = set(shown), set(ticked)
        found.guide_steps = sorted((set(found.guide_steps) - known) | (known & done))
        found.save(update_fields=["guide_steps"])
