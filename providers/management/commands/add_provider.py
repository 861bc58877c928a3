"""`manage.py add_provider TITLE` adds a provider without the console, for scripts."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from providers.administration import add_provider
from providers.ip_rules import Network
from providers.kinds import DEFAULT, KINDS
from providers.management.answers import PROVIDER
from providers.management.script import Exit, ScriptCommand, actor, network
from providers.models import IpMode, Provider
from providers.switches import SWITCHES
from scim.protocol.values import comparison_key


class Command(ScriptCommand):
    help = "Add a provider for external user management. Then issue its token with issue_token."
    fields = PROVIDER

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("title", help="1 to 100 characters")
        parser.add_argument(
            "--allow",
            nargs="+",
            type=network,
            default=[],
            metavar="CIDR",
            help="address ranges that it may call from",
        )
        parser.add_argument(
            "--ip",
            choices=["observe", "enforce"],
            help="IP-based access restriction; the default with --allow is observe",
        )
        parser.add_argument("--kind", choices=list(KINDS), default=DEFAULT, help="what the directory is")
        for name, switch in SWITCHES.items():
            parser.add_argument(switch.option, dest=name, action="store_true", help=switch.help)
        parser.add_argument(
            "--if-missing", action="store_true", help="change nothing if there is a provider with this title"
        )

    def act(
        self, *, title: str, kind: str, allow: list[Network], ip: str | None, if_missing: bool, **options: Any
    ) -> Any:
        if not title.strip() or len(title) > 100:
            raise CommandError("The title must have 1 to 100 characters.", returncode=Exit.USAGE)
        if if_missing and (held := Provider.objects.live().filter(title_key=comparison_key(title)).first()):
            return held
        return add_provider(
            title,
            actor(),
            kind=kind,
            ip_mode=IpMode(ip or ("observe" if allow else "off")),
            ranges=dict.fromkeys(allow, ""),
            switches=[name for name in SWITCHES if options[name]],
        )
