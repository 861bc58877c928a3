"""The keys with which issuers sign assertions: fetched when they are needed, and kept for all workers in one row.

    the key is known, fetched today     it is used
    the key is known, fetched earlier   it is used, after a fetch by whoever comes first; if that fails, for `KEPT`
    the key is unknown                  one request fetches, at most once in `PAUSE`; others are asked to come again

So keys may change without notice, an assertion with an invented key id cannot make this server fetch all the time, and
an issuer that does not answer stops nobody whose key is known. Only one request fetches at a time, for all issuers: the
others keep their workers.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from providers.assertions import AssertionRefusedError
from providers.models import SigningKeys
from providers.outcomes import SignInFailure
from providers.outgoing import TIMEOUT_S, OutgoingError, fetch

MAX_KEYS = 200
FRESH = timedelta(days=1)
KEPT = timedelta(days=7)
PAUSE = timedelta(minutes=1)
# The parameters of a public key that are kept (RFC 7518 §6).
PARAMETERS = ("kid", "kty", "use", "alg", "n", "e", "crv", "x", "y")
_INCOMPLETE = gettext_noop("The response is not a JWK Set.")


class FetchingError(Exception):
    """Another request is fetching the keys at this moment: the client is asked to come again in a second."""


class KeySetError(Exception):
    """A document is not a JWK Set (RFC 7517 §5) with at least one key that has an id."""


def read_key_set(document: Any) -> dict[str, Mapping[str, Any]]:
    """Return the public keys of a JWK Set by their ids. Keys without one are left out. Raises `KeySetError`.

    A set with a private or secret key is refused as a whole: whoever made it did not mean to publish that.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise KeySetError
    found: dict[str, Mapping[str, Any]] = {}
    for key in keys:
        if not isinstance(key, dict) or "d" in key or "k" in key:
            raise KeySetError
        kept = {name: key[name] for name in PARAMETERS if isinstance(key.get(name), str) and "\0" not in key[name]}
        if "kid" in kept and kept.get("kty") in ("RSA", "EC"):
            found[kept["kid"]] = kept
    if not found:
        raise KeySetError
    return found


def signing_key(jwks_url: str, key_id: str) -> Mapping[str, Any]:
    """Return an issuer's key (a JWK) by its id. It may take a fetch, which has the limits of `providers.outgoing`.

    Raises `AssertionRefusedError` if there is no such key or the keys cannot be fetched, and `FetchingError`.
    """
    known = SigningKeys.objects.filter(pk=jwks_url).first() or SigningKeys(jwks_url=jwks_url)
    found = _key(known, key_id)
    if found is None or not _is_fresh(known):
        if _begin(jwks_url):
            known = _fetch(jwks_url)
        elif found is None:
            if _fetching().exists():
                raise FetchingError
            known = SigningKeys.objects.filter(pk=jwks_url).first() or known
        found = _key(known, key_id)
    if found is not None:
        return found
    if known.document is None or not _is_usable(known):
        said = f"{known.error or 'Not fetched yet.'} {known.detail}".strip()
        raise AssertionRefusedError(SignInFailure.ASSERTION_KEYS, f"{jwks_url}: {said}")
    raise AssertionRefusedError(SignInFailure.ASSERTION_KEY, f'{jwks_url} has no key "{key_id[:300]}".')


def _key(known: SigningKeys, key_id: str) -> Mapping[str, Any] | None:
    return read_key_set(known.document).get(key_id) if known.document and _is_usable(known) else None


def _is_fresh(known: SigningKeys) -> bool:
    return known.fetched_at is not None and known.fetched_at > timezone.now() - FRESH


def _is_usable(known: SigningKeys) -> bool:
    return known.fetched_at is not None and known.fetched_at > timezone.now() - KEPT


def _fetching() -> QuerySet[SigningKeys]:
    """Return the keys that a request fetches at this moment. A worker that was killed meanwhile has no end."""
    return SigningKeys.objects.filter(
        ~Q(fetched_at__gte=F("tried_at")),
        ~Q(failed_at__gte=F("tried_at")),
        tried_at__gt=timezone.now() - timedelta(seconds=TIMEOUT_S + 1),
    )


def _begin(jwks_url: str) -> bool:
    """Return whether this request is the one that fetches now: at most one in `PAUSE`, and one for all issuers."""
    if _fetching().exists():
        return False
    now = timezone.now()
    _row, is_new = SigningKeys.objects.get_or_create(jwks_url=jwks_url, defaults={"tried_at": now})
    due = SigningKeys.objects.filter(Q(tried_at=None) | Q(tried_at__lt=now - PAUSE), pk=jwks_url)
    return is_new or bool(due.update(tried_at=now))


def _fetch(jwks_url: str) -> SigningKeys:
    """Fetch the keys and store them, or why that failed. No transaction is open while it waits for the issuer."""
    values: dict[str, Any]
    try:
        document = orjson.loads(fetch(jwks_url, settings.OPTIONS.federation_hosts, {"Accept": "application/json"}))
        values = {
            "document": {"keys": list(read_key_set(document).values())},
            "fetched_at": timezone.now(),
            "error": "",
            "detail": "",
        }
    except OutgoingError as error:
        values = {"failed_at": timezone.now(), "error": error.reason, "detail": error.detail[:200]}
    except (orjson.JSONDecodeError, KeySetError):
        values = {"failed_at": timezone.now(), "error": _INCOMPLETE, "detail": ""}
    SigningKeys.objects.filter(pk=jwks_url).update(**values)
    return SigningKeys.objects.get(pk=jwks_url)
