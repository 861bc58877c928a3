"""The time that a list or a search may take, and the pages that explain why there is none."""

import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from psycopg.errors import QueryCanceled

from providers.models import MAX_SEARCH_LENGTH, MAX_SEARCH_WORDS, SearchTooLongError
from providers.statements import is_of_transaction

STATEMENT_MS = 10_000


class _TakesTooLongError(Exception):
    """The statements of a page together have taken as long as one of them may."""


def limited(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Return the response of a page, or the page that its search is too long, or that it takes too long.

    The limit in time is for the statements of a page with parameters: searches, filters and sorted lists. Each may take
    `STATEMENT_MS`, and none begins later than that after the first. It costs such a page one statement. All else reads
    by keys.
    """
    try:
        return _timed(view) if request.method == "GET" and request.GET else view()
    except SearchTooLongError:
        context = {"words": MAX_SEARCH_WORDS, "characters": MAX_SEARCH_LENGTH}
        return render(request, "console/frame/search_too_long.html", context, status=400)
    except _TakesTooLongError:
        return _takes_too_long(request)
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return _takes_too_long(request)


def _timed(view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    end = time.monotonic() + STATEMENT_MS / 1_000

    def execute(run: Callable[..., Any], sql: Any, *more: Any) -> Any:
        if time.monotonic() > end and not is_of_transaction(sql):
            raise _TakesTooLongError
        return run(sql, *more)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MS)])
        with connection.execute_wrapper(execute):
            answer = view()
            if hasattr(answer, "render"):  # lists read their rows only then
                answer.render()
    return answer


def _takes_too_long(request: HttpRequest) -> HttpResponseBase:
    return render(request, "console/frame/takes_too_long.html", {"seconds": STATEMENT_MS // 1000}, status=503)
