"""`manage.py show_ip_restriction PROVIDER` prints the allowed ranges, and the addresses that sent requests."""

from typing import Any

from providers.ip_restriction import GUARD_DAYS, addresses_seen
from providers.management.script import Fields, ScriptCommand
from providers.models import IpRule, Provider


def _range(rule: IpRule) -> dict[str, Any]:
    return {"range": rule.cidr, "note": rule.note, "tag": rule.tag, "change_number": rule.change_number}


FIELDS: Fields = {
    "provider": lambda provider: provider.title,
    "mode": lambda provider: provider.ip_mode,
    "ranges": lambda provider: [_range(rule) for rule in provider.ip_rules.order_by("cidr")],
    "seen_7_days": lambda provider: [
        {"address": seen.address, "calls": seen.calls, "last": seen.last_at, "allowed_by": seen.covered_by}
        for seen in addresses_seen(provider, days=GUARD_DAYS)
    ],
}


class Command(ScriptCommand):
    help = "Print the IP restriction of a provider: mode, allowed ranges, addresses of the last week."
    subject = "provider"
    fields = FIELDS

    def act(self, *, provider: Provider, **options: Any) -> Any:
        return provider
