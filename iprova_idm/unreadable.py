"""Responses to what cannot be read as HTTP, and to what fails outside the application.

Each says what kind of fault it is. None repeats anything of the request: it could be a token in the wrong place, or
somebody's address.
"""

import json
import uuid
from dataclasses import dataclass

from gunicorn.http import errors


@dataclass(frozen=True)
class Kind:
    """A status with its reason phrase, and a sentence for the process log and the response."""

    status: int
    reason: str
    sentence: str


# Usually a filter in an address that was written by hand.
_BAD_LINE = Kind(400, "Bad Request", "The request line is not that of HTTP/1.1: encode spaces as %20.")
_BAD_HEADER = Kind(400, "Bad Request", "A header is malformed.")
_BAD_REQUEST = Kind(400, "Bad Request", "The request is not HTTP/1.1.")
BAD_CHUNKS = Kind(400, "Bad Request", "The chunked body is malformed, or its chunks are too small.")
HEAD_TOO_LONG = Kind(431, "Request Header Fields Too Large", "The headers are too long.")
CUT_OFF = Kind(400, "Bad Request", "The request ended before it was complete.")
TOO_SLOW = Kind(408, "Request Timeout", "The request did not arrive in time.")
FAILED = Kind(500, "Internal Server Error", "The server failed, or the request took too long.")

# The first class that fits counts.
_KINDS: tuple[tuple[type[Exception], Kind], ...] = (
    (errors.LimitRequestLine, Kind(414, "URI Too Long", "The request line is longer than 8,190 bytes.")),
    (errors.LimitRequestHeaders, HEAD_TOO_LONG),
    (errors.InvalidRequestLine, _BAD_LINE),
    (errors.InvalidRequestMethod, Kind(400, "Bad Request", "The method is malformed.")),
    (errors.InvalidHTTPVersion, _BAD_LINE),
    (errors.InvalidHeader, _BAD_HEADER),
    (errors.InvalidHeaderName, _BAD_HEADER),
    (errors.ObsoleteFolding, _BAD_HEADER),
    (errors.UnsupportedTransferCoding, Kind(501, "Not Implemented", "The Transfer-Encoding is not chunked.")),
    (errors.ExpectationFailed, Kind(417, "Expectation Failed", "The Expect header is not 100-continue.")),
    (errors.ParseException, _BAD_REQUEST),
)


def kind_of(error: Exception) -> Kind:
    """Return the kind of an error that gunicorn's parser raised."""
    return next((kind for known, kind in _KINDS if isinstance(error, known)), FAILED)


def response_to(kind: Kind) -> bytes:
    """Return a whole response: a SCIM error (RFC 7644 §3.12), as its sender is usually a SCIM client."""
    error = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(kind.status),
        "detail": kind.sentence,
    }
    body = json.dumps(error).encode()
    head = (
        f"HTTP/1.1 {kind.status} {kind.reason}\r\nConnection: close\r\nContent-Type: application/scim+json\r\n"
        f"X-Request-Id: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
