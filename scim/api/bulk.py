"""/Bulk (RFC 7644 §3.7): each operation as the single request that it stands for, in a transaction of its own."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from scim.api.base import json_response
from scim.api.exceptions import as_scim_error
from scim.api.parsers import read_json
from scim.api.resources import ResourceTypeView
from scim.protocol.attributes import RESOURCE_TYPES, ResourceType
from scim.protocol.bulk import (
    RESPONSE_SCHEMA,
    BulkOperation,
    locate,
    read_bulk,
    references,
    resolving,
    without_references,
)
from scim.protocol.errors import ScimError
from scim.protocol.projection import Projection
from scim.store import verbs
from scim.store.answers import Answer, location_base

# What an operation's result needs of a resource: nothing but its version.
_VERSION_ONLY = Projection(only=frozenset({("", "meta", "")}))


@dataclass
class _Run:
    """What is known while the operations of one request are done."""

    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    failures: int = 0


class BulkView(ResourceTypeView):
    resource_type_name = ""

    def post(self, request: Request) -> HttpResponse:
        body = read_json(request._request)
        operations, stop_after = read_bulk(body, RESOURCE_TYPES, self.policy)
        run = _Run()
        self._do_all(run, dict(enumerate(operations)), stop_after)
        done = [run.results[number] for number in sorted(run.results)]
        return json_response(orjson.dumps({"schemas": [RESPONSE_SCHEMA], "Operations": done}))

    def _do_all(self, run: _Run, waiting: dict[int, BulkOperation | ScimError], stop_after: int) -> None:
        """In the order sent, but what refers to a bulkId after the operation that makes it."""
        needs = {number: references(one) for number, one in waiting.items() if isinstance(one, BulkOperation)}
        to_come = {
            number: one.bulk_id for number, one in waiting.items() if not isinstance(one, ScimError) and one.makes
        }
        additions: list[tuple[int, BulkOperation, dict[str, Any]]] = []
        while waiting and not (stop_after and run.failures >= stop_after):
            missing = set(to_come.values())
            number = next((number for number in waiting if missing.isdisjoint(needs.get(number, ()))), None)
            is_circle = number is None  # then one is made without what it refers to, which is added later
            number = next(iter(to_come)) if number is None else number
            operation = waiting.pop(number)
            to_come.pop(number, None)
            if isinstance(operation, ScimError):
                self._fail(run, number, None, operation)
                continue
            later: dict[str, Any] = {}
            if is_circle and isinstance(operation.data, dict):
                operation, later = without_references(operation, missing)
            if self._do(run, number, operation) and later:
                additions.append((number, operation, later))
        for number, operation, later in additions:
            added = BulkOperation(
                "PATCH",
                operation.bulk_id,
                "",
                operation.resource_type,
                f"bulkId:{operation.bulk_id}",
                {"Operations": [{"op": "add", "value": later}]},
            )
            self._do(run, number, added, finishes="POST")

    def _do(self, run: _Run, number: int, operation: BulkOperation, finishes: str = "") -> bool:
        try:
            answer = self._perform(run, operation)
        except Exception as exception:  # one operation's failure is its own: the others go on
            error = as_scim_error(exception, [], self.request._request)
            self._fail(run, number, operation, error, finishes)
            return False
        address = f"{location_base(operation.resource_type)}{answer.id}"
        if operation.method == "POST":
            run.locations[operation.bulk_id] = address
        status = {"POST": "201", "DELETE": "204"}.get(finishes or operation.method, "200")
        result = {"method": finishes or operation.method, "location": address, "status": status}
        result |= {"bulkId": operation.bulk_id} if operation.bulk_id else {}
        run.results[number] = result | ({"version": answer.etag} if answer.etag else {})
        return True

    def _perform(self, run: _Run, operation: BulkOperation) -> Answer:
        resource_id = operation.resource_id
        if resource_id.startswith("bulkId:"):
            resource_id = locate(resource_id, run.locations).rpartition("/")[2]
        call = self.call_for(operation.resource_type, operation.version, run)
        match operation.method:
            case "POST":
                return verbs.create(call, operation.data)
            case "PUT":
                return verbs.replace(call, resource_id, operation.data)
            case "PATCH":
                answer = verbs.patch(call, resource_id, operation.data, answers=True)
                assert answer is not None
                return answer
            case _:
                verbs.delete(call, resource_id)
                return Answer(resource_id, "", b"")

    def call_for(self, resource_type: ResourceType, version: str, run: _Run) -> verbs.Call:
        self.resource_type = resource_type
        call = self.call(_VERSION_ONLY)
        call.policy = resolving(call.policy, run.locations)
        call.if_match = version
        return call

    def _fail(
        self, run: _Run, number: int, operation: BulkOperation | None, error: ScimError, finishes: str = ""
    ) -> None:
        run.failures += 1
        result: dict[str, Any] = {"status": str(error.status), "response": error.body()}
        if operation:
            result["method"] = finishes or operation.method
            result |= {"bulkId": operation.bulk_id} if operation.bulk_id else {}
            if operation.resource_id.startswith("bulkId:"):
                result |= {"location": run.locations[operation.bulk_id]} if operation.bulk_id in run.locations else {}
            elif operation.resource_id:
                result["location"] = f"{location_base(operation.resource_type)}{operation.resource_id}"
        run.results[number] = result
