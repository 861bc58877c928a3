"""The pages after an internal error (500) and while the database is away (503).

They show the request id, by which the error can be found in the server's log, and a link back. They show no details,
and are rendered without the session, the account or the database: any of them may have failed.
"""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from providers.outages import RETRY_AFTER_S


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the page after an internal error."""
    return HttpResponse(render_to_string("500.html", _context(request)), status=500)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Return the page while the database is away. It leads to the address that was asked for."""
    address = request.get_full_path() if request.method == "GET" else ""
    page = HttpResponse(render_to_string("503.html", _context(request) | {"address": address}), status=503)
    page["Retry-After"] = str(RETRY_AFTER_S)
    return page


def _context(request: HttpRequest) -> dict[str, object]:
    return {"request_id": getattr(request, "request_id", "")}
