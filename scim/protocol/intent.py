"""What a request asks for, read from its body alone, for the provisioning log.

A request that is refused, held back or rejected asked for something too, and support looks for it by that. So this
reads more than the protocol accepts: every form in which clients send these attributes, also in a body that is
rejected for another part. It never raises. What the request changes is decided elsewhere.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scim.protocol.attributes import GROUP, USER
from scim.protocol.errors import Reason, ScimError

MAX_NAMES = 50
MAX_TEXT = 200
MAX_DEPTH = 4
_DERIVED = frozenset({"schemas", "id", "meta"})
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
# The spelling of the RFCs for each attribute name in lower case.
_SPELLING = {
    name: attribute.name
    for resource_type in (USER, GROUP)
    for names in (resource_type.core, *(extension.by_name for extension in resource_type.extensions))
    for name, attribute in names.items()
}


@dataclass(frozen=True)
class Asked:
    """What a write asks for: `active`, the names it gives the resource, and the names of all attributes it names.

    `active` is None if the request does not ask for it. An attribute is named without its schema and its parts.
    """

    active: bool | None = None
    user_name: str = ""
    display_name: str = ""
    external_id: str = ""
    attributes: tuple[str, ...] = ()

    @property
    def is_only_active(self) -> bool:
        return self.attributes == ("active",)


def read_asked(method: str, body: Any) -> Asked:
    """Read what a POST, PUT or PATCH asks for."""
    pairs = _of_patch(body) if method == "PATCH" else _of_value(body, MAX_DEPTH)
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in _DERIVED and (name in found or len(found) < MAX_NAMES):
            found[name] = value
    return Asked(
        active=_boolean(found.get("active")),
        user_name=_text(found.get("userName")),
        display_name=_text(found.get("displayName")),
        external_id=_text(found.get("externalId")),
        attributes=tuple(sorted(found)),
    )


def refused_attributes(error: ScimError | None, asked: Asked) -> list[str]:
    """Return which of the attributes a request was rejected for: the one that the refusal is about, or [] for all.

    A removal that is held back or rejected is about `active`.
    """
    if error is None:
        return []
    is_removal = error.reason in (Reason.REMOVALS_HELD, Reason.REMOVALS_REJECTED)
    name = "active" if is_removal else _base_name(error.attribute)
    # An attribute that is missing was not asked for: a later request has to.
    return [name] if name in asked.attributes or error.reason is Reason.REQUIRED_ATTRIBUTE else []


def _of_patch(body: Any) -> Iterator[tuple[str, Any]]:
    """The attributes that the operations of a PATCH name, in order, each with its value; None for a removal."""
    for operation in _elements(_member(body, "operations")):
        op, path, value = (_member(operation, name) for name in ("op", "path", "value"))
        is_removal = isinstance(op, str) and op.lower() == "remove"
        if isinstance(path, str) and path:
            yield from _named(path, None if is_removal else value, MAX_DEPTH)
        elif not is_removal:
            yield from _of_value(value, MAX_DEPTH)


def _of_value(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The attributes of an object, or of the objects in a list, also where it is JSON sent as text."""
    for part in _elements(_decoded(value)):
        if isinstance(part, dict):
            for name, inner in part.items():
                yield from _named(name, inner, depth)


def _named(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The attribute of a path. The URN of a schema alone contains the attributes in its value."""
    name = _base_name(path)
    if name:
        yield name, value
    elif depth:
        yield from _of_value(value, depth - 1)


def _base_name(path: str) -> str:
    """The attribute in a path, without schema, filter and sub-attributes; "" for the URN of a schema of the RFCs.

    `urn:…:User:name.givenName`, `urn:…:User.name` and `name[type eq "x"].givenName` are all `name`.
    """
    schema, _colon, rest = path.partition("[")[0].strip().rpartition(":")
    parts = rest.split(".")
    if schema and parts[0].lower() in ("user", "group"):
        parts = parts[1:] or [""]
    return _SPELLING.get(parts[0].lower(), parts[0][:MAX_TEXT])


def _member(value: Any, name: str) -> Any:
    found = (inner for key, inner in value.items() if key.lower() == name) if isinstance(value, dict) else iter(())
    return next(found, None)


def _elements(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _decoded(value: Any) -> Any:
    """JSON that was sent as text; any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _single(value: Any) -> Any:
    """The value in a list of one, or in an object with a `value`."""
    value = _decoded(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return _member(value, "value") if isinstance(value, dict) else value


def _boolean(value: Any) -> bool | None:
    value = _single(value)
    return _BOOLEANS.get(str(value).strip().lower()) if isinstance(value, (bool, int, str)) else None


def _text(value: Any) -> str:
    value = _single(value)
    return value[:MAX_TEXT] if isinstance(value, str) else ""
