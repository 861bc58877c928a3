"""`/healthz`: whether this process and its database answer; names nobody and needs no sign-in."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "degraded"}, status=503)
    return JsonResponse({"status": "ok"})
