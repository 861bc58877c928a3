"""Resources and filters made at random from the schemas themselves: every attribute, operator and form.

Hypothesis chooses the seeds. Its own strategies prefer what is simple, and what is simple tells few filters apart.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from scim.protocol.attributes import Attribute, ResourceType, Target
from scim.protocol.conditions import OPERATORS
from scim.protocol.filters import And, Comparison, Node, Not, Or, Presence, ValuePath, render
from scim.protocol.paths import AttrPath, parse_attr_path

TEXTS = ("a", "A", "ab", "ba", "a b", "b%", "_b", "é", "É", "x\\", '"', "ß", "SS", "work", "")
WORDS = {
    "reference": ("https://X.example/e", "https://x.example/e", "https://x.example/%25"),
    "binary": ("YQ==", "YWI="),
    "boolean": (True, False),
    # What only the database knows: `@0` to `@3` stand for ids, `@U` for one in capitals, `@T` for the time of making.
    "dateTime": ("@T", "2020-01-01T00:00:00Z", "2999-01-01T00:00:00.5+01:00", "2026-01-01T00:00:00-05:00"),
    "id": ("@0", "@1", "@2", "@3", "@U", "nobody", "a", ""),
}
# What a factory gives, because it has to be there and unique.
NAMING = ("userName", "displayName", "schemas")


class Maker:
    """Bodies and filters about a few attributes and values, so that a filter often meets what a resource has."""

    def __init__(self, random: Random, resource_type: ResourceType) -> None:
        self.random = random
        self.words: dict[str, Sequence[Any]] = WORDS | {"string": random.sample(TEXTS, 4)}
        readable = [target for target in resource_type.targets() if target.attribute.returned != "never"]
        names = sorted({(target.schema, target.attribute.name) for target in readable})
        some = random.sample(names, 3)
        self.targets = [target for target in readable if (target.schema, target.attribute.name) in some]
        self.urns = sorted({target.schema for target in self.targets} - {""})

    def is_chance(self, percent: int) -> bool:
        return self.random.random() * 100 < percent

    def resource(self) -> dict[str, Any]:
        """A body: less what the server sets, holds as rows or wants to be unique."""
        body: dict[str, Any] = {urn: {} for urn in self.urns}
        for target in self.targets:
            one = target.attribute
            is_sent = one.mutability == "readWrite" and one.name not in NAMING and not one.holds_references
            if is_sent and target.sub is None and self.is_chance(80):
                (body[target.schema] if target.schema else body)[one.name] = self.value(one)
        return body

    def value(self, attribute: Attribute) -> Any:
        """A whole value of an attribute as a client sends it."""
        if attribute.multi_valued:
            return [self.single(attribute) for _ in range(self.random.randrange(4))]
        return self.single(attribute)

    def single(self, attribute: Attribute) -> Any:
        if not attribute.is_complex:
            return self.random.choice(self.words[attribute.type])
        subs = [sub for sub in attribute.sub_attributes if sub.mutability != "readOnly"]
        return {sub.name: self.value(sub) for sub in subs if self.is_chance(60)}

    def operation(self) -> dict[str, Any]:
        """A PATCH operation on an attribute, a part, chosen values, an extension or the resource."""
        random, target = self.random, self.random.choice(self.targets)
        attribute, sub, before = target.attribute, target.sub, f"{target.schema}:" if target.schema else ""
        operation: dict[str, Any] = {"op": random.choice(("add", "replace", "remove"))}
        kind = random.randrange(6)
        if kind == 0 and operation["op"] != "remove":
            return operation | {"value": self.resource()}
        if kind == 1 and target.schema:
            operation["path"], value = target.schema, self.resource()[target.schema]
        elif kind < 4 and attribute.is_complex and attribute.multi_valued:
            where = render(self.inside(Target(target.schema, attribute), random.randrange(2)))
            operation["path"] = f"{before}{attribute.name}[{where}]" + (f".{sub.name}" if sub else "")
            value = self.value(sub) if sub else self.single(attribute)
        else:
            operation["path"] = f"{before}{attribute.name}" + (f".{sub.name}" if sub else "")
            value = self.value(sub or attribute)
        if operation["op"] != "remove":
            operation["value"] = value
        return operation

    def filter(self, depth: int = 2) -> Node:
        """A filter about these attributes in any form, or about the extensions that they are of."""
        if depth and self.is_chance(40):
            return self._combine(lambda: self.filter(depth - 1))
        if self.urns and self.is_chance(5):
            return Presence(parse_attr_path(self.random.choice(self.urns)))
        target = self.random.choice(self.targets)
        attribute = target.attribute
        if (attribute.is_complex or attribute.multi_valued) and self.is_chance(50):
            home = Target(target.schema, attribute)
            return ValuePath(AttrPath(attribute.name, "", target.schema), self.inside(home, 2))
        path = AttrPath(attribute.name, target.sub.name if target.sub else "", target.schema)
        return self._term(target, path)

    def _combine(self, make: Any) -> Node:
        kind = self.random.choice((And, Or, Not))
        return Not(make()) if kind is Not else kind((make(), make()))

    def inside(self, home: Target, depth: int) -> Node:
        if depth and self.is_chance(60):
            return self._combine(lambda: self.inside(home, depth - 1))
        if not home.attribute.is_complex:
            return self._term(home, AttrPath("value"))
        sub = self.random.choice(home.attribute.sub_attributes)
        return self._term(Target(home.schema, home.attribute, sub), AttrPath(sub.name))

    def _term(self, target: Target, path: AttrPath) -> Node:
        """A comparison that the attribute takes, or `pr`, or null."""
        leaf = target.leaf
        if target.sub is None and leaf.is_complex:
            leaf = leaf.subs.get("value", leaf)
        if self.is_chance(15):
            return Presence(path)
        if leaf.is_complex or self.is_chance(10):
            return Comparison(path, self.random.choice(("eq", "ne")), None)
        is_relation = leaf.name == "value" and target.attribute.name in ("members", "groups")
        is_id = is_relation or leaf.name in ("id", "$ref", "location")
        op = self.random.choice(sorted(OPERATORS[leaf.type]))
        return Comparison(path, op, self.random.choice(self.words["id" if is_id else leaf.type]))
