"""Reads the JSON files that administrators upload: schema extensions and Microsoft's ServiceTags."""

import json
import re
from typing import Any

MAX_DEPTH = 50
_SURROGATE, _NUL = re.compile(rb"\\u[dD][89a-fA-F]"), rb"\u0000"


class OddValueError(ValueError):
    """The file is JSON, but has a number or a text that this server cannot read, store or show."""


def parse_json(content: bytes) -> Any:
    """Return the JSON of a file in UTF-8.

    Raises `json.JSONDecodeError`, `UnicodeDecodeError`, `OddValueError`, and RecursionError for more than `MAX_DEPTH`
    levels. All but the last are kinds of ValueError.
    """
    text = content.decode("utf-8-sig")
    if _NUL in content:
        raise OddValueError
    try:
        found = json.loads(text, parse_constant=_refuse)
        if _SURROGATE.search(content):  # half of a pair has no UTF-8
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # also for a number of more than 4,300 digits
        raise OddValueError from error
    level, depth = [found], 0
    while level := [part for value in level for part in _parts(value)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise RecursionError
    return found


def _parts(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _refuse(name: str) -> None:
    raise OddValueError(name)  # NaN and Infinity are not JSON
