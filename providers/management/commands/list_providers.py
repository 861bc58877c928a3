"""`manage.py list_providers` lists the providers with their state, the most urgent first."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from providers.health import State
from providers.management.answers import CALM, PROVIDER_STATE, rows_of
from providers.management.script import Exit, ScriptCommand
from providers.models import Provider


class Command(ScriptCommand):
    help = "List the providers with their state, the most urgent first."
    fields = PROVIDER_STATE

    def add_own_arguments(self, parser: CommandParser) -> None:
        states = [state.value for state in State]
        parser.add_argument("--state", nargs="+", choices=states, default=states, help="only providers in these states")
        parser.add_argument("--deleted", action="store_true", help="those that restore_provider can restore, instead")
        parser.add_argument("--check", action="store_true", help="exit with 5 if one of them needs attention")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["check"] and (bad := [row for row in self.rows if row.health.state not in CALM]):
            raise CommandError(f"{len(bad)} need attention.", returncode=Exit.ATTENTION)

    def act(self, *, state: list[str], deleted: bool, **options: Any) -> Any:
        known = Provider.objects.restorable() if deleted else Provider.objects.live()
        self.rows = [row for row in rows_of(known) if row.health.state.value in state]
        return self.rows
