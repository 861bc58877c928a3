"""Bearer tokens (RFC 6750) to callers. A browser session is never looked at (threat V20)."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from iprova_idm.client_address import client_address
from providers.tokens import PREFIX, Caller, find_caller, is_well_formed
from scim.protocol import errors

_ENTER_TOKEN = (
    "In Entra ID, open Provisioning and enter the permanent token of this provider as Secret Token; in other clients, "
    "send it as a bearer token."
)
NO_TOKEN = f"No bearer token was sent. {_ENTER_TOKEN}"
JWT_SENT = f"Entra ID sent a token of its own because its Secret Token is empty. {_ENTER_TOKEN}"
ALTERED = (
    "The token is not complete: it was cut off or changed when it was copied. Copy it again; if it is no longer "
    "shown, make a new one in iProva."
)
UNKNOWN = "The token is not known. Make a new permanent token in iProva and enter it as Secret Token."
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
            raise _refused(django_request, "no-token", NO_TOKEN)
        address = client_address(django_request)
        caller = find_caller(value, address)
        if caller is None:
            raise _refused(django_request, "unknown-token", _explain(value))
        django_request.caller = caller  # type: ignore[attr-defined]
        if caller.is_deleted:
            raise errors.unauthorized(UNKNOWN)
        if caller.token_state != "active":
            raise errors.unauthorized(ENDED[caller.token_state])
        return None, caller


def _refused(request: object, kind: str, detail: str) -> errors.ScimError:
    request.refusal_kind = kind  # type: ignore[attr-defined]
    return errors.unauthorized(detail)


def _explain(value: str) -> str:
    """Why an unknown token may be unknown, as far as its shape shows."""
    if value.count(".") == 2 and value.startswith("ey"):
        return JWT_SENT
    if value.startswith(PREFIX) and not is_well_formed(value):
        return ALTERED
    return UNKNOWN
