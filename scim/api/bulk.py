"""/Bulk (RFC 7644 §3.7): performs each operation like a single request, in its own transaction."""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

from providers.outcomes import Action
from scim.api import throttling
from scim.api.base import ScimView, json_response
from scim.api.entries import Write, write_of
from scim.api.exceptions import as_scim_error
from scim.api.permissions import check_quota
from scim.api.resources import store_call
from scim.protocol import errors
from scim.protocol.bulk import (
    BULK_ID,
    RESPONSE_SCHEMA,
    BulkOperation,
    RefusedOperation,
    locate,
    read_bulk,
    references,
    resolving,
    without_references,
)
from scim.protocol.errors import ScimError
from scim.protocol.patch import PATCH_SCHEMA
from scim.protocol.policy import Policy
from scim.protocol.projection import Projection
from scim.protocol.validation import Notes
from scim.store import verbs
from scim.store.answers import Answer, location_base

# The result of an operation shows the version of the resource and nothing else of it.
_VERSION_ONLY = Projection(only=frozenset({("", "meta", "")}))
_STATUSES = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}


@dataclass
class _Run:
    """The state of one bulk request. `locations` holds the address of each resource made so far, by bulkId."""

    policy: Policy
    locations: dict[str, str]
    results: dict[int, dict[str, Any]] = field(default_factory=dict)
    failures: int = 0


class BulkView(ScimView):
    intent = Action.BULK
    takes_large_bodies = True

    @cached_property
    def parts(self) -> list[Write]:  # type: ignore[override]
        """The operations that were performed or refused, for the log."""
        return []

    def post(self, request: Request) -> HttpResponse:
        operations, stop_after = read_bulk(self.body(), self.resource_types, self.policy)
        throttling.count_operations(self.caller, len(operations))
        locations: dict[str, str] = {}
        run = _Run(resolving(self.policy, locations), locations)
        self._do_all(run, dict(enumerate(operations)), stop_after)
        done = [run.results[number] for number in sorted(run.results)]
        headers = {"Retry-After": "1"} if self.budget.ended_by else {}
        return json_response(orjson.dumps({"schemas": [RESPONSE_SCHEMA], "Operations": done}), headers=headers)

    def _do_all(self, run: _Run, waiting: dict[int, BulkOperation | RefusedOperation], stop_after: int) -> None:
        """Perform the operations in the order sent, but those that refer to a bulkId after the one that defines it."""
        sound = {number: one for number, one in waiting.items() if isinstance(one, BulkOperation)}
        to_come = {number: one.bulk_id for number, one in sound.items() if one.method == "POST"}
        made_here = set(to_come.values())
        needs = {number: references(one) & made_here for number, one in sound.items()}
        additions: list[tuple[int, BulkOperation, dict[str, Any]]] = []
        while waiting and not (stop_after and run.failures >= stop_after) and self._has_budget():
            missing = set(to_come.values())
            number = next((number for number in waiting if missing.isdisjoint(needs.get(number, ()))), None)
            is_circle = number is None  # one is created without its references, which are added later
            number = next(iter(to_come)) if number is None else number
            operation = waiting.pop(number)
            to_come.pop(number, None)
            if isinstance(operation, RefusedOperation):
                _fail(run, number, operation.error, operation)
                continue
            later: dict[str, Any] = {}
            if is_circle and isinstance(operation.data, dict):
                operation, later = without_references(operation, missing)
            if self._do(run, number, operation, operation) and later:
                additions.append((number, operation, later))
        if self.budget.ended_by:
            for number, left in waiting.items():
                self._leave(run, number, left)
        for number, operation, later in additions:
            data = {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "add", "value": later}]}
            address = f"{BULK_ID}{operation.bulk_id}"
            self._do(run, number, operation, replace(operation, method="PATCH", resource_id=address, data=data))

    def _do(self, run: _Run, number: int, sent: BulkOperation, operation: BulkOperation) -> bool:
        """Perform an operation and note the result of the one that was sent; whether it succeeded."""
        notes, started = Notes(), time.perf_counter()

        def log(status: int, error: ScimError | None, **more: Any) -> None:
            spent = (time.perf_counter() - started) * 1_000
            self.parts.append(write_of(operation, status, error, notes=notes, duration_ms=spent, **more))
            for name in notes.ignored:
                self.notes.add(name)

        try:
            answer = self._perform(run, operation, notes)
        except Exception as exception:  # a failure concerns this operation alone; the others continue
            error = as_scim_error(exception, [], self.request._request)
            if self.budget.ended_by and run.results:  # the operations before it have had their share
                error = errors.left_over(self.budget.ended_by)
            log(error.status, error)
            _fail(run, number, error, sent)
            return False
        log(int(_STATUSES[operation.method]), None, resource_id=str(answer.id))
        address = f"{location_base(sent.resource_type)}{answer.id}"
        if sent.method == "POST":
            run.locations[sent.bulk_id] = address
        result = _result(sent) | {"location": address, "status": _STATUSES[sent.method]}
        run.results[number] = result | ({"version": answer.etag} if answer.etag else {})
        return True

    def _has_budget(self) -> bool:
        """Whether there is time for another operation, and none has met a limit of the request."""
        if not self.budget.ended_by and self.budget.left_s <= 0:
            self.budget.out_of_time()
        return self.budget.ended_by is None

    def _leave(self, run: _Run, number: int, operation: BulkOperation | RefusedOperation) -> None:
        """Answer an operation that is not begun any more; its client may send it again."""
        if isinstance(operation, RefusedOperation):
            _fail(run, number, operation.error, operation)
            return
        assert self.budget.ended_by is not None
        error = errors.left_over(self.budget.ended_by)
        self.parts.append(write_of(operation, error.status, error))
        _fail(run, number, error, operation)

    def _perform(self, run: _Run, operation: BulkOperation, notes: Notes) -> Answer:
        resource_id = operation.resource_id
        if resource_id.startswith(BULK_ID):
            resource_id = locate(resource_id, run.locations).rpartition("/")[2]
        call = store_call(self, operation.resource_type, _VERSION_ONLY)
        call = replace(call, policy=run.policy, if_match=operation.version, notes=notes)
        match operation.method:
            case "POST":
                check_quota(self.caller, operation.resource_type.name)
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


def _result(operation: BulkOperation | RefusedOperation) -> dict[str, Any]:
    named = {"method": operation.method, "bulkId": operation.bulk_id}
    return {name: text for name, text in named.items() if text}


def _fail(run: _Run, number: int, error: ScimError, operation: BulkOperation | RefusedOperation) -> None:
    run.failures += 1
    result = _result(operation) | {"status": str(error.status), "response": error.body()}
    if isinstance(operation, BulkOperation):
        if operation.method == "POST" and operation.bulk_id in run.locations:  # created, but its references are missing
            result["location"] = run.locations[operation.bulk_id]
        elif operation.resource_id and not operation.resource_id.startswith(BULK_ID):
            result["location"] = f"{location_base(operation.resource_type)}{operation.resource_id}"
    run.results[number] = result
