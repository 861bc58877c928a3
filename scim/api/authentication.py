"""Finds the caller of a bearer token (RFC 6750). Browser sessions are ignored (threat V20).

Too many requests of a provider, or too many without a usable token from one address, get 429 (threat V30).
"""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from providers.client_address import client_address
from providers.models import CLIENT_ID
from providers.outcomes import Refusal
from providers.tokens import Caller, find_caller, refusal_of
from scim.api import refusals, throttling
from scim.protocol.errors import ScimError


class BearerAuthentication(BaseAuthentication):
    """Sets `request.auth` to the `Caller`; raises ScimError 401 or 429 in every other case."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        django_request = request._request
        scheme, _, value = django_request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        value = value.strip()
        address = client_address(django_request)
        if scheme.lower() != "bearer" or not value:
            raise _refused(django_request, Refusal.NO_TOKEN, address)
        if remembered := throttling.limited_caller(value, address):
            django_request.caller = remembered  # type: ignore[attr-defined]
            raise refusals.too_fast(throttling.wait_of(remembered))
        caller = find_caller(value, address)
        if caller is None:
            raise _refused(django_request, refusal_of(value), address)
        django_request.caller = caller  # type: ignore[attr-defined]
        if caller.is_deleted:
            raise throttling.limited(refusals.provider_deleted(), address)
        if caller.token_state != "active":
            is_access = caller.token_prefix.startswith(CLIENT_ID)
            ended = refusals.ended_access_token() if is_access else refusals.ended_token(caller.token_state)
            raise throttling.limited(ended, address)
        return None, caller


def _refused(request: object, kind: Refusal, address: str | None) -> ScimError:
    request.refusal_kind = kind.value  # type: ignore[attr-defined]
    return throttling.limited(refusals.unusable_token(kind), address)
