"""`/healthz` shows whether this process and a database that takes writes respond. It needs no sign-in."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """Return status *ok* (200), or *degraded* (503) if the database does not respond or is read-only. One query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            is_writable = cursor.fetchone() == ("off",)
    except DatabaseError:
        is_writable = False
    if is_writable:
        return JsonResponse({"status": "ok"})
    connection.errors_occurred = True  # Django looks at this connection at the end of the request, and closes it
    return JsonResponse({"status": "degraded"}, status=503)
