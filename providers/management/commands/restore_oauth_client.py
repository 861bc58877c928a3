"""`manage.py restore_oauth_client CLIENT_ID` restores a suspended client of a provider."""

from typing import Any

from providers import oauth
from providers.management.answers import CLIENT
from providers.management.script import ScriptCommand, actor
from providers.models import OAuthClient


class Command(ScriptCommand):
    help = "Accept a suspended OAuth client and its access tokens again."
    subject = "client"
    fields = CLIENT

    def act(self, *, client: OAuthClient, **options: Any) -> Any:
        oauth.restore_client(client, actor())
        client.refresh_from_db()
        return client
