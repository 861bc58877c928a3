"""Schemas, attributes and resource types (RFC 7643 §2, §6, §7), read from `schemas/*.json`.

These are the documents that `/Schemas` serves, so the server validates by what it advertises. An attribute
is added in its file and nowhere else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_FOLDER = Path(__file__).parent / "schemas"


@dataclass(frozen=True)
class Attribute:
    """One attribute with its characteristics (RFC 7643 §2.2, §7)."""

    name: str
    type: str = "string"
    multi_valued: bool = False
    required: bool = False
    case_exact: bool = False
    mutability: str = "readWrite"
    returned: str = "default"
    uniqueness: str = "none"
    canonical_values: tuple[str, ...] = ()
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple["Attribute", ...] = ()
    # It holds the id or the address of a resource (`value` and `$ref` of members and manager, a reference to a User).
    names_resource: bool = False
    # What comparisons assume where a value does not mention it: `primary` is false then (RFC 7643 §2.4). None: nothing.
    assumed: bool | None = None

    @cached_property
    def subs(self) -> Mapping[str, "Attribute"]:
        """Sub-attributes by lower-case name: names are compared without case (RFC 7643 §2.1)."""
        return {sub.name.lower(): sub for sub in self.sub_attributes}

    @cached_property
    def single(self) -> "Attribute":
        """The attribute of a single one of its values."""
        return replace(self, multi_valued=False)

    @property
    def is_complex(self) -> bool:
        return self.type == "complex"

    @cached_property
    def holds_references(self) -> bool:
        """Whether its values refer to other resources, as a group's members do. One without an id has no meaning."""
        return self.multi_valued and "value" in self.subs and self.subs["value"].mutability == "immutable"

    @cached_property
    def required_subs(self) -> tuple[str, ...]:
        return tuple(sub.name for sub in self.sub_attributes if sub.required)


@dataclass(frozen=True)
class Schema:
    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @cached_property
    def by_name(self) -> Mapping[str, Attribute]:
        return {attribute.name.lower(): attribute for attribute in self.attributes}

    @cached_property
    def demanding(self) -> tuple[Attribute, ...]:
        """The attributes that are required, or have a sub-attribute that is."""
        return tuple(attribute for attribute in self.attributes if attribute.required or attribute.required_subs)


@dataclass(frozen=True)
class ResourceType:
    """A resource type (RFC 7643 §6). All `extensions` are optional; this server has no required ones."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()

    @cached_property
    def core(self) -> Mapping[str, Attribute]:
        """Common and core attributes by lower-case name."""
        return {**COMMON.by_name, **self.schema.by_name}

    @cached_property
    def extensions_by_urn(self) -> Mapping[str, Schema]:
        return {extension.id.lower(): extension for extension in self.extensions}

    @cached_property
    def immutable_targets(self) -> tuple["Target", ...]:
        """Immutable single values: they keep the value that they got first (§2.2)."""
        return tuple(
            target
            for target in self.targets()
            if target.leaf.mutability == "immutable"
            if not (target.sub and target.attribute and target.attribute.multi_valued)
        )

    @cached_property
    def holds_back(self) -> bool:
        """Whether an extension has attributes returned only on request, so that no document is returned whole."""
        attributes = [attribute for extension in self.extensions for attribute in extension.attributes]
        return any("request" in (one.returned, *(sub.returned for sub in one.sub_attributes)) for one in attributes)

    def targets(self) -> Iterator["Target"]:
        """Every attribute and sub-attribute of the type."""
        homes = [("", self.core.values()), *((ext.id, ext.attributes) for ext in self.extensions)]
        for schema, attributes in homes:
            for attribute in attributes:
                yield Target(schema, attribute)
                yield from (Target(schema, attribute, sub) for sub in attribute.sub_attributes)


@dataclass(frozen=True)
class Target:
    """An attribute path that was found in the schemas. `schema` is "" for the core, else the extension's URN.

    `attribute` is None for an extension as a whole.
    """

    schema: str
    attribute: Attribute | None
    sub: Attribute | None = None

    def held_by(self, resource: Mapping[str, Any]) -> Any:
        """The value in a resource, or None. Only for sub-attributes of an attribute with a single value."""
        home = resource.get(self.schema, {}) if self.schema else resource
        if self.attribute is None:
            return home or None
        value = home.get(self.attribute.name)
        return value.get(self.sub.name) if self.sub and value is not None else value

    @property
    def leaf(self) -> Attribute:
        leaf = self.sub or self.attribute
        assert leaf is not None, "an extension as a whole has no leaf"
        return leaf

    def __str__(self) -> str:
        if self.attribute is None:
            return self.schema
        name = f"{self.attribute.name}.{self.sub.name}" if self.sub else self.attribute.name
        return f"{self.schema}:{name}" if self.schema else name


def read_attribute(document: Mapping[str, Any]) -> Attribute:
    """Read one attribute of a schema document (RFC 7643 §7)."""
    subs = [read_attribute(sub) for sub in document.get("subAttributes", ())]
    if any(sub.name == "$ref" and sub.names_resource for sub in subs):
        # An id is text: the number that a schema extension calls its value is something else.
        ids = {"$ref", *(sub.name for sub in subs if sub.name == "value" and sub.type in ("string", "reference"))}
        subs = [replace(sub, names_resource=sub.name in ids) for sub in subs]
    if document.get("multiValued"):
        subs = [replace(sub, assumed=False) if _is_primary(sub) else sub for sub in subs]
    kind, reference_types = document.get("type", "string"), tuple(document.get("referenceTypes", ()))
    return Attribute(
        name=document["name"],
        type=kind,
        multi_valued=document.get("multiValued", False),
        required=document.get("required", False),
        case_exact=document.get("caseExact", False),
        mutability=document.get("mutability", "readWrite"),
        returned=document.get("returned", "default"),
        uniqueness=document.get("uniqueness", "none"),
        canonical_values=tuple(document.get("canonicalValues", ())),
        reference_types=reference_types,
        sub_attributes=tuple(subs),
        names_resource=kind == "reference" and not {"external", "uri"}.issuperset(reference_types),
    )


def _is_primary(sub: Attribute) -> bool:
    return sub.name.lower() == "primary" and sub.type == "boolean"


def read_schema(document: Mapping[str, Any]) -> Schema:
    """Read a schema document (RFC 7643 §7)."""
    return Schema(
        id=document["id"],
        name=document["name"],
        description=document["description"],
        attributes=tuple(read_attribute(attribute) for attribute in document["attributes"]),
        document=document,
    )


def _shipped(name: str) -> Schema:
    return read_schema(json.loads((_FOLDER / f"{name}.json").read_text("utf-8")))


COMMON = _shipped("common")
USER = ResourceType("User", "/Users", "A person's account", _shipped("user"), (_shipped("enterprise_user"),))
GROUP = ResourceType("Group", "/Groups", "A group of users", _shipped("group"))
RESOURCE_TYPES = (USER, GROUP)


def schemas_of(resource_types: Sequence[ResourceType]) -> list[Schema]:
    """Every schema of these types, each once."""
    found = {schema.id: schema for known in resource_types for schema in (known.schema, *known.extensions)}
    return list(found.values())


SCHEMAS = schemas_of(RESOURCE_TYPES)
