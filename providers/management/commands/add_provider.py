"""`manage.py add_provider TITLE` adds a provider without the console, for scripts."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from providers.administration import NoRangesError, TitleTakenError, add_provider
from providers.events import SYSTEM
from providers.ip_rules import RangeProblem, read_range
from providers.management.script import ScriptCommand
from providers.models import IpMode
from providers.plain_text import one_line
from providers.switches import SWITCHES


class Command(ScriptCommand):
    help = "Add a provider for external user management. Then issue its token with issue_token."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("title")
        parser.add_argument(
            "--allow", nargs="+", default=[], metavar="CIDR", help="address ranges that it may call from"
        )
        parser.add_argument(
            "--ip",
            choices=["observe", "enforce"],
            help="IP-based access restriction; the default with --allow is observe",
        )
        for name, switch in SWITCHES.items():
            parser.add_argument(switch.option, dest=name, action="store_true", help=switch.help)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = [read_range(text) for text in options["allow"]]
        for problem in found:
            if isinstance(problem, RangeProblem):
                raise CommandError(problem.reason)
        if not options["title"].strip() or len(options["title"]) > 100:
            raise CommandError("The title must have 1 to 100 characters.")
        mode = options["ip"] or ("observe" if found else "off")
        try:
            provider = add_provider(
                options["title"],
                SYSTEM,
                ip_mode=IpMode(mode),
                ranges={network: "" for network in found if not isinstance(network, RangeProblem)},
                switches=[name for name in SWITCHES if options[name]],
            )
        except TitleTakenError as error:
            raise CommandError(f"There is already a provider {options['title']!r}.") from error
        except NoRangesError as error:
            raise CommandError("--ip enforce needs --allow with ranges that do not allow every address.") from error
        tenant_url = settings.OPTIONS.scim_url
        if options["json"]:
            self.stdout.write(
                json.dumps({"provider_id": provider.pk, "title": provider.title, "tenant_url": tenant_url})
            )
        else:
            self.stdout.write(f"Provider {provider.pk}: {one_line(provider.title)}\nTenant URL: {tenant_url}")
