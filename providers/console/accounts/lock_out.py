"""The lock-out after wrong passwords, and the pages of somebody whose password was not looked at.

django-axes counts failures for each name and address, and here for each address alone too. An IPv6 /64 is one address
(`client_source`). Unknown names are counted too, so that a lock-out does not reveal which names exist. They are stored
as digests only: somebody may have typed a password into the wrong field.
"""

import math
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from providers import password_checks
from providers.client_address import client_source
from providers.password_checks import CheckRefusedError

# Failures from one address, for any names. A lock-out by name alone would let anybody lock out an administrator.
MOST_FROM_ADDRESS = 30


class LockOutBackend(AxesStandaloneBackend):  # type: ignore[misc]
    """Refuses attempts during a lock-out, and before that those that come too fast: these cost no query."""

    def authenticate(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Return None, so that the next backend looks at the password. Raises `CheckRefusedError`, PermissionDenied."""
        password_checks.take_attempt(client_source(request) or "")
        super().authenticate(request, *args, **kwargs)


class LockOutHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts the failures of a name from an address, and with a higher limit those of an address."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures of the name from the address; AXES_FAILURE_LIMIT if the address alone had too many."""
        of_name, of_address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        request.is_address_locked = of_address >= MOST_FROM_ADDRESS
        return settings.AXES_FAILURE_LIMIT if request.is_address_locked else of_name

    def reset_user_attempts(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of a name that has signed in, but not those of other names from its address."""
        of_name, _ = self.filter_user_attempts(request, credentials)
        return int(of_name.delete()[0])


def is_of_address(request: HttpRequest) -> bool:
    """Return whether a lock-out is for all names from an address."""
    return getattr(request, "is_address_locked", False)


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:
    """Return the page of a lock-out, which django-axes sends instead of `response`; the same for every name."""
    wait_s = settings.AXES_COOLOFF_TIME.total_seconds()
    return _page(request, "locked_out", 429, wait_s, {"is_of_address": is_of_address(request)})


def check_refused(request: HttpRequest, error: CheckRefusedError) -> HttpResponse:
    """Return the page of an attempt whose password was not looked at: too many were wrong, or others are checked."""
    return _page(request, "check_refused", 503 if error.is_busy else 429, error.wait_s, {"is_busy": error.is_busy})


def _page(request: HttpRequest, name: str, status: int, wait_s: float, context: dict[str, Any]) -> HttpResponse:
    page = render(request, f"console/accounts/{name}.html", context, status=status)
    page["Retry-After"] = str(math.ceil(wait_s))
    page["Cache-Control"] = "no-store"
    page._has_been_logged = True  # type: ignore[attr-defined]  # anybody can cause it: not for the process log
    return page


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name under which django-axes counts a failure; a digest if there is no such account."""
    name = name_in(credentials)
    return name if is_account(name) else salted_hmac("unknown name", name, algorithm="sha256").hexdigest()


def name_in(credentials: dict[str, Any] | None) -> str:
    """Return the user name of an attempt."""
    return str((credentials or {}).get(get_user_model().USERNAME_FIELD) or "")


def is_account(name: str) -> bool:
    """Return whether an account has this name."""
    accounts = get_user_model()
    return "\0" not in name and accounts._default_manager.filter(**{accounts.USERNAME_FIELD: name}).exists()
