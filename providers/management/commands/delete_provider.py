"""`manage.py delete_provider PROVIDER` deletes a provider, which can be restored for 30 days."""

from typing import Any

from django.core.management.base import CommandParser

from providers.administration import delete_provider
from providers.management.answers import PROVIDER
from providers.management.script import ScriptCommand, actor, find_provider
from providers.models import Provider


class Command(ScriptCommand):
    help = "Delete a provider: its tokens get 401. All data stay for 30 days (restore_provider)."
    fields = PROVIDER

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="title or id of the provider")
        parser.add_argument("--if-exists", action="store_true", help="it may be deleted already")

    def act(self, *, provider: str, if_exists: bool, **options: Any) -> Any:
        known = Provider.objects.live()
        if if_exists:
            known = (known | Provider.objects.restorable()).order_by("-deleted_at")  # the live one comes first
        found = find_provider(provider, known)
        delete_provider(found, actor())
        found.refresh_from_db()
        return found
