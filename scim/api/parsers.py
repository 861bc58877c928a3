"""Reads request bodies and query strings within limits."""

import contextlib
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.conf import settings
from django.http import HttpRequest

from scim.api import refusals
from scim.protocol import errors

_MEDIA_TYPES = ("application/scim+json", "application/json", "")
_CHUNK = 65_536
_LARGE = 1_048_576
_LONGEST = 1_001


def read_json(request: HttpRequest) -> Any:
    """The JSON body. Raises ScimError 415, 413 (before parsing, V39), 400 invalidSyntax."""
    _check_media_type(request)
    body = read_body(request)
    request.scim_body = body  # type: ignore[attr-defined]
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise errors.invalid_syntax(f"The body is no valid JSON in UTF-8: {error}.") from error
    request.scim_document = document if len(body) < _LARGE else _shortened(document)  # type: ignore[attr-defined]
    if _count_names(document) != sum(map(bool, _STRING.findall(body))):
        raise errors.invalid_syntax(f"The body names {_name_given_twice(body)} twice in one object; send it once.")
    return document


def _shortened(value: Any, depth: int = 4) -> Any:
    """A document for the log, without the end of long lists: 300,000 members need not wait in memory for it.

    A list of too many operations stays one.
    """
    if not depth:
        return value
    if isinstance(value, list):
        return [_shortened(element, depth - 1) for element in value[:_LONGEST]]
    if isinstance(value, dict):
        return {name: _shortened(part, depth - 1) for name, part in value.items()}
    return value


# Every string of valid JSON as a whole, and the colon that makes it a member's name.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?')


def _count_names(document: Any) -> int:
    """How many members all objects have after parsing, which drops a name that was given twice (V57)."""
    count, waiting = 0, [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            count += len(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return count


def _name_given_twice(body: bytes) -> str:
    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)

    found: list[str] = []
    with contextlib.suppress(RecursionError):
        json.loads(body, object_pairs_hook=look)
    return f'"{found[0][:200]}"' if found else "an attribute"


def _check_media_type(request: HttpRequest) -> None:
    sent = request.META.get("CONTENT_TYPE", "")
    media_type, *parameters = (part.strip().lower() for part in sent.split(";"))
    charset = next((part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    if media_type not in _MEDIA_TYPES or charset not in ("utf-8", "utf8", "us-ascii"):
        raise refusals.unsupported_media_type(sent)
    encodings = request.META.get("HTTP_CONTENT_ENCODING", "")
    if not {one.strip().lower() for one in encodings.split(",")} <= {"", "identity"}:
        raise refusals.unsupported_encoding(encodings)


def read_body(request: HttpRequest) -> bytes:
    """The body, up to MAX_BODY_MIB. Raises ScimError 413."""
    limit: int = settings.OPTIONS.max_body_mib * 1_048_576
    stream = _stream_of(request)
    body: bytes = stream.read(limit + 1)
    if len(body) > limit:
        _drain(stream, 4 * limit)
        raise refusals.too_large(limit)
    return body


def read_unread_body(request: HttpRequest, most: int) -> bytes:
    """The body of a request that was refused before its body was read; b"" if it is longer than `most` bytes."""
    sent = request.META.get("CONTENT_LENGTH") or "0"
    if not sent.isdecimal() or int(sent) > most:
        return b""
    try:
        body: bytes = _stream_of(request).read(most + 1)
    except OSError:  # the client has closed the connection
        return b""
    return body if len(body) <= most else b""


def _stream_of(request: HttpRequest) -> Any:
    # A chunked body has no length, so Django's stream would read nothing of it.
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return request.META["wsgi.input"] if is_chunked else request


def _drain(stream: Any, most: int) -> None:
    """Read up to `most` more bytes, so that a client that is still sending can read the response."""
    while most > 0 and (part := stream.read(_CHUNK)):
        most -= len(part)


def read_query(request: HttpRequest) -> dict[str, str]:
    """Query parameters by lower-case name, the last of each; `+` and `%20` are both a space.

    Names without a value, such as Entra's `aadOptscim062020`, are kept and harmless.
    """
    try:
        pairs = parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise errors.invalid_syntax("The query string has more than 100 parameters.") from error
    return {name.lower(): value for name, value in pairs}
