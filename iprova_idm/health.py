"""`/healthz` shows whether this process and its database respond. It needs no sign-in and contains no names."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """Return status *ok* (200), or *degraded* (503) if the database does not respond. One query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "degraded"}, status=503)
    return JsonResponse({"status": "ok"})
