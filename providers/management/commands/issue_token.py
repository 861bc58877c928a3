"""`manage.py issue_token PROVIDER` issues a permanent token without the console and prints its value once."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from providers.events import SYSTEM
from providers.management.script import ScriptCommand, find_provider
from providers.plain_text import one_line
from providers.tokens import TooManyTokensError, issue_token


class Command(ScriptCommand):
    help = "Issue a permanent token to a provider. Its value is shown only once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="id or title")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = find_provider(options["provider"])
        try:
            token, value = issue_token(provider, SYSTEM)
        except TooManyTokensError as error:
            raise CommandError(f"{one_line(provider.title)} has two live tokens: revoke one first.") from error
        tenant_url = settings.OPTIONS.scim_url
        if options["json"]:
            found = {"provider_id": provider.pk, "tenant_url": tenant_url, "label": token.label, "token": value}
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"Tenant URL: {tenant_url}\nSecret token, shown only now: {value}")
