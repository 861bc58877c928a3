"""Which attributes an answer holds (RFC 7644 §3.9; `returned`, RFC 7643 §7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import ResourceType, Target
from scim.protocol.paths import UnknownAttributeError, find, parse_attr_path
from scim.protocol.policy import Policy

MAX_NAMES_LENGTH = 8_000


@dataclass(frozen=True)
class Projection:
    """`only` (None: all by default) or `without`: sets of (schema, attribute, sub-attribute) names."""

    only: frozenset[tuple[str, str, str]] | None = None
    without: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)

    @property
    def is_whole(self) -> bool:
        return self.only is None and not self.without

    def asks_for(self, name: str, sub: str) -> bool:
        """Whether a sub-attribute that is `returned: request` is named itself."""
        return self.only is not None and ("", name, sub) in self.only

    def wants(self, name: str) -> bool:
        """Whether anything of the core attribute `name` is in the answer: what is not need not be read."""
        if self.only is not None:
            return any((schema, attribute) == ("", name) for schema, attribute, _ in self.only)
        return ("", name, "") not in self.without


WHOLE = Projection()


def parse_projection(attributes: str, excluded: str, resource_type: ResourceType, policy: Policy) -> Projection:
    """Read `attributes` and `excludedAttributes` (comma-separated); unknown names select nothing.

    With both, `attributes` counts: it overrides the default list that the other takes from (§3.9).
    Raises `ScimError` invalidValue when a list is too long.
    """
    if max(len(attributes), len(excluded)) > MAX_NAMES_LENGTH:
        raise errors.invalid_value(f"A list of attributes is longer than {MAX_NAMES_LENGTH:,} characters.")
    if attributes.strip():
        return Projection(only=_names(attributes, resource_type, policy))
    return Projection(without=_names(excluded, resource_type, policy)) if excluded.strip() else WHOLE


def _names(text: str, resource_type: ResourceType, policy: Policy) -> frozenset[tuple[str, str, str]]:
    found = set()
    for part in text.split(","):
        path = parse_attr_path(part.strip())
        if path is None:
            continue
        try:
            found.add(_key(find(policy.usual_path(path), resource_type)))
        except UnknownAttributeError:
            continue
    return frozenset(found)


def _key(target: Target) -> tuple[str, str, str]:
    attribute, sub = target.attribute, target.sub
    return target.schema, attribute.name if attribute else "", sub.name if sub else ""


def project(resource: Mapping[str, Any], projection: Projection, resource_type: ResourceType) -> dict[str, Any]:
    """What of a whole resource the projection lets through; `returned: always` attributes always stay."""
    if projection.is_whole:
        return dict(resource)
    result: dict[str, Any] = {}
    for name, value in resource.items():
        extension = resource_type.extensions_by_urn.get(name.lower())
        if extension is not None:
            part = _project_extension(name, value, projection)
            if part:
                result[name] = part
        elif resource_type.core[name.lower()].returned == "always":
            result[name] = value
        else:
            _project_attribute(result, "", name, value, projection)
    return result


def _project_extension(urn: str, part: Mapping[str, Any], projection: Projection) -> dict[str, Any]:
    if projection.only is not None and (urn, "", "") in projection.only:
        return dict(part)
    if (urn, "", "") in projection.without:
        return {}
    result: dict[str, Any] = {}
    for name, value in part.items():
        _project_attribute(result, urn, name, value, projection)
    return result


def _project_attribute(result: dict[str, Any], schema: str, name: str, value: Any, projection: Projection) -> None:
    if projection.only is not None:
        if (schema, name, "") in projection.only:
            result[name] = value
            return
        subs = {sub for home, attribute, sub in projection.only if (home, attribute) == (schema, name)}
        kept = _keep_subs(value, lambda sub: sub in subs) if subs else None
    else:
        if (schema, name, "") in projection.without:
            return
        dropped = {sub for home, attribute, sub in projection.without if (home, attribute) == (schema, name)}
        kept = _keep_subs(value, lambda sub: sub not in dropped) if dropped else value
    if kept not in (None, {}, []):
        result[name] = kept


def _keep_subs(value: Any, wanted: Any) -> Any:
    if isinstance(value, list):
        kept = [_keep_subs(element, wanted) for element in value]
        return [element for element in kept if element]
    return {sub: part for sub, part in value.items() if wanted(sub)} if isinstance(value, dict) else None
