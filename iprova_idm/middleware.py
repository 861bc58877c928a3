"""The console's middleware, stepping aside for SCIM requests.

Sessions, languages, CSRF tokens and security headers mean something to a browser only, and
nothing on /scim may ever be allowed by a session (threat V20). Each class but two is a library's
own with one test in front; being subclasses, they satisfy the checks of django.contrib.admin.
"""

from collections.abc import Callable
from typing import Any

import axes.middleware
import csp.middleware
import django.middleware.clickjacking
import django.middleware.common
import django.middleware.csrf
import django.middleware.locale
import django.middleware.security
import django_otp.middleware
import whitenoise.middleware
from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin
from uuid_utils.compat import uuid7

SCIM_PREFIX = "/scim"


def is_scim(request: HttpRequest) -> bool:
    path = request.path_info
    return path[:5].lower() == SCIM_PREFIX and path[5:6] in ("", "/")


class RequestIdMiddleware:
    """Gives each request its id (UUIDv7), which the answer carries as `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = uuid7()  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = str(request.request_id)  # type: ignore[attr-defined]
        return response


class _ConsoleOnly:
    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if is_scim(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SecurityMiddleware(_ConsoleOnly, django.middleware.security.SecurityMiddleware):
    pass


class WhiteNoiseMiddleware(_ConsoleOnly, whitenoise.middleware.WhiteNoiseMiddleware):  # type: ignore[misc]
    pass


class CSPMiddleware(_ConsoleOnly, csp.middleware.CSPMiddleware):
    pass


class SessionMiddleware(_ConsoleOnly, sessions.SessionMiddleware):
    pass


class LocaleMiddleware(_ConsoleOnly, django.middleware.locale.LocaleMiddleware):
    """The language of the account, in the session since its sign-in, before cookie and browser (AC-I18N-4).

    SCIM answers English, whoever asks: administrators of Entra and Okta read its `detail` (AC-I18N-5).
    """

    def __call__(self, request: HttpRequest) -> Any:
        if is_scim(request):
            translation.activate("en")  # the thread may have shown a Dutch page before
        return super().__call__(request)

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        if language := request.session.get(settings.LANGUAGE_SESSION_KEY):
            translation.activate(language)
            request.LANGUAGE_CODE = translation.get_language()


class CommonMiddleware(_ConsoleOnly, django.middleware.common.CommonMiddleware):
    pass


class CsrfViewMiddleware(_ConsoleOnly, django.middleware.csrf.CsrfViewMiddleware):
    pass


class AuthenticationMiddleware(_ConsoleOnly, auth.AuthenticationMiddleware):
    pass


class OTPMiddleware(_ConsoleOnly, django_otp.middleware.OTPMiddleware):  # type: ignore[misc]
    pass


class MessageMiddleware(_ConsoleOnly, messages.MessageMiddleware):
    pass


class MethodMiddleware(_ConsoleOnly, MiddlewareMixin):
    """Who opens the address of a button gets a page, where Django's answer (405) is empty (AC-ERR-1)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code != 405:
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page


class XFrameOptionsMiddleware(_ConsoleOnly, django.middleware.clickjacking.XFrameOptionsMiddleware):
    pass


class AxesMiddleware(_ConsoleOnly, axes.middleware.AxesMiddleware):  # type: ignore[misc]
    pass
