"""Rate limits of SCIM requests (threat V30): what a provider sends, and what is refused for its token or address.

A provider has a bucket of its own. When it is empty, the process remembers the digests of the tokens that came, so that
further requests cost no query. The first request for which there is a token again is looked up as always: a token
that was revoked in the meantime is refused then.

Refused requests are counted by address. Their tokens are looked up nevertheless, because many tenants of a cloud
directory share its addresses: a good token from such an address is never limited by this.
"""

from dataclasses import replace

from django.http import HttpRequest

from providers import rate_limits
from providers.client_address import source_of
from providers.models import TEST_PREFIX
from providers.redaction import MAX_BODY
from providers.secret_values import digest_of
from providers.tokens import Caller
from scim.api import refusals
from scim.api.parsers import read_unread_body
from scim.protocol.errors import Reason, ScimError

# The limits that `providers.rate_limits` has for SCIM.
THROTTLED = frozenset({Reason.TOO_FAST, Reason.REFUSED_TOO_OFTEN})
_MOST = 10_000
_limited: dict[bytes, Caller] = {}


def limited_caller(value: str, address: str | None) -> Caller | None:
    """Return the caller with this token if its provider has nothing left; None if it must be looked up. No query."""
    if not _limited:
        return None
    digest = digest_of(value)
    caller = _limited.get(digest)
    if caller is None:
        return None
    if wait_of(caller):
        return replace(caller, address=address)
    _limited.pop(digest, None)
    return None


def wait_of(caller: Caller) -> float:
    """Return the seconds until the caller's provider may send a request."""
    return rate_limits.providers.wait(caller.provider_id)


def admit(caller: Caller) -> None:
    """Take a token of the provider's bucket. Raises ScimError 429 if there is none."""
    if wait := rate_limits.providers.take(caller.provider_id):
        if len(_limited) >= _MOST:
            _limited.clear()
        # Whether the next request's address is allowed is not known, so nothing is noted about it.
        _limited[caller.digest] = replace(caller, is_covered=True, is_touch_due=False)
        raise refusals.too_fast(wait)


def count_operations(caller: Caller, count: int) -> None:
    """Count each operation of an admitted bulk request as a request. The whole is done; what is missing is a debt."""
    if count > 1:
        rate_limits.providers.spend(caller.provider_id, count - 1)


def limited(refusal: ScimError, address: str | None) -> ScimError:
    """Return the refusal, or a 429 instead if too many came from this address."""
    wait = rate_limits.refused.take(source_of(address))
    return refusals.refused_too_often(wait) if wait else refusal


def is_counted_only(request: HttpRequest, caller: Caller) -> bool:
    """Return whether a request is one of so many throttled ones that the provisioning log has no entry of it.

    Its body is read, so that the client gets to see the response.
    """
    error: ScimError | None = getattr(request, "scim_error", None)
    if error is None or error.reason not in THROTTLED or caller.token_prefix == TEST_PREFIX:
        return False
    if not rate_limits.logged.take(caller.provider_id):
        return False
    read_unread_body(request, MAX_BODY)
    return True
