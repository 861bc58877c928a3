"""What the commands for scripts share: a database without tables is a sentence, not a traceback."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError


class ScriptCommand(BaseCommand):
    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ProgrammingError as error:
            raise CommandError(
                "This database has no tables yet. Start the server once (make run), or run manage.py migrate; a script "
                "needs the same DATA_DIR or DATABASE_URL, HOST, PORT and PUBLIC_URL as the server."
            ) from error
