"""`manage.py pause_provider PROVIDER` pauses a provider."""

from typing import Any

from providers import administration
from providers.management.answers import PROVIDER
from providers.management.script import ScriptCommand, actor
from providers.models import Provider


class Command(ScriptCommand):
    help = "Pause a provider: its requests get 503 until it is resumed. No user is disabled."
    subject = "provider"
    fields = PROVIDER

    def act(self, *, provider: Provider, **options: Any) -> Any:
        administration.pause_provider(provider, actor())
        provider.refresh_from_db()
        return provider
