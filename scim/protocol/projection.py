"""Projection: which attributes a response contains (RFC 7644 §3.9; `returned`, RFC 7643 §7)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.paths import UnknownAttributeError, find, parse_attr_path
from scim.protocol.policy import Policy

MAX_NAMES_LENGTH = 8_000


Name = tuple[str, str, str]


@dataclass(frozen=True)
class Projection:
    """`only` (None: all by default) or `without`: sets of (schema, attribute, sub-attribute) names.

    `written`: what the request itself sets; it is returned even if it is `returned: request` (RFC 7643 §7).
    """

    only: frozenset[Name] | None = None
    without: frozenset[Name] = field(default_factory=frozenset)
    written: frozenset[Name] = field(default_factory=frozenset)

    @property
    def is_whole(self) -> bool:
        return self.only is None and not self.without

    def asks_for(self, name: str, sub: str) -> bool:
        """Whether the request names a sub-attribute that is `returned: request`."""
        return self.only is not None and ("", name, sub) in self.only

    def wants(self, name: str) -> bool:
        """Whether the response contains anything of the core attribute `name`. If not, it need not be read."""
        if self.only is not None:
            return any((schema, attribute) == ("", name) for schema, attribute, _ in self.only)
        return ("", name, "") not in self.without


WHOLE = Projection()


def parse_projection(attributes: str, excluded: str, resource_type: ResourceType, policy: Policy) -> Projection:
    """Read `attributes` and `excludedAttributes` (comma-separated); unknown names select nothing.

    With both, `attributes` counts: it replaces the default list, from which the other removes (§3.9).
    Raises `ScimError` invalidValue when a list is too long.
    """
    if max(len(attributes), len(excluded)) > MAX_NAMES_LENGTH:
        raise errors.invalid_value(f"A list of attributes is longer than {MAX_NAMES_LENGTH:,} characters.")
    if attributes.strip():
        return Projection(only=_names(attributes, resource_type, policy))
    return Projection(without=_names(excluded, resource_type, policy)) if excluded.strip() else WHOLE


def _names(text: str, resource_type: ResourceType, policy: Policy) -> frozenset[Name]:
    found = set()
    for part in text.split(","):
        path = parse_attr_path(part.strip())
        if path is None:
            continue
        try:
            found.add(_key(find(policy.usual_path(path, resource_type), resource_type)))
        except UnknownAttributeError:
            continue
    return frozenset(found)


def names_in(target: Target, value: Any) -> Iterator[Name]:
    """The name of the attribute of a value, and the names of the parts that the value has."""
    schema, name, sub = _key(target)
    yield schema, name, sub
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, dict):
            yield from ((schema, name, part) for part in element)


def _key(target: Target) -> Name:
    attribute, sub = target.attribute, target.sub
    return target.schema, attribute.name if attribute else "", sub.name if sub else ""


def project(resource: Mapping[str, Any], projection: Projection, resource_type: ResourceType) -> dict[str, Any]:
    """The part of a resource to return. `returned: always` stays, `request` comes only by name (RFC 7643 §7)."""
    if projection.is_whole and not resource_type.holds_back:
        return dict(resource)
    result: dict[str, Any] = {}
    for name, value in resource.items():
        extension = resource_type.extensions_by_urn.get(name.lower())
        if extension is None:
            kept = _project_value(value, "", resource_type.core[name.lower()], projection)
        else:
            known = extension.by_name
            # A newer version of the schema may have stored more than this request knows.
            of_known = ((sub, part, known.get(sub.lower())) for sub, part in value.items())
            parts = {sub: _project_value(part, name, one, projection) for sub, part, one in of_known if one}
            kept = {sub: part for sub, part in parts.items() if part not in _NOTHING}
        if kept not in _NOTHING:
            result[name] = kept
    return result


_NOTHING: tuple[Any, ...] = (None, {}, [])


def shown_parts(name: str, projection: Projection, resource_type: ResourceType) -> frozenset[str]:
    """The sub-attributes to return of each value of a relation: of a group's `members` or a user's `groups`."""
    subs = resource_type.core[name].sub_attributes
    sample = {sub.name: sub.name for sub in subs if sub.returned != "request" or projection.asks_for(name, sub.name)}
    shown = project({name: [sample]}, projection, resource_type).get(name)
    return frozenset(shown[0] if shown else ())


def _project_value(value: Any, schema: str, attribute: Attribute, projection: Projection) -> Any:
    """The part of an attribute's value to return; None for nothing."""
    if attribute.returned == "always":
        return value
    chosen = projection.without if projection.only is None else projection.only
    named = {sub for home, name, sub in chosen if (home, name) == (schema, attribute.name)}
    written = {sub for home, name, sub in projection.written if (home, name) == (schema, attribute.name)}
    is_whole = "" in named or (bool(schema) and (schema, "", "") in chosen and attribute.returned != "request")
    is_held_back = attribute.returned == "request" and not written
    if (is_whole or is_held_back) if projection.only is None else not (is_whole or named):
        return None

    def is_kept(sub: Attribute) -> bool:
        if sub.returned == "always":
            return True
        if sub.name in named:
            return projection.only is not None
        if sub.returned == "request":
            # The query has left out those of a relation, so that this need not walk through 100,000 members.
            return attribute.holds_references or (projection.only is None and sub.name in written)
        return is_whole or projection.only is None

    dropped = {sub.name for sub in attribute.sub_attributes if not is_kept(sub)}
    return _drop(value, dropped) if dropped else value


def _drop(value: Any, dropped: set[str]) -> Any:
    if isinstance(value, list):
        return [kept for kept in (_drop(element, dropped) for element in value) if kept]
    return {sub: part for sub, part in value.items() if sub not in dropped} if isinstance(value, dict) else None
