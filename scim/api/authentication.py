"""Finds the caller of a bearer token (RFC 6750). Browser sessions are ignored (threat V20)."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from providers.client_address import client_address
from providers.outcomes import Refusal
from providers.tokens import Caller, find_caller, refusal_of
from scim.api import refusals
from scim.protocol.errors import ScimError


class BearerAuthentication(BaseAuthentication):
    """Sets `request.auth` to the `Caller`; raises ScimError 401 in every other case."""

    def authenticate(self, request: Request) -> tuple[None, Caller]:
        django_request = request._request
        scheme, _, value = django_request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        value = value.strip()
        if scheme.lower() != "bearer" or not value:
            raise _refused(django_request, Refusal.NO_TOKEN)
        address = client_address(django_request)
        caller = find_caller(value, address)
        if caller is None:
            raise _refused(django_request, refusal_of(value))
        django_request.caller = caller  # type: ignore[attr-defined]
        if caller.is_deleted:
            raise refusals.provider_deleted()
        if caller.token_state != "active":
            raise refusals.ended_token(caller.token_state)
        return None, caller


def _refused(request: object, kind: Refusal) -> ScimError:
    request.refusal_kind = kind.value  # type: ignore[attr-defined]
    return refusals.unusable_token(kind)
