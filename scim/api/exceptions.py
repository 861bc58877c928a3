"""The error handler: turns every exception into a SCIM error response (RFC 7644 §3.12)."""

import logging
import traceback
from typing import Any

import orjson
from django.db import DataError, OperationalError
from django.http import HttpRequest, HttpResponse
from django_scim.constants import SCIM_CONTENT_TYPE
from django_scim.exceptions import SCIMException
from psycopg.errors import ProgramLimitExceeded
from rest_framework.exceptions import MethodNotAllowed

from providers.outages import is_outage
from providers.removal_limit import RemovalHeldError
from scim.api import refusals
from scim.protocol import errors
from scim.protocol.errors import ScimError

logger = logging.getLogger(__name__)


def handle_exception(exception: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER."""
    view, request = context["view"], context["request"]._request
    error = as_scim_error(exception, view.allowed_methods, request)
    request.scim_error = error
    return error_response(error)


def as_scim_error(exception: Exception, allowed: list[str], request: HttpRequest) -> ScimError:
    match exception:
        case ScimError():
            return exception
        case SCIMException():  # an adapter written for django-scim2
            return refusals.of_adapter(int(exception.status), exception.scim_type or "", exception.detail)
        case RemovalHeldError():
            return refusals.removals_rejected() if exception.is_rejected else refusals.removals_held()
        case MethodNotAllowed():
            return refusals.method_not_allowed(str(request.method)[:20], allowed)
        case DataError():
            log_error(exception, request)
            return errors.not_storable()
        case OperationalError() if isinstance(exception.__cause__, ProgramLimitExceeded):
            return errors.not_storable()
        case _ if is_outage(exception):
            log_error(exception, request)
            return refusals.unavailable()
    log_error(exception, request)
    return refusals.internal_error(getattr(request, "request_id", ""))


def error_response(error: ScimError) -> HttpResponse:
    response = HttpResponse(orjson.dumps(error.body()), status=error.status, content_type=SCIM_CONTENT_TYPE)
    for name, value in error.headers.items():
        response[name] = value
    response["Content-Length"] = str(len(response.content))
    if error.status == 503:
        # A paused provider gets this for hours. The provisioning log has each one, so the process log needs none.
        response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def log_error(exception: Exception, request: HttpRequest) -> None:
    """Write the place and the kind of an error, but not its text: a database message quotes personal data (V49)."""
    frames = "".join(traceback.format_tb(exception.__traceback__))
    logger.error("request %s: %s\n%s", getattr(request, "request_id", ""), type(exception).__qualname__, frames)


def scim_server_error(request: HttpRequest) -> HttpResponse:
    """The response to an exception outside a view."""
    return error_response(refusals.internal_error(getattr(request, "request_id", "")))


def scim_unavailable() -> HttpResponse:
    """The response to an exception outside a view while the database is away."""
    return error_response(refusals.unavailable())
