"""`manage.py resume_provider PROVIDER` ends the pause of a provider."""

from typing import Any

from providers import administration
from providers.management.answers import PROVIDER
from providers.management.script import ScriptCommand, actor
from providers.models import Provider


class Command(ScriptCommand):
    help = "Accept the requests of a paused provider again."
    subject = "provider"
    fields = PROVIDER

    def act(self, *, provider: Provider, **options: Any) -> Any:
        administration.resume_provider(provider, actor())
        provider.refresh_from_db()
        return provider
