"""`manage.py list_tokens PROVIDER` lists the tokens of a provider, without their values, which are not stored."""

from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import TOKEN
from providers.management.script import ScriptCommand
from providers.models import Provider


class Command(ScriptCommand):
    help = "List the live tokens of a provider, the newest first."
    subject = "provider"
    fields = TOKEN

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those that are revoked or expired")

    def act(self, *, provider: Provider, **options: Any) -> Any:
        known = provider.tokens.permanent() if options["all"] else provider.tokens.live()
        return list(known.select_related("replaced_by").order_by("-created_at", "-pk"))
