"""The seam of django-scim2: its settings name these classes, which keep its adapter contract.

`to_dict`, `from_dict`, `location` and `resource_type_dict` mean the same as there. Every request uses the
adapter class that SCIM_SERVICE_PROVIDER names. For the classes here, PostgreSQL makes the JSON and no
adapter method runs. A subclass with its own `to_dict` or `from_dict` is called for each resource that is
read or written, which is slower.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django_scim.settings import scim_settings

from providers.models import Resource, SyncedGroup, SyncedUser
from providers.oauth import accepted_schemes
from scim.protocol.attributes import GROUP, USER, ResourceType
from scim.protocol.messages import resource_type_document, service_provider_config
from scim.store.answers import location_base
from scim.store.verbs import as_sent


def base_location(request: Any = None, *args: Any, **kwargs: Any) -> str:
    """django-scim2's BASE_LOCATION_GETTER: from PUBLIC_URL, never from the request (threat V56)."""
    return str(settings.OPTIONS.base_url)


class ResourceAdapter:
    """A row as a SCIM resource. `obj` is a `Resource` (or a proxy of it)."""

    resource_type: ClassVar[ResourceType]
    model: ClassVar[type[Resource]]
    url_name: ClassVar[str]

    def __init__(self, obj: Resource, request: Any = None) -> None:
        self.obj = obj
        self.request = request

    @property
    def id(self) -> str:
        return str(self.obj.id)

    @property
    def location(self) -> str:
        return f"{location_base(self.resource_type)}{self.id}"

    def to_dict(self) -> dict[str, Any]:
        """The resource as it is answered; `obj.document` holds it, relations and `meta` included."""
        return dict(self.obj.document)

    def from_dict(self, resource: dict[str, Any]) -> None:
        """Accept a validated resource; `obj.document` is what will be stored."""
        self.obj.document = resource

    @classmethod
    def resource_type_dict(cls, request: Any = None) -> dict[str, Any]:
        """RFC 7643 §6."""
        return resource_type_document(cls.resource_type, settings.OPTIONS.scim_url)


class UserAdapter(ResourceAdapter):
    resource_type = USER
    model = SyncedUser
    url_name = "scim:users"


class GroupAdapter(ResourceAdapter):
    resource_type = GROUP
    model = SyncedGroup
    url_name = "scim:groups"


class ServiceProviderConfig:
    """django-scim2's SERVICE_PROVIDER_CONFIG_MODEL (RFC 7643 §5)."""

    def __init__(self, request: Any = None) -> None:
        self.request = request

    def to_dict(self) -> dict[str, Any]:
        options = settings.OPTIONS
        caller = getattr(self.request, "caller", None)
        schemes = scim_settings.AUTHENTICATION_SCHEMES
        if caller is not None:
            accepted = accepted_schemes(caller.provider_id)
            schemes = [scheme for scheme in schemes if scheme["type"] in accepted]
        max_body = options.max_body_mib * 1_048_576
        return service_provider_config(options.scim_url, schemes, max_body)


def adapter_of(resource_type: ResourceType) -> type[ResourceAdapter]:
    """The adapter class that the settings name for a resource type."""
    named = scim_settings.USER_ADAPTER if resource_type.name == USER.name else scim_settings.GROUP_ADAPTER
    found: type[ResourceAdapter] = named
    return found


def resource_type_dict(resource_type: ResourceType, request: Any) -> dict[str, Any]:
    """RFC 7643 §6, with the extensions of the caller's provider, or what the adapter's own method returns."""
    adapter = adapter_of(resource_type)
    if adapter.resource_type_dict.__func__ is ResourceAdapter.resource_type_dict.__func__:  # type: ignore[attr-defined]
        return resource_type_document(resource_type, settings.OPTIONS.scim_url)
    return adapter.resource_type_dict(request)


def answer_shaper(adapter: type[ResourceAdapter], request: Any) -> Callable[[bytes], bytes] | None:
    """The function that turns a whole resource into the adapter's form, or None when the adapter has none."""
    if adapter.to_dict is ResourceAdapter.to_dict:
        return None

    def shape(body: bytes) -> bytes:
        document = orjson.loads(body)
        obj = adapter.model(
            id=document["id"],
            resource_type=adapter.resource_type.name,
            user_name=document.get("userName"),
            display_name=document.get("displayName"),
            external_id=document.get("externalId"),
            active=document.get("active"),
            created=datetime.fromisoformat(document["meta"]["created"]),
            last_modified=datetime.fromisoformat(document["meta"]["lastModified"]),
            document=document,
        )
        return orjson.dumps(adapter(obj, request).to_dict())

    return shape


def write_shaper(adapter: type[ResourceAdapter], request: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The function that turns a resource into the form in which the adapter stores it."""
    if adapter.from_dict is ResourceAdapter.from_dict:
        return as_sent

    def shape(resource: dict[str, Any]) -> dict[str, Any]:
        shaped = adapter(adapter.model(document=resource), request)
        shaped.from_dict(resource)
        document: dict[str, Any] = shaped.obj.document
        return document

    return shape
