"""Discovery (RFC 7644 §4): /ServiceProviderConfig, /ResourceTypes and /Schemas, the last two also by id."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django_scim.settings import scim_settings
from rest_framework.request import Request

from scim.adapters import resource_type_dict
from scim.api import refusals
from scim.api.base import ScimView, json_response
from scim.protocol.attributes import schemas_of
from scim.protocol.messages import list_of_documents, schema_document


class _DiscoveryView(ScimView):
    """Lists `documents` or returns one of them. A filter is 403, so that no client takes it as applied (§4)."""

    def documents(self) -> Mapping[str, Mapping[str, Any]]:
        raise NotImplementedError

    def get(self, request: Request, uuid: str = "") -> HttpResponse:
        _refuse_filter(self.query)
        documents = self.documents()
        if not uuid:
            return json_response(list_of_documents(list(documents.values())))
        for name, document in documents.items():
            if name.lower() == uuid.lower():
                return json_response(orjson.dumps(document))
        raise refusals.unknown_route(request._request.path_info)


def _refuse_filter(query: Mapping[str, str]) -> None:
    if query.get("filter"):
        raise refusals.discovery_filter()


class ServiceProviderConfigView(ScimView):
    def get(self, request: Request) -> HttpResponse:
        _refuse_filter(self.query)
        config = scim_settings.SERVICE_PROVIDER_CONFIG_MODEL(request=request._request)
        return json_response(orjson.dumps(config.to_dict()))


class ResourceTypesView(_DiscoveryView):
    def documents(self) -> Mapping[str, Mapping[str, Any]]:
        found = [resource_type_dict(known, self.request._request) for known in self.resource_types]
        return {document["id"]: document for document in found}


class SchemasView(_DiscoveryView):
    def documents(self) -> Mapping[str, Mapping[str, Any]]:
        return {
            schema.id: schema_document(schema, settings.OPTIONS.scim_url) for schema in schemas_of(self.resource_types)
        }


class MeView(ScimView):
    """501 (§3.11): the token belongs to a directory, not to a user."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise refusals.me()


class UnknownRouteView(ScimView):
    """Any other address: 401 without a token, as on every route, and 404 with one."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise refusals.unknown_route(request._request.path_info)
