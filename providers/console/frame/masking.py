"""Masks personal values, and turns a resource's document into rows of path and value.

Whoever may not see personal values sees no value of a user, wherever it stands: in a document, a path, a sentence of
our response, or the name of an attribute that is in no schema. Nothing here takes more than linear time, whatever a
directory sends.

Paths are SCIM's own (RFC 7644 §3.5.2): `name.givenName`, `emails[type eq "work"].value`,
`urn:…:User:department`. Elements of the same type are distinguished by position: `emails[1].value`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scim.protocol.attributes import GROUP, USER, ResourceType

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

# A type is a word. A longer text would make a path of any length.
MAX_TYPE = 60
MAX_DOMAIN = 253
_WORD = re.compile(r"[^\s\"'<>(),;\[\]]+")
# A quote without an end reaches to the end of the text: looking for another one would take quadratic time.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
# Before texts were always quoted, the ids of members stood in a sentence without quotes: what is before and after them.
_LISTED = (
    ("not known to this provider: ", ". Nothing"),
    ("were deleted: ", ". Nothing"),
    ("(such as ", "), so"),
)
_NAMES = re.compile(r"[^.:\[\]()/\s,|]+")
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
        if isinstance(kind, str) and len(kind) <= MAX_TYPE and types[kind] == 1:
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
    local, _at, domain = text.rpartition("@")
    is_address = local and "@" not in local and "." in domain[1:-1] and len(domain) <= MAX_DOMAIN
    if is_address and not any(map(str.isspace, text)):
        return f"{text[0]}•••@{domain}"
    return f"{text[:1]}•••"


def mask_addresses(text: str) -> str:
    """Return a sentence with its e-mail addresses masked."""
    return _WORD.sub(lambda found: mask_text(found[0]) if "@" in found[0] else found[0], text)


def names_of(resource_types: Iterable[ResourceType]) -> frozenset[str]:
    """The names of all attributes, their parts, and the parts of the names of their schemas, in lower case."""
    schemas = [schema for known in resource_types for schema in (known.schema, *known.extensions)]
    attributes = [attribute for schema in schemas for attribute in schema.attributes]
    parts = [sub for attribute in attributes for sub in attribute.sub_attributes]
    found = {part.name.lower() for part in (*attributes, *parts)}
    return frozenset(found | {part.lower() for schema in schemas for part in _NAMES.findall(schema.id)})


# The words of a message that are not values: those of the protocol, and the names of its attributes.
_OF_PROTOCOL = frozenset(
    _NAMES.findall(
        "op path value schemas operations method data bulkid version id meta filter sortby sortorder count startindex"
        " cursor attributes excludedattributes created lastmodified location resourcetype groups add replace remove and"
        " or not pr eq ne co sw ew gt ge lt le true false null users group user scim v2 bulk search me resourcetypes"
        " serviceproviderconfig urn ietf params messages api 2 0 core extension bearer application json text"
        " unknown deleted … x"
    )
)
KNOWN_NAMES = _OF_PROTOCOL | names_of((USER, GROUP))


def mask_name(text: str, known: frozenset[str] = KNOWN_NAMES) -> str:
    """Return the path of an attribute with the names masked that are in no schema: they may hold values."""
    return _NAMES.sub(lambda found: _kept(found[0], known) or mask_text(found[0]), text)


def _kept(word: str, known: frozenset[str]) -> str:
    bare = word.strip("\"'$?&=.").lower()
    return word if bare in known or not bare or is_uuid(bare) else ""


def mask_path(path: str) -> str:
    """Return the path of an address: the words of the protocol and UUIDs stay, everything else is masked."""
    return "/".join(part if _kept(part, KNOWN_NAMES) or not part else "•••" for part in path.split("/"))


def mask_quoted(text: str, known: frozenset[str] = KNOWN_NAMES) -> str:
    """Return a sentence of our response: what it quotes from the request is masked, unless it names an attribute."""
    for before, after in _LISTED:
        opening, known_by, rest = text.partition(before)
        if known_by and not rest.startswith('"'):
            listed, end, rest = rest.partition(after)
            text = f"{opening}{before}{mask_text(listed)}{end}{rest}"
    return mask_addresses(_QUOTED.sub(lambda found: f'"{mask_name(found[1], known)}"', text))


def mask_id(text: str) -> str:
    """Return an id that a client chose: a UUID stays, because it identifies a request or an object and no person."""
    return text if not text or is_uuid(text) else mask_text(text)


def _is_id(name: str, value: Any) -> bool:
    """Whether this is an object id of Entra, needed to find the user there. Any other externalId may be a name."""
    return name == "externalId" and isinstance(value, str) and is_uuid(value)


def is_uuid(text: str) -> bool:
    """Return whether the text is a UUID with hyphens."""
    return bool(_UUID.fullmatch(text))


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)
