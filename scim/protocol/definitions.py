"""Checks the document of a schema extension (RFC 7643 §7) before the server validates by it.

What this server cannot guarantee is refused with its place in the document: attributes that only a server
sets, values that are never returned, uniqueness.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scim.protocol.attributes import SCHEMAS, Attribute, Schema, read_schema
from scim.protocol.conditions import OPERATORS, is_storable
from scim.protocol.errors import nearest
from scim.protocol.values import SECRET_NAME

SCHEMA_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
MAX_ATTRIBUTES = 200
MAX_TEXT_LENGTH = 2_000
# The last part has the form of an attribute's name, so that the URN is a path too (RFC 7644 §3.10).
_URN = re.compile(r"(?=.{1,250}\Z)urn:[a-z0-9][a-z0-9-]{1,31}(?::[a-z0-9._-]+)*:[a-z][a-z0-9_-]*", re.IGNORECASE)
_EXAMPLE = "urn:example:params:scim:schemas:extension:1.0:User"
_OURS = "urn:iprova:"
MAX_BYTES = 262_144
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def gettext_noop(text: str) -> str:
    """Mark a text for the catalogue of the console, which shows it in another language."""
    return text


# Each characteristic with its default (§2.2, §7).
_DEFAULTS: Mapping[str, Any] = {
    "type": "string",
    "multiValued": False,
    "description": "",
    "required": False,
    "caseExact": False,
    "mutability": "readWrite",
    "returned": "default",
    "uniqueness": "none",
    "canonicalValues": [],
    "referenceTypes": [],
    "subAttributes": [],
}
_ALLOWED: Mapping[str, Sequence[str]] = {
    "type": [*OPERATORS, "complex"],
    "mutability": ["readWrite", "immutable"],
    "returned": ["always", "default", "request"],
    "uniqueness": ["none"],
}
_NO_VALUE = gettext_noop("must be %(allowed)s: this server would have to set it, and has no value for it")
_UNREADABLE = gettext_noop("must be %(allowed)s: a value that nobody can read again is not kept")
_NOT_UNIQUE = gettext_noop("must be %(allowed)s: values of extensions are not checked to be unique")
# Why this server does not allow what RFC 7643 allows.
_REFUSED: Mapping[tuple[str, str], str] = {
    ("mutability", "readOnly"): _NO_VALUE,
    ("mutability", "writeOnly"): _UNREADABLE,
    ("returned", "never"): _UNREADABLE,
    ("uniqueness", "server"): _NOT_UNIQUE,
    ("uniqueness", "global"): _NOT_UNIQUE,
}


@dataclass(frozen=True)
class Problem:
    """`place` is a path into the document such as `attributes[2].type`; "" is the document.

    `template` is a text with places for `values`, as `%` fills them, so that it can be translated.
    """

    place: str
    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return self.template % self.values

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason


class DefinitionError(Exception):
    """A document that is not a valid schema extension, with every place that is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_definition(document: Any) -> Schema:
    """The schema extension with every characteristic written out. Raises `DefinitionError`."""
    problems = list(_problems(document))
    if problems:
        raise DefinitionError(problems)
    return read_schema(
        {
            "schemas": [SCHEMA_SCHEMA],
            "id": document["id"],
            "name": document.get("name") or document["id"].rpartition(":")[2],
            "description": document.get("description", ""),
            "attributes": [_spelled_out(attribute) for attribute in document["attributes"]],
        }
    )


def overlaps(one: str, other: str) -> bool:
    """Whether two URNs are the same, or one could be read as an attribute of the other."""
    first, second = sorted((one.lower(), other.lower()), key=len)
    return first == second or second.startswith(f"{first}:")


def check_compatible(old: Schema, new: Schema) -> None:
    """Check that `new` can replace `old` where values are stored already. Raises `DefinitionError`."""
    problems = list(_changed(old.attributes, new.by_name, "attributes"))
    if problems:
        raise DefinitionError(problems)


def secret_names(schema: Schema) -> list[str]:
    """The attributes and sub-attributes that name a secret, such as `login.password`."""
    named = [(one.name, [f"{one.name}.{sub.name}" for sub in one.sub_attributes]) for one in schema.attributes]
    return [name for whole, parts in named for name in (whole, *parts) if SECRET_NAME.search(name.rpartition(".")[2])]


def check_secrets(schema: Schema, held: Schema | None) -> None:
    """Check that no attribute names a secret, as its values would be stored, returned and found by filters (V6).

    An extension that had such an attribute before (`held`) keeps it. Raises `DefinitionError`.
    """
    known = secret_names(held) if held else []
    reason = gettext_noop(
        "names a secret, but its values would be stored and returned. Leave the attribute out, or give it another name "
        "if it holds none."
    )
    problems = [Problem(f'attributes["{name}"]', reason) for name in secret_names(schema) if name not in known]
    if problems:
        raise DefinitionError(problems)


def _changed(old: Sequence[Attribute], new: Mapping[str, Attribute], place: str) -> Iterator[Problem]:
    for before in old:
        after = new.get(before.name.lower())
        if after is None:
            yield Problem(
                place, gettext_noop('"%(name)s" is missing, and users may have values of it'), {"name": before.name}
            )
            continue
        for label, was, now in (
            ("name", before.name, after.name),
            ("type", before.type, after.type),
            ("multiValued", before.multi_valued, after.multi_valued),
            ("caseExact", before.case_exact, after.case_exact),
        ):
            if was != now:
                yield Problem(
                    f'{place}["{before.name}"].{label}',
                    gettext_noop("is %(was)s and cannot become %(now)s"),
                    {"was": json.dumps(was), "now": json.dumps(now)},
                )
        if after.required and not before.required:
            yield Problem(
                f'{place}["{before.name}"].required',
                gettext_noop("cannot become true: users may have no value of it"),
            )
        yield from _changed(before.sub_attributes, after.subs, f'{place}["{before.name}"].subAttributes')
    held = {before.name.lower() for before in old}
    for name, joined in new.items():
        if name not in held and joined.required and old:
            yield Problem(
                f'{place}["{joined.name}"].required', gettext_noop("cannot be true: users have no value of it yet")
            )


def _problems(document: Any) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem("", gettext_noop("The file must hold one JSON object, a schema as RFC 7643 §7 has it."))
        return
    if len(json.dumps(document)) > MAX_BYTES:
        yield Problem("", gettext_noop("The schema has more than %(size)d KiB."), {"size": MAX_BYTES // 1024})
    yield from _unknown_names(document, ("schemas", "id", "name", "description", "attributes", "meta"), "")
    urn = document.get("id")
    if not isinstance(urn, str) or not _URN.fullmatch(urn):
        yield Problem("id", gettext_noop("must be a URN such as %(example)s"), {"example": _EXAMPLE})
    elif any(overlaps(urn, schema.id) for schema in SCHEMAS) or urn.lower().startswith(_OURS):
        yield Problem("id", gettext_noop("is, or lies within, a schema that every provider has"))
    for name in ("name", "description"):
        yield from _text_problems(document.get(name, ""), name)
    yield from _list_problems(document.get("attributes"), "attributes", is_inner=False)


def _list_problems(attributes: Any, place: str, *, is_inner: bool) -> Iterator[Problem]:
    if not isinstance(attributes, list) or not 0 < len(attributes) <= MAX_ATTRIBUTES:
        yield Problem(place, gettext_noop("must be a list of 1 to %(most)d attributes"), {"most": MAX_ATTRIBUTES})
        return
    seen: set[str] = set()
    for number, attribute in enumerate(attributes):
        here = f"{place}[{number}]"
        if not isinstance(attribute, dict):
            yield Problem(here, gettext_noop("must be an object"))
            continue
        yield from _attribute_problems(attribute, here, is_inner=is_inner)
        name = str(attribute.get("name", "")).lower()
        if name in seen:
            twice = gettext_noop('"%(name)s" occurs twice (case-insensitive)')
            yield Problem(f"{here}.name", twice, {"name": name})
        seen.add(name)


def _attribute_problems(attribute: Mapping[str, Any], here: str, *, is_inner: bool) -> Iterator[Problem]:
    yield from _unknown_names(attribute, ("name", *_DEFAULTS), here)
    name = attribute.get("name")
    if not isinstance(name, str) or not (_NAME.fullmatch(name) or (is_inner and name == "$ref")):
        yield Problem(f"{here}.name", gettext_noop("must be a letter, then letters, digits, - or _ (RFC 7643 §2.1)"))
    elif name.lower() == "schemas":
        yield Problem(f"{here}.name", gettext_noop("is reserved: every resource has schemas"))
    for label, default in _DEFAULTS.items():
        value = attribute.get(label, default)
        if label in _ALLOWED:
            yield from _choice_problems(label, value, f"{here}.{label}")
        elif isinstance(default, bool) and not isinstance(value, bool):
            yield Problem(f"{here}.{label}", gettext_noop("must be true or false"))
        elif label == "description":
            yield from _text_problems(value, f"{here}.{label}")
        elif label in ("canonicalValues", "referenceTypes") and not _is_list_of_text(value):
            yield Problem(f"{here}.{label}", gettext_noop("must be a list of text"))
    yield from _shape_problems(attribute, here, is_inner=is_inner)


def _shape_problems(attribute: Mapping[str, Any], here: str, *, is_inner: bool) -> Iterator[Problem]:
    """Check that only complex attributes have sub-attributes, and that no sub-attribute has several values."""
    if is_inner and attribute.get("multiValued") is True:
        yield Problem(f"{here}.multiValued", gettext_noop("must be false: a sub-attribute has one value here"))
    is_complex = attribute.get("type") == "complex"
    if is_complex and is_inner:
        yield Problem(f"{here}.type", gettext_noop("a sub-attribute cannot be complex itself (RFC 7643 §2.3.8)"))
    elif is_complex:
        yield from _list_problems(attribute.get("subAttributes"), f"{here}.subAttributes", is_inner=True)
        if attribute.get("multiValued") is True:
            yield from _immutable_problems(attribute.get("subAttributes"), f"{here}.subAttributes")
    elif attribute.get("subAttributes", []) != []:
        yield Problem(f"{here}.subAttributes", gettext_noop('only an attribute of type "complex" has them'))


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) and is_storable(part) for part in value)


def _immutable_problems(subs: Any, place: str) -> Iterator[Problem]:
    for number, sub in enumerate(subs if isinstance(subs, list) else ()):
        if isinstance(sub, dict) and sub.get("mutability") == "immutable":
            reason = gettext_noop(
                "the values of a list have no identity by which a part could be held: make the attribute immutable"
            )
            yield Problem(f"{place}[{number}].mutability", reason)


def _choice_problems(label: str, value: Any, here: str) -> Iterator[Problem]:
    allowed = _ALLOWED[label]
    if isinstance(value, str) and value in allowed:
        return
    values = {"allowed": " | ".join(allowed)}
    if refused := _REFUSED.get((label, str(value))):
        yield Problem(here, refused, values)
    elif near := nearest(str(value), allowed):
        yield Problem(here, gettext_noop('must be %(allowed)s. Did you mean "%(near)s"?'), values | {"near": near})
    else:
        yield Problem(here, gettext_noop("must be %(allowed)s"), values)


def _text_problems(value: Any, here: str) -> Iterator[Problem]:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not is_storable(value):
        yield Problem(here, gettext_noop("must be text of up to %(most)d characters"), {"most": MAX_TEXT_LENGTH})


def _unknown_names(part: Mapping[str, Any], known: Sequence[str], here: str) -> Iterator[Problem]:
    for name in part:
        if name in known:
            continue
        values = {"name": name[:100]}
        if near := nearest(name, known):
            said = gettext_noop('"%(name)s" is not part of a schema (RFC 7643 §7). Did you mean "%(near)s"?')
            yield Problem(here, said, values | {"near": near})
        else:
            yield Problem(here, gettext_noop('"%(name)s" is not part of a schema (RFC 7643 §7).'), values)


def _spelled_out(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """The attribute with every characteristic that applies to it; names in the order of RFC 7643."""
    found = {"name": attribute["name"]} | {name: attribute.get(name, default) for name, default in _DEFAULTS.items()}
    found["subAttributes"] = [_spelled_out(sub) for sub in found["subAttributes"]]
    for name in ("canonicalValues", "referenceTypes", "subAttributes"):
        if not found[name]:
            del found[name]
    return found
