"""`manage.py revoke_oauth_client CLIENT_ID` revokes a client of a provider."""

from typing import Any

from providers import oauth
from providers.management.answers import CLIENT
from providers.management.script import ScriptCommand, actor
from providers.models import OAuthClient


class Command(ScriptCommand):
    help = "Revoke an OAuth client with its secrets and access tokens, for good."
    subject = "client"
    fields = CLIENT

    def act(self, *, client: OAuthClient, **options: Any) -> Any:
        oauth.revoke_client(client, actor())
        client.refresh_from_db()
        return client
