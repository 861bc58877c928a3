"""The base of the commands that scripts run instead of using the console."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from providers.models import Provider
from scim.protocol.values import comparison_key


class ScriptCommand(BaseCommand):
    """A command that explains the error if the database has no tables yet."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            raise CommandError(
                "This database has no tables yet. Start the server once (make run), or run manage.py migrate; a script "
                "needs the same DATA_DIR or DATABASE_URL, HOST, PORT and PUBLIC_URL as the server."
            ) from error


def find_provider(name: str) -> Provider:
    """Return the live provider with this title or id. Raises `CommandError` if there is none."""
    live = Provider.objects.live()
    found = live.filter(title_key=comparison_key(name)).first()
    if found is None and name.isascii() and name.isdigit() and len(name) < 19:
        found = live.filter(pk=int(name)).first()
    if found is None:
        raise CommandError(f"There is no provider {name!r}.")
    return found
