"""A resource's document as rows of path and value, whole or masked.

Paths are SCIM's own (RFC 7644 §3.5.2): `name.givenName`, `emails[type eq "work"].value`,
`urn:…:User:department`. What several elements share is told apart by position: `emails[1].value`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str]

# What tells nothing about a person; everything else is masked, unknown names included.
IMPERSONAL = frozenset(
    {
        "active",
        "costCenter",
        "department",
        "division",
        "locale",
        "organization",
        "preferredLanguage",
        "primary",
        "schemas",
        "timezone",
        "type",
        "userType",
    }
)
# The name of a group is no person's; the id that its directory gives it neither.
IMPERSONAL_OF_GROUP = IMPERSONAL | {"displayName", "externalId"}

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def flatten(document: Mapping[str, Any]) -> list[Row]:
    """Each simple value with its path, by path; `schemas` follows from the rest."""
    own = {name: value for name, value in document.items() if name != "schemas"}
    return sorted(row for name, value in own.items() for row in rows_of(name, value, ":" if _is_urn(name) else "."))


def _is_urn(name: str) -> bool:
    """The attributes of an extension stand under its URN, with a colon between."""
    return name.lower().startswith("urn:")


def rows_of(path: str, value: Any, separator: str = ".") -> Iterator[Row]:
    """Each simple value in `value`, with its path below `path`."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from rows_of(f"{path}{separator}{name}", inner)
        case list():
            for selector, element in _elements(value):
                yield from rows_of(f"{path}{selector}", element)
        case str():
            yield path, value
        case _:
            yield path, json.dumps(value)


def _elements(values: list[Any]) -> Iterator[tuple[str, Any]]:
    types = Counter(element.get("type") for element in values if isinstance(element, dict))
    for position, element in enumerate(values):
        kind = element.get("type") if isinstance(element, dict) else None
        if isinstance(kind, str) and types[kind] == 1:
            rest = {name: value for name, value in element.items() if name != "type"}
            yield f"[type eq {json.dumps(kind)}]", rest
        else:
            yield f"[{position}]", element


def mask(value: Any, *, plain: frozenset[str] = IMPERSONAL) -> Any:
    """A document in which no personal value can be read any more; names and shape stay."""
    match value:
        case dict():
            return {
                name: inner if name in plain or _is_id(name, inner) else mask(inner, plain=plain)
                for name, inner in value.items()
            }
        case list():
            return [mask(element, plain=plain) for element in value]
        case str():
            return mask_text(value)
        case bool() | None:
            return value
    return "•••"


def mask_text(text: str) -> str:
    """`j•••@contoso.com`: enough to compare with what somebody reads out, too little to learn it."""
    if _ADDRESS.fullmatch(text):
        return f"{text[0]}•••@{text.rpartition('@')[2]}"
    return f"{text[:1]}•••"


def mask_addresses(text: str) -> str:
    """A sentence in which e-mail addresses cannot be read any more."""
    return _ADDRESS.sub(lambda found: mask_text(found[0]), text)


def _is_id(name: str, value: Any) -> bool:
    """Entra's object id is needed to find the person there; any other externalId may be a name."""
    return name == "externalId" and isinstance(value, str) and is_uuid(value)


def is_uuid(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
