"""`manage.py list_oauth_clients PROVIDER` lists the OAuth clients of a provider."""

from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import CLIENT
from providers.management.script import ScriptCommand
from providers.models import Provider


class Command(ScriptCommand):
    help = "List the OAuth clients of a provider with their live secrets."
    subject = "provider"
    fields = CLIENT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="the revoked ones too")

    def act(self, *, provider: Provider, **options: Any) -> Any:
        known = provider.oauth_clients.all() if options["all"] else provider.oauth_clients.live()
        return list(known.order_by("pk"))
