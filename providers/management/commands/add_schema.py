"""`manage.py add_schema PROVIDER FILE` gives a provider a schema extension (RFC 7643 §7)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from providers.management.script import Fields, ScriptCommand, actor, read_file
from providers.models import Provider
from providers.schemas import add_schema, read_upload
from scim.protocol.attributes import RESOURCE_TYPES
from scim.protocol.definitions import MAX_BYTES

FIELDS: Fields = {
    "provider": lambda pair: pair[0].title,
    "schema": lambda pair: pair[1].id,
    "attributes": lambda pair: len(pair[1].attributes),
    "entra_target_attribute": lambda pair: f"{pair[1].id}:{pair[1].attributes[0].name}",
}


class Command(ScriptCommand):
    help = "Give a provider a schema extension, or a new version of one. It applies from the next request on."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a JSON file with a schema as in RFC 7643 §7")
        names = [known.name for known in RESOURCE_TYPES]
        parser.add_argument(
            "--resource-type", choices=names, default="User", help="the resource type that it extends (default: User)"
        )

    def act(self, *, provider: Provider, file: Path, resource_type: str, **options: Any) -> Any:
        document = read_upload(read_file(file, MAX_BYTES))
        return provider, add_schema(provider, document, actor(), resource_type=resource_type)
