"""`manage.py restore_provider PROVIDER` restores a deleted provider, paused."""

from typing import Any

from django.core.management.base import CommandParser

from providers.administration import restore_provider
from providers.console.provider.forms import TitleForm
from providers.management.answers import PROVIDER
from providers.management.script import ScriptCommand, actor, checked, find_provider
from providers.models import Provider


class Command(ScriptCommand):
    help = "Restore a deleted provider. It is paused until resume_provider."
    fields = PROVIDER

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="title or id; of two with the same title, the one deleted last")
        parser.add_argument("--title", help="another title, if its own is taken")

    def act(self, *, provider: str, title: str | None, **options: Any) -> Any:
        found = find_provider(provider, Provider.objects.restorable().order_by("-deleted_at"))
        new = checked(TitleForm({"title": found.title if title is None else title}))["title"]
        restore_provider(found, actor(), title=new)
        found.refresh_from_db()
        return found
