"""Bulk requests (RFC 7644 §3.7): reads their operations, and resolves bulkIds.

A bulkId stands for an id only where the schema has the id or the address of a resource, and only as a whole
value. Text that happens to contain `bulkId:` stays text (V42).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.errors import ScimError
from scim.protocol.policy import Policy

REQUEST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_METHODS = ("POST", "PUT", "PATCH", "DELETE")
BULK_ID = "bulkId:"
_IN_PATH = re.compile(r'"bulkId:([^"\\]+)"')


@dataclass(frozen=True)
class BulkOperation:
    """One operation as sent. `resource_id` is "" for the type's own address, and may be a reference to a bulkId."""

    method: str
    bulk_id: str
    version: str
    resource_type: ResourceType
    resource_id: str
    data: Any


@dataclass(frozen=True)
class RefusedOperation:
    """An operation that cannot be read, with the `method` and `bulkId` that its result repeats (§3.7.3)."""

    error: ScimError
    method: str
    bulk_id: str


def read_bulk(
    body: Any, resource_types: Sequence[ResourceType], policy: Policy
) -> tuple[list[BulkOperation | RefusedOperation], int]:
    """Read the operations, or the refusal in place of one, and after how many errors to stop (0: never).

    Raises `ScimError` invalidSyntax, invalidValue, or 413 for too many operations.
    """
    parts = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    sent = parts.get("operations")
    if not isinstance(sent, list) or not all(isinstance(item, dict) for item in sent):
        raise errors.invalid_syntax('A bulk request must be an object with a list "Operations" (RFC 7644 §3.7).')
    policy.check_schemas(parts, REQUEST_SCHEMA)
    if len(sent) > policy.max_bulk_operations:
        raise errors.too_many_in_bulk(policy.max_bulk_operations)
    stop_after = parts.get("failonerrors")
    if stop_after is not None and (isinstance(stop_after, bool) or not isinstance(stop_after, int) or stop_after < 1):
        raise errors.invalid_value('"failOnErrors" must be a whole number of 1 or more.')
    items = ({name.lower(): value for name, value in item.items()} for item in sent)
    operations = [_read_operation(parts, resource_types) for parts in items]
    ids = [operation.bulk_id for operation in operations if isinstance(operation, BulkOperation) and operation.bulk_id]
    if len(ids) != len(set(ids)):
        raise errors.invalid_value('Each "bulkId" of a bulk request must be another one.')
    return operations, stop_after or 0


def _read_operation(
    parts: Mapping[str, Any], resource_types: Sequence[ResourceType]
) -> BulkOperation | RefusedOperation:
    try:
        return _operation(parts, resource_types)
    except ScimError as error:
        named = (parts.get(name) for name in ("method", "bulkid"))
        return RefusedOperation(error, *(text[:200] if isinstance(text, str) else "" for text in named))


def _operation(parts: Mapping[str, Any], resource_types: Sequence[ResourceType]) -> BulkOperation:
    method, path = str(parts.get("method", "")).upper(), parts.get("path")
    bulk_id, version = parts.get("bulkid") or "", parts.get("version") or ""
    if method not in _METHODS:
        raise errors.invalid_syntax('"method" of a bulk operation must be POST, PUT, PATCH or DELETE.')
    if not all(isinstance(text, str) for text in (path, bulk_id, version)):
        raise errors.invalid_syntax('"path", "bulkId" and "version" of a bulk operation must be text.')
    for resource_type in resource_types:
        found = re.fullmatch(rf"(?:/v2)?{resource_type.endpoint}(?:/([^/?#]+))?/?", str(path))
        if found and (found.group(1) is None) == (method == "POST"):
            if method == "POST" and not bulk_id:
                raise errors.invalid_value('A POST in a bulk request needs a "bulkId".')
            return BulkOperation(method, bulk_id, version, resource_type, found.group(1) or "", parts.get("data"))
    raise errors.invalid_path(str(path), "in a bulk request, POST goes to /Users or /Groups, all else to one resource.")


def references(operation: BulkOperation) -> set[str]:
    """The bulkIds that an operation may refer to and so waits for. Text that only looks like one costs a wait."""
    found = {operation.resource_id.removeprefix(BULK_ID)} if operation.resource_id.startswith(BULK_ID) else set()
    return found | set(_named_in(operation.data))


def _named_in(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, str) and BULK_ID in part:
            if part.startswith(BULK_ID):
                yield part.removeprefix(BULK_ID)
            yield from _IN_PATH.findall(part)


def without_references(operation: BulkOperation, unknown: set[str]) -> tuple[BulkOperation, dict[str, Any]]:
    """A POST without the attributes that refer to resources not created yet, and those attributes for later."""
    later = {
        name: value
        for name, value in operation.data.items()
        if isinstance(value, (dict, list)) and not unknown.isdisjoint(_named_in(value))
    }
    return replace(operation, data={name: value for name, value in operation.data.items() if name not in later}), later


def resolving(policy: Policy, locations: Mapping[str, str]) -> Policy:
    """The same policy with a habit that resolves references to bulkIds. `locations` may grow meanwhile."""

    def resolve(attribute: Attribute, value: Any) -> Any:
        if not attribute.names_resource or not isinstance(value, str) or not value.startswith(BULK_ID):
            return value
        location = locate(value, locations)
        return location if attribute.type == "reference" else location.rpartition("/")[2]

    return replace(policy, value_habits=(*policy.value_habits, resolve))


def locate(reference: str, locations: Mapping[str, str]) -> str:
    """The address that a reference to a bulkId stands for. Raises `ScimError` 409 (§3.7.1)."""
    bulk_id = reference.removeprefix(BULK_ID)
    if bulk_id not in locations:
        raise errors.bulk_id_unresolved(bulk_id)
    return locations[bulk_id]
