"""The base of every SCIM view: the order of the checks, headers, and the request's entry in the provisioning log."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django_scim.constants import SCIM_CONTENT_TYPE
from rest_framework.request import Request
from rest_framework.views import APIView

from providers.client_address import client_address
from providers.events import Actor
from providers.outcomes import CHANGES
from providers.request_log import Entry, writer
from providers.schemas import resource_types_of
from providers.tokens import Caller
from scim.api import refusals, throttling
from scim.api.entries import Write, entries_of, entry_of
from scim.api.parsers import read_json, read_query
from scim.clients import LIBERAL, policy_for
from scim.protocol.attributes import ResourceType
from scim.protocol.budget import Budget
from scim.protocol.errors import ScimError
from scim.protocol.policy import Policy
from scim.protocol.validation import Notes
from scim.store.spool import Spool
from scim.store.time_limit import time_limit


class ScimView(APIView):
    """Checks the token, the IP restriction and the address, in this order.

    The log names `resource_type_name` and `intent`. `takes_large_bodies`: a request holds members or operations.
    """

    resource_type_name = ""
    takes_large_bodies = False
    intent = ""  # the action of a request whose method does not show it
    parts: list[Write] | None = None  # the operations of a bulk request

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: DRF's are for its own responses, and to work them out takes time for each request."""
        return {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.started = time.perf_counter()
        with time_limit(self.budget), writer.running(request.request_id, partial(_unfinished, self, request)):  # type: ignore[attr-defined]
            response = super().dispatch(request, *args, **kwargs)
        _log_request(self, request, response, (time.perf_counter() - self.started) * 1_000)
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a request without a valid token before anything else, on every route and verb (V19)."""
        self.perform_authentication(request)
        self.check_permissions(request)
        self.check_throttles(request)
        raw_path = request._request.META.get("RAW_URI", "").partition("?")[0].lower()
        if "%2f" in raw_path or "%5c" in raw_path:
            raise refusals.unknown_route(request._request.path_info)  # V16

    @property
    def caller(self) -> Caller:
        caller: Caller = self.request._request.caller  # type: ignore[attr-defined]
        return caller

    @cached_property
    def resource_types(self) -> Sequence[ResourceType]:
        """The resource types with the schema extensions of the caller's provider."""
        return resource_types_of(self.caller.provider_id, self.caller.schemas_version)

    @cached_property
    def budget(self) -> Budget:
        """What this request may use."""
        return Budget(
            max_parts=LIBERAL.max_bulk_parts,
            max_bytes=LIBERAL.max_written_bytes,
            seconds=settings.OPTIONS.request_seconds,
            clock=time.perf_counter,
            started=self.started,
        )

    def body(self) -> Any:
        """The JSON body. Raises ScimError as `read_json` does."""
        return read_json(self.request._request, is_large=self.takes_large_bodies)

    @cached_property
    def query(self) -> dict[str, str]:
        return read_query(self.request._request)

    @cached_property
    def notes(self) -> Notes:
        """Names of what the request sent and this server left out, for the provisioning log."""
        return Notes()

    @property
    def policy(self) -> Policy:
        return policy_for(frozenset(self.caller.switches))

    @property
    def actor(self) -> Actor:
        request = self.request._request
        return Actor(
            token_prefix=self.caller.token_prefix,
            address=self.caller.address,
            request_id=request.request_id,  # type: ignore[attr-defined]
        )

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return no_content({"Allow": ", ".join(self.allowed_methods)})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """No content negotiation: the response is SCIM whatever Accept is. Entra does not send it."""
        return response


def json_response(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    response = HttpResponse(body, status=status, content_type=SCIM_CONTENT_TYPE, headers=headers)
    response["Content-Length"] = str(len(body))
    return response


def resource_response(
    body: bytes | Spool, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponseBase:
    """The same for a body that may be in a file. It is sent piece by piece then."""
    if isinstance(body, bytes):
        return json_response(body, status=status, headers=headers)
    response = StreamingHttpResponse(body, status=status, content_type=SCIM_CONTENT_TYPE, headers=headers)
    response["Content-Length"] = str(len(body))
    return response


def no_content(headers: Mapping[str, str] | None = None) -> HttpResponse:
    response = HttpResponse(status=204, headers=headers)
    del response["Content-Type"]
    return response


def _log_request(view: ScimView, request: HttpRequest, response: HttpResponseBase, duration_ms: float) -> None:
    caller: Caller | None = getattr(request, "caller", None)
    at = timezone.now()
    if caller is None:
        writer.count_refusal(client_address(request), at, getattr(request, "refusal_kind", "no-token"))
        return
    if throttling.is_counted_only(request, caller):
        writer.count_throttled(caller.provider_id, at, is_change=request.method in CHANGES)
        return
    main = _main(view, request, response.status_code, getattr(request, "scim_error", None), duration_ms)
    own, *others = entries_of(request, response, main, intent=view.intent, parts=view.parts)
    writer.add(own, touches_token=caller.is_touch_due and caller.token_state == "active")
    for entry in others:
        writer.add(entry, touches_token=False)


def _main(view: ScimView, request: HttpRequest, status: int, error: ScimError | None, duration_ms: float) -> Write:
    return Write(
        method=str(request.method),
        resource_type=view.resource_type_name,
        resource_id=getattr(request, "resource_id", None) or view.kwargs.get("uuid", ""),
        document=getattr(request, "scim_document", None),
        status=status,
        error=error,
        notes=view.notes,
        duration_ms=duration_ms,
    )


def _unfinished(view: ScimView, request: HttpRequest) -> Entry | None:
    """The entry of a request that is still running. The log's thread asks for it; None before the caller is known."""
    if getattr(request, "caller", None) is None:
        return None
    error = refusals.not_finished()
    main = _main(view, request, error.status, error, (time.perf_counter() - view.started) * 1_000)
    return entry_of(request, None, main, view.intent)
