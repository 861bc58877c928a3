"""`manage.py suspend_oauth_client CLIENT_ID` suspends a client of a provider."""

from typing import Any

from providers import oauth
from providers.management.answers import CLIENT
from providers.management.script import ScriptCommand, actor
from providers.models import OAuthClient


class Command(ScriptCommand):
    help = "Refuse an OAuth client and its access tokens until restore_oauth_client."
    subject = "client"
    fields = CLIENT

    def act(self, *, client: OAuthClient, **options: Any) -> Any:
        oauth.suspend_client(client, actor())
        client.refresh_from_db()
        return client
