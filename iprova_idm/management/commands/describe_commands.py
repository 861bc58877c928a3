"""`manage.py describe_commands` prints docs/commands.md."""

from typing import Any

from django.core.management.base import BaseCommand

from iprova_idm.management.catalogue import describe


class Command(BaseCommand):
    help = "Print docs/commands.md, which make docs writes."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(describe()))
