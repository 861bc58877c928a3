"""Reads attribute paths (RFC 7644 §3.10), and finds the attribute that a path names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from scim.protocol.attributes import ResourceType, Target
from scim.protocol.errors import did_you_mean, shown

# ATTRNAME = ALPHA *(nameChar); "$ref" is one too (RFC 7643 §2.1, erratum 5990).
_ATTR_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$-]*", re.ASCII)


@dataclass(frozen=True)
class AttrPath:
    """attrPath = [URI ":"] ATTRNAME *1subAttr, as sent; `find` checks whether it exists."""

    name: str
    sub: str = ""
    schema: str = ""

    def __str__(self) -> str:
        name = f"{self.name}.{self.sub}" if self.sub else self.name
        return f"{self.schema}:{name}" if self.schema else name


class UnknownAttributeError(Exception):
    """No schema of the resource type has this attribute. The text is for an administrator.

    `known` are the names that would be possible. The one that was most likely meant is looked for when somebody reads
    the text: that takes ten times as long as all else about an unknown name.
    """

    def __init__(self, sentence: str, name: str = "", known: Iterable[str] = ()) -> None:
        super().__init__(sentence, name, known)
        self.sentence = sentence
        self.name = name
        self.known = known

    def __str__(self) -> str:
        return self.sentence + did_you_mean(self.name, self.known)


def parse_attr_path(text: str) -> AttrPath | None:
    """Read an attribute path; None for any other text. The URI ends at the last colon, whatever dots it has."""
    schema, colon, name = text.rpartition(":")
    name, dot, sub = name.partition(".")
    # After a URI one more dot is allowed than in the RFC: a habit puts the last part of the URI before it.
    parts = sub.split(".") if schema else [sub]
    if not _ATTR_NAME.fullmatch(name) or (dot and not all(map(_ATTR_NAME.fullmatch, parts))) or (colon and not schema):
        return None
    return AttrPath(name, sub, schema)


def find(path: AttrPath, resource_type: ResourceType) -> Target:
    """The attribute that `path` names, without regard to case (RFC 7643 §2.1).

    A path that is an extension's URN gives the extension as a whole. Raises
    `UnknownAttributeError` when there is none.
    """
    extension = resource_type.extensions_by_urn.get(str(path).lower())
    if extension:
        return Target(extension.id, None)
    if not path.schema or path.schema.lower() == resource_type.schema.id.lower():
        home, names = "", resource_type.core
    elif found := resource_type.extensions_by_urn.get(path.schema.lower()):
        home, names = found.id, found.by_name
    else:
        known = ", ".join(schema.id for schema in (resource_type.schema, *resource_type.extensions))
        raise UnknownAttributeError(
            f"schema {shown(path.schema)} is not known for {resource_type.name}; known are {known}."
        )
    attribute = names.get(path.name.lower())
    if attribute is None:
        sentence = f'{resource_type.name} has no attribute "{path.name}".'
        raise UnknownAttributeError(sentence, path.name, [known.name for known in names.values()])
    if not path.sub:
        return Target(home, attribute)
    sub = attribute.subs.get(path.sub.lower())
    if sub is None:
        sentence = f'"{attribute.name}" has no sub-attribute "{path.sub}".'
        raise UnknownAttributeError(sentence, path.sub, [known.name for known in attribute.sub_attributes])
    return Target(home, attribute, sub)
