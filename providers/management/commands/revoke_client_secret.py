"""`manage.py revoke_client_secret CLIENT_ID PREFIX` revokes a secret of a client."""

from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import CLIENT
from providers.management.script import ScriptCommand, actor, find_secret
from providers.models import OAuthClient
from providers.oauth import revoke_secret


class Command(ScriptCommand):
    help = "Revoke a secret of an OAuth client and the access tokens that came from it."
    subject = "client"
    fields = CLIENT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", metavar="PREFIX", help="its first characters, as list_oauth_clients shows them")

    def act(self, *, client: OAuthClient, prefix: str, **options: Any) -> Any:
        revoke_secret(find_secret(client, prefix), actor())
        return client
