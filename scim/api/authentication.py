"""Bearer tokens (RFC 6750) to callers. A browser session is never looked at (threat V20)."""

from collections.abc import Mapping

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from providers.client_address import client_address
from providers.outcomes import Refusal
from providers.tokens import Caller, find_caller, refusal_of
from scim.protocol import errors

_ENTER_TOKEN = (
    "In Entra ID, open Provisioning and enter the permanent token of this provider as Secret Token; in other clients, "
    "send it as a bearer token."
)
REFUSED: Mapping[str, str] = {
    Refusal.NO_TOKEN: f"No bearer token was sent. {_ENTER_TOKEN}",
    Refusal.JWT: f"Entra ID sent a token of its own because its Secret Token is empty. {_ENTER_TOKEN}",
    Refusal.BEARER_TWICE: 'The word "Bearer" was sent twice: enter the token as Secret Token without that word.',
    Refusal.QUOTED: "The token was sent in quotes: enter it as Secret Token without them.",
    Refusal.SPACED: "The token was sent with spaces or line breaks inside: enter it as Secret Token without them.",
    Refusal.ALTERED: "The token is not complete: it was cut off or changed when it was copied. Copy it again; if it "
    "is no longer shown, make a new one in iProva.",
    Refusal.NEVER_ISSUED: "The token is not known here: it is another iProva's, or its provider was purged. Make a new "
    "permanent token in iProva and enter it as Secret Token.",
    Refusal.UNKNOWN: "The token is not known. Make a new permanent token in iProva and enter it as Secret Token.",
}
ENDED = {
    "revoked": "The token was revoked in iProva. Enter the new one as Secret Token.",
    "expired": "The token has expired. Make a new one in iProva and enter it as Secret Token.",
    "suspended": "The token is suspended in iProva. An iProva administrator can restore it.",
}


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
            raise errors.unauthorized(REFUSED[Refusal.UNKNOWN])
        if caller.token_state != "active":
            raise errors.unauthorized(ENDED[caller.token_state])
        return None, caller


def _refused(request: object, kind: Refusal) -> errors.ScimError:
    request.refusal_kind = kind.value  # type: ignore[attr-defined]
    return errors.unauthorized(REFUSED[kind])
