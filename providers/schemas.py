"""Schema extensions of one provider: what its directory may send beyond the schemas that all providers have.

Resource types are data: a provider's own are kept per worker under the number of their last change, which every
request brings with its caller. So an extension counts from the next request on, on every worker, and costs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import F

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import Provider, SchemaExtension
from scim.protocol.attributes import RESOURCE_TYPES, ResourceType, Schema, read_schema
from scim.protocol.definitions import DefinitionError, Problem, check_compatible, overlaps, read_definition

MAX_EXTENSIONS = 20


@transaction.atomic
def add_schema(provider: Provider, document: Any, actor: Actor, *, resource_type: str = "User") -> Schema:
    """Give a provider a schema extension, or a new version of one: attributes may join, none may change its kind.

    Raises `DefinitionError` with every place that is wrong.
    """
    schema = read_definition(document)
    Provider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    held = SchemaExtension.objects.filter(provider=provider, urn_key=schema.id.lower()).first()
    others = SchemaExtension.objects.filter(provider=provider).exclude(urn_key=schema.id.lower())
    if any(overlaps(schema.id, urn) for urn in others.values_list("urn_key", flat=True)):
        raise DefinitionError([Problem("id", "lies within another extension of this provider, or holds one")])
    if held is None:
        if SchemaExtension.objects.filter(provider=provider).count() >= MAX_EXTENSIONS:
            raise DefinitionError([Problem("", f"A provider may have {MAX_EXTENSIONS} schema extensions at the most.")])
        held = SchemaExtension(provider=provider, urn_key=schema.id.lower(), resource_type=resource_type)
    elif held.resource_type != resource_type:
        raise DefinitionError([Problem("id", f"extends {held.resource_type} already; an extension has one type")])
    else:
        check_compatible(read_schema(held.document), schema)
    if held.document == schema.document:
        return schema
    kind = EventKind.SCHEMA_CHANGED if held.pk else EventKind.SCHEMA_ADDED
    held.document = dict(schema.document)
    held.save()
    Provider.objects.filter(pk=provider.pk).update(schemas_version=F("schemas_version") + 1)
    record_act(kind, actor, provider=provider, subject=schema.id)
    return schema


def resource_types_of(provider_id: int, schemas_version: int) -> Sequence[ResourceType]:
    """The resource types as this provider's directory sees them. `schemas_version` 0: it has no extension."""
    return _extended_types(provider_id, schemas_version) if schemas_version else RESOURCE_TYPES


@lru_cache(maxsize=256)
def _extended_types(provider_id: int, schemas_version: int) -> Sequence[ResourceType]:
    found: Mapping[str, list[Schema]] = {known.name: [] for known in RESOURCE_TYPES}
    for extension in SchemaExtension.objects.filter(provider_id=provider_id).order_by("pk"):
        found[extension.resource_type].append(read_schema(extension.document))
    return tuple(replace(known, extensions=(*known.extensions, *found[known.name])) for known in RESOURCE_TYPES)
