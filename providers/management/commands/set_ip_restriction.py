"""`manage.py set_ip_restriction PROVIDER MODE` turns the IP restriction off, to observing, or on."""

from typing import Any

from django.core.management.base import CommandParser

from providers.ip_restriction import set_mode
from providers.management.commands.show_ip_restriction import FIELDS
from providers.management.script import ScriptCommand, actor
from providers.models import IpMode, Provider


class Command(ScriptCommand):
    help = "Set the IP restriction of a provider to off, observe or enforce."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("mode", choices=IpMode.values)
        parser.add_argument(
            "--refuse-seen", action="store_true", help="enforce, even if addresses of the last week are refused then"
        )

    def act(self, *, provider: Provider, mode: str, refuse_seen: bool, **options: Any) -> Any:
        set_mode(provider, IpMode(mode), actor(), knows_refused=refuse_seen)
        provider.refresh_from_db()
        return provider
