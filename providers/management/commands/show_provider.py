"""`manage.py show_provider PROVIDER` prints the state and all settings of a provider."""

from typing import Any

from providers.management.answers import PROVIDER_WHOLE, row_of
from providers.management.script import ScriptCommand
from providers.models import Provider


class Command(ScriptCommand):
    help = "Print the state and all settings of a provider."
    subject = "provider"
    fields = PROVIDER_WHOLE

    def act(self, *, provider: Provider, **options: Any) -> Any:
        return row_of(provider)
