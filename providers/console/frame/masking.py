"""Masks personal values, and turns a resource's document into rows of path and value.

Paths are SCIM's own (RFC 7644 §3.5.2): `name.givenName`, `emails[type eq "work"].value`,
`urn:…:User:department`. Elements of the same type are distinguished by position: `emails[1].value`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str]

# Attributes whose values identify nobody. Everything else is masked, unknown attributes included.
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
# Neither the name of a group nor the id that its directory gives it is personal.
IMPERSONAL_OF_GROUP = IMPERSONAL | {"displayName", "externalId"}

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def flatten(document: Mapping[str, Any]) -> list[Row]:
    """Return each simple value with its path, sorted by path; without `schemas`, which follows from the rest."""
    own = {name: value for name, value in document.items() if name != "schemas"}
    return sorted(row for name, value in own.items() for row in rows_of(name, value, ":" if _is_urn(name) else "."))


def _is_urn(name: str) -> bool:
    """Whether the name is the URN of an extension; a colon separates it from the name of an attribute."""
    return name.lower().startswith("urn:")


def rows_of(path: str, value: Any, separator: str = ".") -> Iterator[Row]:
    """Yield each simple value in `value`, with its path below `path`."""
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
    """Return a value with every personal value in it masked; the attributes in `plain`, names and structure stay."""
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
    """Return a text masked, as `j•••@contoso.com`: enough to recognise a known value, too little to find it out."""
    if _ADDRESS.fullmatch(text):
        return f"{text[0]}•••@{text.rpartition('@')[2]}"
    return f"{text[:1]}•••"


def mask_addresses(text: str) -> str:
    """Return a sentence with its e-mail addresses masked."""
    return _ADDRESS.sub(lambda found: mask_text(found[0]), text)


def _is_id(name: str, value: Any) -> bool:
    """Whether this is an object id of Entra, needed to find the user there. Any other externalId may be a name."""
    return name == "externalId" and isinstance(value, str) and is_uuid(value)


def is_uuid(text: str) -> bool:
    """Return whether the text is a UUID with hyphens."""
    return bool(_UUID.fullmatch(text))


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)
