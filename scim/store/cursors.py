"""Cursors of RFC 9865: where a page ended, signed, so that nobody can make or alter one.

A cursor holds the last resource's sort key and id, so nothing is kept between pages and no change of
other resources hides or repeats one (V59). Whoever decodes it reads what the page itself showed. The
signature is bound to provider, type, filter and order (V43).
"""

import hashlib
from dataclasses import astuple, dataclass

from django.core import signing

from scim.protocol import errors


@dataclass(frozen=True)
class Position:
    """From which resource to go on: its sort key as text (None: it has no value, or nothing is sorted) and its id.

    `total` is that of the first page: counting anew for each page would cost more than the page.
    `is_backward`: on to what comes before it. `is_inclusive`: the resource itself is part of what comes.
    """

    key: str | None
    id: str
    total: int
    is_backward: bool = False
    is_inclusive: bool = False


def seal(position: Position, *scope: object) -> str:
    """The cursor, of unreserved characters only (RFC 3986 §2.3), as RFC 9865 §2 wants it."""
    return _signer(scope).sign_object(astuple(position))


def unseal(cursor: str, timeout_s: int, *scope: object) -> Position:
    """Raises `ScimError` invalidCursor, expiredCursor."""
    try:
        return Position(*_signer(scope).unsign_object(cursor, max_age=timeout_s))
    except signing.SignatureExpired as error:
        raise errors.expired_cursor(timeout_s) from error
    except signing.BadSignature as error:
        raise errors.invalid_cursor() from error


def _signer(scope: tuple[object, ...]) -> signing.TimestampSigner:
    digest = hashlib.sha256(repr(scope).encode("utf-8", "surrogatepass")).hexdigest()
    return signing.TimestampSigner(salt=f"scim.store.cursors {digest}", sep="~")
