"""Middleware: what every request passes, where SCIM requests branch off, and what the console adds to libraries."""

import re
from collections.abc import Callable
from typing import Any

import django.middleware.locale
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import resolve
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin
from uuid_utils.compat import uuid7

from iprova_idm.body_limits import FORM, is_api_path, largest_body
from providers.client_address import FORWARDED_PROTO, is_behind_proxy
from providers.console.accounts.lock_out import check_refused
from providers.password_checks import CheckRefusedError
from providers.plain_text import visible
from providers.zones import zones


def is_api(request: HttpRequest) -> bool:
    """Return whether a request is from a program: for `/scim` in any case or an address below it, or for OAuth."""
    return is_api_path(request.path_info)


class ForwardedMiddleware:
    """Drops X-Forwarded-Proto unless a trusted proxy has set it: Django reads this header whoever sent it (M5)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if FORWARDED_PROTO in request.META and not is_behind_proxy(request):
            del request.META[FORWARDED_PROTO]
        return self.get_response(request)


class RequestIdMiddleware:
    """Gives each request an id (UUIDv7) and sends it with the response as `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = uuid7()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = str(request.request_id)  # type: ignore[attr-defined]
        return response


class HeadMiddleware:
    """Sends no body in the response to HEAD (RFC 9110 §9.3.2): gunicorn would drop it, with a warning each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse) and response.content:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        elif request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = iter(())
        return response


class ScimMiddleware:
    """Runs the view of a SCIM or OAuth request at once, so that the console's middleware, which follows, never sees it.

    Sessions, languages, CSRF tokens and security headers are for browsers only, and a session must never give access to
    /scim (threat V20). SCIM responses are always in English, because administrators of Entra and Okta read their
    `detail` (AC-I18N-5).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.get_response(request)
        translation.activate("en")  # the thread's previous request may have been for a Dutch page
        request.resolver_match = match = resolve(request.path_info)
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response


class LocaleMiddleware(django.middleware.locale.LocaleMiddleware):
    """Chooses the language of a page: first the account's, then the cookie's, then the browser's (AC-I18N-4).

    The session has held the account's language since sign-in.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Activate the session's language, if it has one."""
        super().process_request(request)
        if language := request.session.get(settings.LANGUAGE_SESSION_KEY):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()


class TimeZoneMiddleware:
    """Shows times in the zone of the account, or else of the browser, or else of the setting TIME_ZONE.

    The session has held the account's zone since sign-in; time.js keeps the browser's in a cookie. No query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        own = request.session.get(settings.TIME_ZONE_SESSION_KEY)
        chosen = own or request.COOKIES.get(settings.TIME_ZONE_COOKIE_NAME)
        with timezone.override(chosen if chosen in zones() else None):
            return self.get_response(request)


class BodyLimitMiddleware(MiddlewareMixin):
    """Shows a page for a form that is too long, before anything reads it (threat V39).

    The address alone limits it (`body_limits`), and the worker has read no more than that. A file can be uploaded by
    a person who has signed in only: other requests are refused before their body is read.
    """

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Return the page (413), or None. Django's CSRF check would read the form: this runs before it."""
        sent = request.META.get("CONTENT_LENGTH") or "0"
        most = largest_body(settings.OPTIONS, request.path_info)
        if most > FORM and not request.user.is_authenticated:
            most = FORM
        if sent.isdecimal() and int(sent) <= most:
            return None
        return render(request, "413.html", {"largest": most // 1024}, status=413)


class MethodMiddleware(MiddlewareMixin):
    """Shows a page when somebody opens the address of a button; Django's own 405 response is empty (AC-ERR-1)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Replace a response with status 405 by a page."""
        if response.status_code != 405:
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page


_TEXTS = re.compile(r"(?<=>)[^<>]+")
# The first two bytes of these characters in UTF-8, of which most pages have few.
_MAY_TURN = re.compile(rb"\xe2(?:\x80[\xaa-\xae]|\x81[\xa6-\xa9])")


class VisibleMiddleware(MiddlewareMixin):
    """Shows a sign such as [U+202E] on pages where a name has a character that turns the letters after it round.

    Only texts are changed. The values of fields stay as they are, because forms send them back.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Replace these characters in the texts of a page."""
        if not isinstance(response, HttpResponse) or not response.get("Content-Type", "").startswith("text/html"):
            return response
        if _MAY_TURN.search(response.content):
            shown = _TEXTS.sub(lambda found: visible(found[0]), response.content.decode())
            response.content = shown.encode()
        return response


class PasswordCheckMiddleware(MiddlewareMixin):
    """Shows a page when a password was not looked at, because there were too many attempts (threat V30)."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return that page, or None for any other exception."""
        return check_refused(request, exception) if isinstance(exception, CheckRefusedError) else None
