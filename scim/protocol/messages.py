"""Builds the ListResponse (RFC 7644 §3.4.2) and the discovery documents (RFC 7643 §5 to §7)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scim.protocol.attributes import ResourceType, Schema
from scim.protocol.policy import Policy

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
CONFIG_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"


def list_response(
    resources: Sequence[bytes],
    total: int,
    start_index: int | None = None,
    *,
    next_cursor: str = "",
    previous_cursor: str = "",
) -> bytes:
    """A page of resources that are JSON already. With cursors (RFC 9865 §2) it has no `startIndex`."""
    cursors = {"next_cursor": next_cursor, "previous_cursor": previous_cursor}
    opening, closing = list_frame(len(resources), total, start_index, **cursors)
    between = [part for resource in resources for part in (b",", resource)][1:]
    return b"".join((opening, *between, closing))


def list_frame(
    items: int, total: int, start_index: int | None = None, *, next_cursor: str = "", previous_cursor: str = ""
) -> tuple[bytes, bytes]:
    """What is before and after the resources of a page."""
    head = f'{{"schemas":["{LIST_SCHEMA}"],"totalResults":{total}'
    if start_index is not None:
        head += f',"startIndex":{start_index}'
    for name, cursor in (("previousCursor", previous_cursor), ("nextCursor", next_cursor)):
        if cursor:
            head += f',"{name}":"{cursor}"'
    return f'{head},"itemsPerPage":{items},"Resources":['.encode(), b"]}"


def list_of_documents(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """All discovery documents as one page."""
    return list_response([json.dumps(document).encode() for document in documents], len(documents), 1)


def service_provider_config(
    base: str, authentication_schemes: Sequence[Mapping[str, Any]], max_body_bytes: int
) -> dict[str, Any]:
    """What this server can do (RFC 7643 §5)."""
    policy = Policy()
    return {
        "schemas": [CONFIG_SCHEMA],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": policy.max_bulk_operations,
            "maxPayloadSize": max_body_bytes,
        },
        "filter": {"supported": True, "maxResults": policy.max_count},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": policy.default_count,
            "maxPageSize": policy.max_count,
            "cursorTimeout": policy.cursor_timeout_s,
        },
        "authenticationSchemes": [dict(scheme) for scheme in authentication_schemes],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_type_document(resource_type: ResourceType, base: str) -> dict[str, Any]:
    """A resource type (RFC 7643 §6)."""
    return {
        "schemas": [RESOURCE_TYPE_SCHEMA],
        "id": resource_type.name,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.schema.id,
        "schemaExtensions": [{"schema": extension.id, "required": False} for extension in resource_type.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{resource_type.name}"},
    }


def schema_document(schema: Schema, base: str) -> dict[str, Any]:
    """A schema (RFC 7643 §7): the document by which resources are validated, with its location."""
    return {**schema.document, "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema.id}"}}
