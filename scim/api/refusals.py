"""Every refusal of HTTP and of this product, one function each; those of the protocol are in `scim.protocol.errors`.

These may name iProva, its pages and what its administrators can do.
"""

import math
from collections.abc import Iterable, Mapping

from django.conf import settings

from providers.outages import RETRY_AFTER_S
from providers.outcomes import Refusal
from scim.protocol.errors import Reason, ScimError, shown

_ENTER_TOKEN = (
    "In Entra ID, open Provisioning and enter the permanent token of this provider as Secret Token; in other clients, "
    "send it as a bearer token."
)
# Tells an OAuth client to get a new access token (RFC 6750 §3.1).
_INVALID_TOKEN = 'error="invalid_token", '
# Of requests to /scim; a client that signs in meets `scim.api.token`.
_UNUSABLE: Mapping[Refusal, str] = {
    Refusal.NO_TOKEN: f"No bearer token was sent. {_ENTER_TOKEN}",
    Refusal.JWT: f"Entra ID sent a token of its own because its Secret Token is empty. {_ENTER_TOKEN}",
    Refusal.BEARER_TWICE: 'The word "Bearer" was sent twice: enter the token as Secret Token without that word.',
    Refusal.QUOTED: "The token was sent in quotes: enter it as Secret Token without them.",
    Refusal.SPACED: "The token was sent with spaces or line breaks inside: enter it as Secret Token without them.",
    Refusal.ALTERED: "The token is not complete: it was cut off or changed when it was copied. Copy it again; if it "
    "is no longer shown, make a new one in iProva.",
    Refusal.NEVER_ISSUED: "The token is not known here: it is another iProva's, or its provider was purged. Make a new "
    "permanent token in iProva and enter it as Secret Token.",
    Refusal.CLIENT_SECRET: "The secret of an OAuth client was sent as a token. In Entra ID, choose OAuth 2.0 client "
    "credentials and enter it as Client Secret; the client gets its tokens from the token endpoint.",
    Refusal.ACCESS_ENDED: "The access token has expired. Get a new one from the token endpoint.",
    Refusal.UNKNOWN: "The token is not known. Make a new permanent token in iProva and enter it as Secret Token.",
}
_ENDED: Mapping[str, tuple[Reason, str]] = {
    "revoked": (Reason.TOKEN_REVOKED, "The token was revoked in iProva. Enter the new one as Secret Token."),
    "expired": (
        Reason.TOKEN_EXPIRED,
        "The token has expired. Make a new one in iProva and enter it as Secret Token.",
    ),
    "suspended": (
        Reason.TOKEN_SUSPENDED,
        "The token is suspended in iProva. An iProva administrator can restore it.",
    ),
}


def unusable_token(kind: Refusal) -> ScimError:
    """No token, or one that does not lead to a provider."""
    error = _INVALID_TOKEN if kind is Refusal.ACCESS_ENDED else ""
    return _unauthorized(Reason.TOKEN_UNUSABLE, _UNUSABLE[kind], error)


def provider_deleted() -> ScimError:
    return _unauthorized(Reason.PROVIDER_DELETED, _UNUSABLE[Refusal.UNKNOWN])


def ended_token(state: str) -> ScimError:
    """A token that was valid before: revoked, expired or suspended."""
    return _unauthorized(*_ENDED[state])


def ended_access_token() -> ScimError:
    """An access token that has expired, or whose client was revoked or suspended."""
    return _unauthorized(
        Reason.ACCESS_TOKEN_ENDED,
        "The access token is no longer valid. Get a new one from the token endpoint; if that is refused, an iProva "
        "administrator sees why under Refused requests.",
        _INVALID_TOKEN,
    )


def _unauthorized(reason: Reason, sentence: str, error: str = "") -> ScimError:
    """RFC 6750 §3, and RFC 9728 §5.1: the header says where to read how to get a token."""
    documents = f'resource_metadata="{settings.OPTIONS.base_url}/.well-known/oauth-protected-resource/scim"'
    challenge = f'Bearer realm="SCIM", {error}{documents}'
    return ScimError(reason, 401, "", sentence, headers={"WWW-Authenticate": challenge})


def unknown_route(path: str) -> ScimError:
    return ScimError(
        Reason.UNKNOWN_ROUTE,
        404,
        "",
        f"There is no SCIM resource at {shown(path)}. Below the Tenant URL, which ends in /scim in lower case, are "
        "/Users, /Groups, /Schemas, /ResourceTypes and /ServiceProviderConfig.",
    )


def too_large(limit: int, unit: str) -> ScimError:
    """A body that is too long, or of which each few bytes are a value: parsed, it would be a hundred times as large."""
    return ScimError(
        Reason.BODY_TOO_LARGE,
        413,
        "",
        f"The request body has more than {limit:,} {unit}. Send less at a time, members above all.",
    )


def unsupported_media_type(sent: str) -> ScimError:
    return ScimError(
        Reason.MEDIA_TYPE,
        415,
        "",
        f"Content-Type {shown(sent)} is not supported: send application/scim+json or application/json.",
    )


def unsupported_encoding(sent: str) -> ScimError:
    """A body that was compressed, or encoded in another way (RFC 9110 §8.4, §12.5.3)."""
    return ScimError(
        Reason.CONTENT_ENCODING,
        415,
        "",
        f"Content-Encoding {shown(sent)} is not supported: send the body uncompressed and without that header.",
        headers={"Accept-Encoding": "identity"},
    )


def method_not_allowed(method: str, allowed: Iterable[str]) -> ScimError:
    names = ", ".join(sorted(allowed))
    return ScimError(
        Reason.METHOD_NOT_ALLOWED,
        405,
        "",
        f"{method} is not possible at this address; possible are {names}.",
        headers={"Allow": names},
    )


def address_refused() -> ScimError:
    return ScimError(
        Reason.ADDRESS_REFUSED,
        403,
        "",
        "The IP-based access restriction of this provider does not cover the calling address. An iProva "
        "administrator finds it under External user management, IP restriction.",
    )


def too_fast(wait_s: float) -> ScimError:
    """More requests than a provider may send, with the seconds until the next one is admitted."""
    rate, wait = settings.OPTIONS.provider_rate, retry_after(wait_s)
    return ScimError(
        Reason.TOO_FAST,
        429,
        "",
        f"This provider sends more than {rate} requests a second, each operation of a bulk request counted as one; "
        f"nothing was changed. Send this request again after {wait} s. The setting PROVIDER_RATE of iProva has the "
        "limit.",
        headers={"Retry-After": wait},
    )


def refused_too_often(wait_s: float) -> ScimError:
    """More refused requests than may come from one address, with the seconds until the next one is looked at."""
    wait = retry_after(wait_s)
    return ScimError(
        Reason.REFUSED_TOO_OFTEN,
        429,
        "",
        "Too many requests without a usable token, or from outside the allowed ranges, came from this address; nothing "
        f"was changed. Correct the token, then send again after {wait} s. A request with a usable token is not limited "
        "by this.",
        headers={"Retry-After": wait},
    )


def retry_after(wait_s: float) -> str:
    """Return the value of a Retry-After header: whole seconds, at least one."""
    return str(max(1, math.ceil(wait_s)))


def paused() -> ScimError:
    return ScimError(
        Reason.PAUSED,
        503,
        "",
        "An iProva administrator has paused this provider; nothing was changed. Provisioning goes on by itself "
        "when it is resumed.",
        headers={"Retry-After": "2400"},
    )


def provider_full(resource_type: str, limit: int) -> ScimError:
    """A creation above the quota. 400, which a client reports for this resource alone and tries again in a later cycle.

    RFC 7644 §3.12 names no status for it: 403 would blame the token, and a 5xx is repeated at once.
    """
    return ScimError(
        Reason.PROVIDER_FULL,
        400,
        "",
        f"This provider has reached its limit of {limit:,} {resource_type.lower()}s, those in the recycle bin "
        "included; nothing was created. Check the scope of provisioning in Entra ID, or ask the operator of iProva to "
        f"raise PROVIDER_{resource_type.upper()}S.",
    )


def removals_held() -> ScimError:
    return ScimError(
        Reason.REMOVALS_HELD,
        503,
        "",
        "This provider has disabled, deleted or removed from their groups unusually many users within an hour, so "
        "iProva holds further ones back; nothing was changed, all other requests continue. An iProva administrator "
        "decides on the page of the provider; when they are allowed, provisioning continues by itself.",
        headers={"Retry-After": "2400"},
    )


def removals_rejected() -> ScimError:
    return ScimError(
        Reason.REMOVALS_REJECTED,
        403,
        "",
        "An iProva administrator has rejected that this provider disables or deletes more users, or removes them from "
        "their groups, for now; nothing was changed. Check the scope and the assignments in Entra ID, then ask the "
        "administrator to lift the rejection.",
    )


def unavailable() -> ScimError:
    """The database does not respond, or is no longer the primary. It may have gone away during a commit."""
    return ScimError(
        Reason.DATABASE_AWAY,
        503,
        "",
        "The database of iProva does not answer. It is not known whether this request has changed anything; send it "
        "again later.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def internal_error(request_id: object) -> ScimError:
    return ScimError(
        Reason.INTERNAL_ERROR, 500, "", f"iProva could not process this request. Its request id is {request_id}."
    )


def not_finished() -> ScimError:
    """The log's row of a request that has run long and has not ended; its end replaces the row."""
    return ScimError(
        Reason.NOT_FINISHED,
        500,
        "",
        "The request has run for more than 5 seconds and has not ended yet. If this row stays, iProva was stopped "
        "while the request ran, and its client got no response.",
    )


def discovery_filter() -> ScimError:
    return ScimError(Reason.DISCOVERY_FILTER, 403, "", "Discovery documents cannot be filtered: read them whole.")


def me() -> ScimError:
    return ScimError(
        Reason.ME, 501, "", "/Me is not supported: the token is that of a directory, not of a person. Use /Users."
    )


def of_adapter(status: int, scim_type: str, detail: str) -> ScimError:
    """A refusal by an adapter that was written for django-scim2."""
    return ScimError(Reason.ADAPTER, status, scim_type, detail)
