"""The checks after a valid token: the IP restriction, and whether the provider is paused."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from providers.tokens import Caller
from scim.api import refusals


class ProviderPermission(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises ScimError 403 for an uncovered address under *enforce*, 503 for a paused provider."""
        caller: Caller = request.auth  # type: ignore[assignment]
        if caller.ip_mode == "enforce" and not caller.is_covered:
            raise refusals.address_refused()
        if caller.is_paused:
            raise refusals.paused()
        return True
