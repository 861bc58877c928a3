"""`manage.py add_ranges PROVIDER CIDR...` adds allowed ranges."""

from typing import Any

from django.core.management.base import CommandParser

from providers.ip_restriction import add_ranges
from providers.ip_rules import Network
from providers.management.commands.show_ip_restriction import FIELDS
from providers.management.script import ScriptCommand, actor, network
from providers.models import Provider


class Command(ScriptCommand):
    help = "Add allowed ranges to a provider. A range that is there already keeps its note."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ranges", nargs="+", type=network, metavar="CIDR", help="such as 20.190.128.0/18")
        parser.add_argument("--note", default="", help="a note on each of them")

    def act(self, *, provider: Provider, ranges: list[Network], note: str, **options: Any) -> Any:
        add_ranges(provider, dict.fromkeys(ranges, note), actor())
        return provider
