"""Records acts in the console. Each act is one `ChangeEvent`, written in the transaction of the act itself."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from uuid_utils.compat import uuid7

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
) -> ChangeEvent:
    """Write the change event of one act.

    `before` and `after` are values by name, not nested. The event has only those that differ.
    Without `subject`, the event is about the title of the provider.
    """
    return ChangeEvent.objects.create(
        id=uuid7(),
        at=timezone.now(),
        kind=str(kind.value),
        provider_id=provider.pk if provider else None,
        subject=redact_text(subject or (provider.title if provider else "")),
        **vars(actor),
        changes=_differences(before or {}, after or {}),
    )


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
