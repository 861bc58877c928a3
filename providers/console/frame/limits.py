"""The time that a list or a search may take, and the pages that explain why there is none."""

from collections.abc import Callable

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from psycopg.errors import QueryCanceled

from providers.models import MAX_SEARCH_LENGTH, MAX_SEARCH_WORDS, SearchTooLongError

STATEMENT_MS = 10_000


def limited(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Return the response of a page, or the page that its search is too long, or that it takes too long.

    The limit in time is for each statement of a page with parameters: searches, filters and sorted lists. It costs such
    a page one statement. All else reads by keys.
    """
    try:
        return _timed(view) if request.method == "GET" and request.GET else view()
    except SearchTooLongError:
        context = {"words": MAX_SEARCH_WORDS, "characters": MAX_SEARCH_LENGTH}
        return render(request, "console/frame/search_too_long.html", context, status=400)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return render(request, "console/frame/takes_too_long.html", {"seconds": STATEMENT_MS // 1000}, status=503)


def _timed(view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
        answer = view()
        if hasattr(answer, "render"):  # lists read their rows only then
            answer.render()
    return answer
