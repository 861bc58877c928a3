"""`manage.py add_schema PROVIDER FILE` gives a provider a schema extension (RFC 7643 §7)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from providers.events import SYSTEM
from providers.management.script import ScriptCommand, find_provider
from providers.plain_text import one_line
from providers.schemas import add_schema, read_upload
from scim.protocol.attributes import RESOURCE_TYPES
from scim.protocol.definitions import DefinitionError


class Command(ScriptCommand):
    help = "Give a provider a schema extension, or a new version of one. It applies from the next request on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="id or title")
        parser.add_argument("file", type=Path, help="a JSON file with a schema as in RFC 7643 §7")
        names = [known.name for known in RESOURCE_TYPES]
        parser.add_argument(
            "--resource-type", choices=names, default="User", help="the resource type that it extends (default: User)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        provider, file = find_provider(options["provider"]), options["file"]
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        try:
            schema = add_schema(provider, read_upload(content), SYSTEM, resource_type=options["resource_type"])
        except DefinitionError as error:
            problems = "\n".join(one_line(str(problem), 500) for problem in error.problems)
            raise CommandError(f"{file} is not a schema extension; nothing was changed:\n{problems}") from error
        target = f"{schema.id}:{schema.attributes[0].name}"
        self.stdout.write(
            f"{one_line(provider.title)} now has {schema.id} with {len(schema.attributes)} attributes. "
            f"In Entra ID, the target attribute of a mapping is {target}."
        )
