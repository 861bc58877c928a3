"""`manage.py import_ranges PROVIDER FILE` replaces the ranges of a service tag by those of Microsoft's file."""

from operator import attrgetter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from providers.ip_restriction import UncoveredError, difference, import_tag, losing_cover
from providers.management.script import Fields, ScriptCommand, actor, read_file
from providers.models import IpMode, Provider
from providers.service_tags import DEFAULT_TAG, MAX_BYTES, read_service_tag

FIELDS: Fields = {name: attrgetter(name) for name in ("added", "removed", "kept")}


class Command(ScriptCommand):
    help = "Replace the allowed ranges of one service tag by those of Microsoft's ServiceTags_Public file."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="ServiceTags_Public_….json")
        parser.add_argument("--tag", default=DEFAULT_TAG, help=f"the service tag (default: {DEFAULT_TAG})")
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
        parser.add_argument(
            "--refuse-seen", action="store_true", help="also if addresses of the last week are refused then"
        )

    def act(self, *, provider: Provider, file: Path, tag: str, dry_run: bool, refuse_seen: bool, **options: Any) -> Any:
        found = read_service_tag(read_file(file, MAX_BYTES), tag)
        change = difference(provider, found.name, found.networks)
        if dry_run:
            return change
        losing = losing_cover(provider, set(change.removed), change.added)
        if losing and provider.ip_mode == IpMode.ENFORCE and not refuse_seen:
            raise UncoveredError(losing)
        return import_tag(provider, found.name, found.change_number, found.networks, actor())
