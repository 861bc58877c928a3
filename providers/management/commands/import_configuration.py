"""`manage.py import_configuration FILE` adds or changes providers as export_configuration has printed them."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from providers.json_files import parse_json
from providers.management.configuration import write
from providers.management.script import Fields, ScriptCommand, actor, read_file

MAX_BYTES = 20_000_000

FIELDS: Fields = {
    "provider_id": lambda pair: pair[0].pk,
    "title": lambda pair: pair[0].title,
    "ip_mode": lambda pair: pair[0].ip_mode,
    "is_new": lambda pair: pair[1],
}


class Command(ScriptCommand):
    help = (
        "Add or change the providers of a file of export_configuration, all or none. A new provider observes instead "
        "of enforcing its IP restriction. Issue its token afterwards."
    )
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="check everything, and change nothing")

    @transaction.atomic
    def act(self, *, file: Path, dry_run: bool, **options: Any) -> Any:
        try:
            document = parse_json(read_file(file, MAX_BYTES))
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{file} is not JSON that can be read.") from error
        found = list(write(document, actor()))
        transaction.set_rollback(dry_run)
        return found
