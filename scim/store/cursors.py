"""Cursors (RFC 9865): the position where a page ended, signed so that no client can make or alter one.

A cursor holds the sort key and the id of the last resource, so the server keeps nothing between pages, and
a change of other resources neither hides nor repeats one (V59). A client that decodes it reads only what
the page showed. The signature covers provider, type, filter and order (V43).
"""

import hashlib
from dataclasses import astuple, dataclass

from django.core import signing

from scim.protocol import errors


@dataclass(frozen=True)
class Position:
    """The resource from which to continue: its sort key as text (None: no value, or no order) and its id.

    `total` is that of the first page: counting again for each page would cost more than the page.
    `is_backward`: the page holds what comes before it. `is_inclusive`: the page starts with the resource itself.
    """

    key: str | None
    id: str
    total: int
    is_backward: bool = False
    is_inclusive: bool = False


def seal(position: Position, *scope: object) -> str:
    """The cursor for a position. It has unreserved characters only (RFC 3986 §2.3), as RFC 9865 §2 requires."""
    return _signer(scope).sign_object(astuple(position))


def unseal(cursor: str, timeout_s: int, *scope: object) -> Position:
    """The position in a cursor of the same scope. Raises `ScimError` invalidCursor, expiredCursor."""
    try:
        return Position(*_signer(scope).unsign_object(cursor, max_age=timeout_s))
    except signing.SignatureExpired as error:
        raise errors.expired_cursor(timeout_s) from error
    except signing.BadSignature as error:
        raise errors.invalid_cursor() from error


def _signer(scope: tuple[object, ...]) -> signing.TimestampSigner:
    digest = hashlib.sha256(repr(scope).encode("utf-8", "surrogatepass")).hexdigest()
    return signing.TimestampSigner(salt=f"scim.store.cursors {digest}", sep="~")
