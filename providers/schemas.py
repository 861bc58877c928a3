"""Schema extensions: attributes that one provider's directory can send in addition to those of all providers.

Each worker caches the resource types of a provider under its `schemas_version`, which each change raises. The query
that authenticates a request also reads that number. So a change applies from the next request on, on every worker,
and costs no additional query.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_noop

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.json_files import OddValueError, parse_json
from providers.models import Provider, Resource, SchemaExtension
from scim.protocol.attributes import RESOURCE_TYPES, ResourceType, Schema, read_schema
from scim.protocol.definitions import (
    DefinitionError,
    Problem,
    check_compatible,
    check_secrets,
    overlaps,
    read_definition,
)

MAX_EXTENSIONS = 20


class InUseError(Exception):
    """Users or groups have values of the extension. `count` is their number, including the recycle bin."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} resources have values")
        self.count = count


def read_upload(content: bytes) -> Any:
    """Return the JSON in a file. Raises `DefinitionError` with the line and column of a mistake."""
    try:
        return parse_json(content)
    except json.JSONDecodeError as error:
        said = gettext_noop("Line %(line)d, column %(column)d: invalid JSON. A quote, comma or bracket may be missing.")
        raise DefinitionError([Problem("", said, {"line": error.lineno, "column": error.colno})]) from error
    except UnicodeDecodeError as error:
        said = gettext_noop("Byte %(number)d is not UTF-8: save the file as UTF-8.")
        raise DefinitionError([Problem("", said, {"number": error.start + 1})]) from error
    except OddValueError as error:
        said = gettext_noop("The file has a number or a character that cannot be used.")
        raise DefinitionError([Problem("", said)]) from error
    except RecursionError as error:
        raise DefinitionError([Problem("", gettext_noop("The file is nested too deep."))]) from error


def check_schema(provider: Provider, document: Any, resource_type: str) -> tuple[Schema, SchemaExtension]:
    """Check a definition. Return the schema, and the row for it: the existing one, or a new one that is not saved yet.

    Raises `DefinitionError` with every mistake and its place.
    """
    schema = read_definition(document)
    held = SchemaExtension.objects.filter(provider=provider, urn_key=schema.id.lower()).first()
    others = SchemaExtension.objects.filter(provider=provider).exclude(urn_key=schema.id.lower())
    if any(overlaps(schema.id, urn) for urn in others.values_list("urn_key", flat=True)):
        within = gettext_noop("lies within another extension of this provider, or holds one")
        raise DefinitionError([Problem("id", within)])
    if held is None:
        if SchemaExtension.objects.filter(provider=provider).count() >= MAX_EXTENSIONS:
            enough = gettext_noop("A provider may have at most %(most)d schema extensions.")
            raise DefinitionError([Problem("", enough, {"most": MAX_EXTENSIONS})])
        held = SchemaExtension(provider=provider, urn_key=schema.id.lower(), resource_type=resource_type)
    elif held.resource_type != resource_type:
        taken = gettext_noop("extends %(type)s already; an extension has one type")
        raise DefinitionError([Problem("id", taken, {"type": held.resource_type})])
    else:
        check_compatible(read_schema(held.document), schema)
    check_secrets(schema, read_schema(held.document) if held.pk else None)
    return schema, held


@transaction.atomic
def add_schema(provider: Provider, document: Any, actor: Actor, *, resource_type: str = "User") -> Schema:
    """Add a schema extension to a provider, or a new version of one.

    A new version can add attributes, but not change the type of an existing one. Raises `DefinitionError` with every
    mistake and its place.
    """
    Provider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    schema, held = check_schema(provider, document, resource_type)
    if held.document == schema.document:
        return schema
    kind = EventKind.SCHEMA_CHANGED if held.pk else EventKind.SCHEMA_ADDED
    held.document = dict(schema.document)
    held.save()
    _changed(provider)
    record_act(kind, actor, provider=provider, subject=schema.id)
    return schema


@transaction.atomic
def remove_schema(extension: SchemaExtension, actor: Actor) -> None:
    """Remove an extension. Idempotent. Raises `InUseError` if users or groups have values of it."""
    provider = Provider.objects.select_for_update(no_key=True).get(pk=extension.provider_id)
    if count := count_users(extension):
        raise InUseError(count)
    removed, _by_model = SchemaExtension.objects.filter(pk=extension.pk).delete()
    if removed:
        _changed(provider)
        record_act(EventKind.SCHEMA_REMOVED, actor, provider=provider, subject=extension.document["id"])


def count_users(extension: SchemaExtension) -> int:
    """Return how many users or groups have values of an extension, including the recycle bin.

    Reads all of the provider's resources of that type.
    """
    own = Resource.objects.filter(provider_id=extension.provider_id, resource_type=extension.resource_type)
    return own.filter(document__has_key=extension.document["id"]).count()


def _changed(provider: Provider) -> None:
    Provider.objects.filter(pk=provider.pk).update(schemas_version=F("schemas_version") + 1)


def resource_types_of(provider_id: int, schemas_version: int) -> Sequence[ResourceType]:
    """Return a provider's resource types with its extensions. `schemas_version` 0 means that it has none."""
    return _extended_types(provider_id, schemas_version) if schemas_version else RESOURCE_TYPES


@lru_cache(maxsize=256)
def _extended_types(provider_id: int, schemas_version: int) -> Sequence[ResourceType]:
    found: Mapping[str, list[Schema]] = {known.name: [] for known in RESOURCE_TYPES}
    for extension in SchemaExtension.objects.filter(provider_id=provider_id).order_by("pk"):
        found[extension.resource_type].append(read_schema(extension.document))
    return tuple(replace(known, extensions=(*known.extensions, *found[known.name])) for known in RESOURCE_TYPES)
