"""`manage.py export_configuration` prints the settings of providers as JSON, without secrets."""

import json
from typing import Any

from django.core.management.base import CommandParser

from providers.management.configuration import read
from providers.management.script import ScriptCommand, find_provider
from providers.models import Provider


class Command(ScriptCommand):
    help = "Print settings, allowed ranges and schema extensions of providers as JSON. It has no secrets."

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("providers", nargs="*", help="titles or ids; the default is all")

    def act(self, *, providers: list[str], **options: Any) -> Any:
        known = [find_provider(name) for name in providers] or Provider.objects.live().by_title()
        self.stdout.write(json.dumps(read(known), indent=2, ensure_ascii=False))
