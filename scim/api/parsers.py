"""Reads request bodies and query strings within limits.

A body is limited three times before anything looks at what it says:

    bytes     MAX_BODY_MIB for a group and a bulk request, whose members and operations are many; 2 MiB for all else
    values    65,536 in each of these MiB, and 25,600 objects among them, counted as commas and opening brackets before
              the body is parsed. Parsed, a value takes up to 60 bytes of memory and an object 230, so a body of 16 MiB
              cannot become a gigabyte. 16 MiB of members as Entra writes them are 350,000 objects
    names     1,000 in one object, whether a schema has them or not
"""

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.conf import settings
from django.http import HttpRequest

from scim.api import refusals
from scim.protocol import errors

_MEDIA_TYPES = ("application/scim+json", "application/json", "")
_CHUNK = 65_536
_MIB = 1_048_576
SMALL_BODY_MIB = 2
_VALUES_PER_MIB = 65_536
_OBJECTS_PER_MIB = 25_600
MAX_NAMES = 1_000
_LARGE = 1_048_576
_LONGEST = 2_500


def read_json(request: HttpRequest, *, is_large: bool = False) -> Any:
    """The JSON body. `is_large`: it may have MAX_BODY_MIB, because it holds members or operations.

    Raises ScimError 415, 413 (before parsing, V39), 400 invalidSyntax or tooMany.
    """
    _check_media_type(request)
    largest: int = settings.OPTIONS.max_body_mib
    max_mib = largest if is_large else min(SMALL_BODY_MIB, largest)
    body = read_body(request, max_mib)
    request.scim_body = body  # type: ignore[attr-defined]
    objects = body.count(b"{")
    if objects > max_mib * _OBJECTS_PER_MIB:
        raise refusals.too_large(max_mib * _OBJECTS_PER_MIB, "objects")
    if objects + body.count(b"[") + body.count(b",") > max_mib * _VALUES_PER_MIB:
        raise refusals.too_large(max_mib * _VALUES_PER_MIB, "values in lists and objects")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise errors.invalid_syntax(f"The body is no valid JSON in UTF-8: {error}.") from error
    request.scim_document = document if len(body) < _LARGE else _shortened(document)  # type: ignore[attr-defined]
    if _count_names(document) != sum(map(bool, _STRING.findall(body))):
        raise errors.invalid_syntax(
            f"The body names {_name_given_twice(body)} twice in one object (upper and lower case count as equal); send "
            "it once."
        )
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
    """How many names all objects have after parsing, where one that was given twice counts once (V57).

    Parsing drops a name that was repeated exactly. Upper and lower case are equal too (RFC 7643 §2.1); each object is
    looked at for that only if some name has two spellings in the document. Raises ScimError tooMany for an object with
    more than `MAX_NAMES`: each name is looked up, known or not (V65).
    """
    objects, waiting = list[dict[str, Any]](), [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if len(value) > MAX_NAMES:
                raise errors.too_many(MAX_NAMES, "attributes in one object")
            objects.append(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    names = set(chain.from_iterable(objects))
    if len({*map(str.lower, names)}) == len(names):
        return sum(map(len, objects))
    return sum(len({*map(str.lower, one)}) for one in objects)


def _name_given_twice(body: bytes) -> str:
    def look(pairs: list[tuple[str, Any]]) -> None:
        found.extend(name for name, count in Counter(name.lower() for name, _ in pairs).items() if count > 1)

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


def read_body(request: HttpRequest, max_mib: int) -> bytes:
    """The body, up to `max_mib` MiB. Raises ScimError 413."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_mib * _MIB:  # the worker has not read it
        raise refusals.too_large(max_mib, "MiB")
    stream = _stream_of(request)
    body: bytes = stream.read(max_mib * _MIB + 1)
    if len(body) > max_mib * _MIB:
        _drain(stream, 4 * settings.OPTIONS.max_body_mib * _MIB)
        raise refusals.too_large(max_mib, "MiB")
    return body


def read_unread_body(request: HttpRequest, most: int) -> bytes:
    """The body of a request that was refused before its body was read; b"" if it is longer than `most` bytes."""
    sent = request.META.get("CONTENT_LENGTH") or "0"
    if not sent.isdecimal() or int(sent) > most:
        return b""
    try:
        body: bytes = _stream_of(request).read(most + 1)
    except (OSError, errors.ScimError):  # the client has closed the connection, or sends chunks that cannot be read
        return b""
    return body if len(body) <= most else b""


def _stream_of(request: HttpRequest) -> Any:
    # A chunked body has no length, so Django's stream would read nothing of it.
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return _Chunks(request.META["wsgi.input"]) if is_chunked else request


@dataclass(frozen=True)
class _Chunks:
    """A chunked body. For chunks that it cannot read, the HTTP server raises errors of its own when they are read."""

    stream: Any

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes. Raises ScimError 400 invalidSyntax."""
        try:
            content: bytes = self.stream.read(size)
        except Exception as error:  # each HTTP server has its own classes
            raise errors.invalid_syntax("The body could not be read: its chunks are not as HTTP has them.") from error
        return content


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
