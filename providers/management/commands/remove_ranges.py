"""`manage.py remove_ranges PROVIDER CIDR...` removes allowed ranges."""

from typing import Any

from django.core.management.base import CommandParser

from providers.ip_restriction import UncoveredError, losing_cover, remove_ranges
from providers.ip_rules import Network
from providers.management.commands.show_ip_restriction import FIELDS
from providers.management.script import ScriptCommand, actor, network
from providers.models import IpMode, Provider


class Command(ScriptCommand):
    help = "Remove allowed ranges of a provider. Those that it does not have are ignored."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ranges", nargs="+", type=network, metavar="CIDR", help="such as 20.190.128.0/18")
        parser.add_argument(
            "--refuse-seen", action="store_true", help="also if addresses of the last week are refused then"
        )

    def act(self, *, provider: Provider, ranges: list[Network], refuse_seen: bool, **options: Any) -> Any:
        rules = [rule for rule in provider.ip_rules.all() if rule.cidr in set(ranges)]
        losing = losing_cover(provider, {rule.cidr for rule in rules})
        if losing and provider.ip_mode == IpMode.ENFORCE and not refuse_seen:
            raise UncoveredError(losing)
        remove_ranges(provider, [rule.pk for rule in rules], actor())
        return provider
