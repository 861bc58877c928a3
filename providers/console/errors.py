"""The page after an internal error (500).

It shows the request id, by which the error can be found in the server's log, and a link back. It shows no details.
"""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the page, rendered without the session, the account or the database: any of them may have failed."""
    context = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(render_to_string("500.html", context), status=500)
