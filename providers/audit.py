"""Records acts in the console. Each act is one `ChangeEvent`, written in the transaction of the act itself."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.client_address import source_of
from providers.events import Actor, EventKind
from providers.models import ChangeEvent, Provider
from providers.redaction import redact_text


def record_act(
    kind: EventKind,
    actor: Actor,
    *,
    provider: Provider | None = None,
    subject: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> ChangeEvent:
    """Write the change event of one act.

    `before` and `after` are values by name, not nested. The event has only those that differ.
    Without `subject`, the event is about the title of the provider. `using` is the connection with the transaction.
    """
    event = ChangeEvent(
        id=uuid7(),
        at=timezone.now(),
        kind=str(kind.value),
        provider_id=provider.pk if provider else None,
        subject=redact_text(subject or (provider.title if provider else "")),
        **vars(actor),
        changes=_differences(before or {}, after or {}),
    )
    event.save(using=using, force_insert=True)
    return event


MOST_A_MINUTE = 20  # events of one kind about one subject, from all addresses


@transaction.atomic
def record_seldom(kind: EventKind, actor: Actor, *, subject: str) -> ChangeEvent | None:
    """Write the change event of an act that anybody can do: one a minute for a subject and an address.

    An IPv6 /64 is one address. Return None if there is one, or if all addresses together have `MOST_A_MINUTE`.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"iprova seldom {kind.value} {subject}"])
    alike = ChangeEvent.objects.acts().filter(kind=str(kind.value), subject=subject)
    lately = alike.since(timezone.now() - timedelta(minutes=1)).values_list("address", flat=True)
    sources = [source_of(address) for address in lately]
    if source_of(actor.address) in sources or len(sources) >= MOST_A_MINUTE:
        return None
    return record_act(kind, actor, subject=subject)


class ChangedMeanwhileError(Exception):
    """The stored values are no longer those that the form of this act was made from."""


def check_unchanged(now: Mapping[str, Any], seen: Mapping[str, Any] | None) -> None:
    """Raise `ChangedMeanwhileError` if a value in `seen` is another one now. None: the act does not depend on any."""
    if any(now.get(name) != value for name, value in (seen or {}).items()):
        raise ChangedMeanwhileError


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    changes = []
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            change = {"path": name}
            change |= {"before": _plain(before[name])} if name in before else {}
            change |= {"after": _plain(after[name])} if name in after else {}
            changes.append(change)
    return changes


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    is_text = isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)) or hasattr(value, "isoformat")
    return str(value) if is_text else value
