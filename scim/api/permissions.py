"""The checks after a valid token: the IP restriction, the provider's rate limit, whether it is paused, and its quota.

Only requests that the IP restriction allows count for the rate limit: with a stolen token alone, nobody can use it up.
"""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from providers.quota import usage
from providers.tokens import Caller
from scim.api import refusals, throttling


class ProviderPermission(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises ScimError 403 for an uncovered address under *enforce*, 429 beyond the rate limit, 503 if paused."""
        caller: Caller = request.auth  # type: ignore[assignment]
        if caller.ip_mode == "enforce" and not caller.is_covered:
            raise throttling.limited(refusals.address_refused(), caller.address)
        throttling.admit(caller)
        if caller.is_paused:
            raise refusals.paused()
        return True


def check_quota(caller: Caller, resource_type: str) -> None:
    """Raise ScimError 400 if the provider has as many users or groups as it may have. For a creation."""
    used = usage(resource_type, caller.user_count if resource_type == "User" else caller.group_count)
    if used.is_full:
        raise refusals.provider_full(resource_type, used.limit)
