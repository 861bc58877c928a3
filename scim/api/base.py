"""The base of every SCIM view: the order of the checks, headers, and the request's entry in the provisioning log."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django_scim.constants import SCIM_CONTENT_TYPE
from rest_framework.request import Request
from rest_framework.views import APIView

from providers.client_address import client_address
from providers.events import Actor
from providers.ids import parse_id
from providers.request_log import Entry, redact, redact_query, redact_text, writer
from providers.schemas import resource_types_of
from providers.tokens import Caller
from scim.api import refusals
from scim.api.parsers import read_query
from scim.clients import policy_for
from scim.protocol.attributes import ResourceType
from scim.protocol.errors import Reason
from scim.protocol.policy import Policy
from scim.protocol.validation import Notes

_MUST_LOG_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ScimView(APIView):
    """Checks the token, the IP restriction and the address, in this order. The log names `resource_type_name`."""

    resource_type_name = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        started = time.perf_counter()
        response = super().dispatch(request, *args, **kwargs)
        _log_request(self, request, response, (time.perf_counter() - started) * 1_000)
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


def no_content(headers: Mapping[str, str] | None = None) -> HttpResponse:
    response = HttpResponse(status=204, headers=headers)
    del response["Content-Type"]
    return response


def _mark(notes: Notes) -> str:
    """The reason that the log gives a request that was not refused."""
    return Reason.NOTHING_UNDERSTOOD.value if notes.understood_nothing else ""


def _log_request(view: ScimView, request: HttpRequest, response: HttpResponseBase, duration_ms: float) -> None:
    caller: Caller | None = getattr(request, "caller", None)
    at = timezone.now()
    if caller is None:
        writer.count_refusal(client_address(request), at, getattr(request, "refusal_kind", "no-token"))
        return
    error = getattr(request, "scim_error", None)
    keeps_bodies = response.status_code >= 400 or request.method in _MUST_LOG_BODY
    content = response.content if keeps_bodies and isinstance(response, HttpResponse) else b""
    entry = Entry(
        id=request.request_id,  # type: ignore[attr-defined]
        at=at,
        provider_id=caller.provider_id,
        token_id=caller.token_id,
        token_prefix=caller.token_prefix,
        method=str(request.method)[:10],
        path=redact_text(request.path_info),
        query=redact_query(request.META.get("QUERY_STRING", "")),
        status=response.status_code,
        reason=error.reason.value if error else _mark(view.notes),
        scim_type=error.scim_type if error else "",
        detail=error.detail if error else "",
        duration_ms=round(duration_ms, 2),
        source_ip=caller.address,
        is_uncovered=not caller.is_covered,
        client_request_id=request.META.get("HTTP_CLIENT_REQUEST_ID", "")[:100],
        resource_type=view.resource_type_name,
        resource_id=parse_id(getattr(request, "resource_id", None) or view.kwargs.get("uuid", "")),
        ignored=view.notes.ignored,
        request_body=redact(getattr(request, "scim_body", b"")) if keeps_bodies else "",
        response_body=redact(content),
    )
    writer.add(entry, touches_token=caller.is_touch_due and caller.token_state == "active")
