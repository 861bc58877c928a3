"""The policy for a provider: what its client may get wrong, and how much a request may ask. One frozen value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.errors import ScimError
from scim.protocol.filters import Path
from scim.protocol.paths import AttrPath


@dataclass(frozen=True)
class Operation:
    """One PATCH operation whose path was read but not looked up yet; `path` is None when none was sent."""

    op: str
    path: Path | None
    value: Any


class Fault(Enum):
    """A fault that cannot be rewritten but can be overlooked. The comment says what happens then."""

    UNKNOWN_ATTRIBUTE = auto()  # it is left out and noted
    READ_ONLY_REPEATED = auto()  # inside a value; it is ignored
    MISSING_ELEMENT = auto()  # `emails[type eq "work"].value` of a user without one makes it
    DOTTED_NAME = auto()  # a member `name.givenName` of a value is read as a path
    SCHEMA_IN_NAME = auto()  # so is `urn:…:User:department`
    FILTER_IN_NAME = auto()  # and `emails[type eq "work"].value`
    PART_AFTER_FILTER = auto()  # in a filter, `emails[type eq "work"].value eq "x"` is about one value
    DELETED_MEMBER = auto()  # an id that this provider has deleted is skipped and noted
    MISSING_SCHEMAS = auto()  # the address tells what the body is
    FOREIGN_SCHEMA = auto()  # it is ignored
    EXTRA_MEMBER = auto()  # of a PATCH operation; it is ignored
    NO_OPERATIONS = auto()  # nothing is changed


ValueHabit = Callable[[Attribute, Any], Any]
OperationHabit = Callable[[Operation, ResourceType], list[Operation]]
PathHabit = Callable[[AttrPath, ResourceType], AttrPath]


@dataclass(frozen=True)
class Policy:
    """The defaults overlook nothing; `scim.clients` builds the liberal policy from its habits.

    value_habits: rewrite one attribute's value before it is validated.
    operation_habits: rewrite one PATCH operation before its path is looked up.
    path_habits: rewrite one attribute path, of an operation or a filter, before it is looked up.
    overlooks: faults that a client may have.
    explanations: the last sentence of the refusal for a fault that it may not have.
    skips_unknown_members: an id that no resource ever had is skipped and noted; otherwise it is 400.
    """

    value_habits: tuple[ValueHabit, ...] = ()
    operation_habits: tuple[OperationHabit, ...] = ()
    path_habits: tuple[PathHabit, ...] = ()
    overlooks: frozenset[Fault] = frozenset()
    explanations: Mapping[Fault, str] = field(default_factory=dict)
    skips_unknown_members: bool = False
    max_operations: int = 1_000
    max_string_length: int = 131_072
    max_key_bytes: int = 2_000
    max_name_length: int = 2_000
    max_values: int = 500
    max_resource_bytes: int = 1_048_576
    max_filter_length: int = 8_000
    max_filter_terms: int = 100
    max_filter_depth: int = 20
    default_count: int = 100
    max_count: int = 1_000
    max_page_bytes: int = 8_388_608
    cursor_timeout_s: int = 86_400
    max_bulk_operations: int = 1_000
    max_bulk_parts: int = 10_000
    max_written_bytes: int = 16_777_216

    def usual_path(self, path: AttrPath, resource_type: ResourceType) -> AttrPath:
        """`path`, of a resource of this type, in the form of the RFC."""
        for habit in self.path_habits:
            path = habit(path, resource_type)
        return path

    def usual_value(self, attribute: Attribute, value: Any) -> Any:
        """A value of `attribute` in the form of the RFC."""
        for habit in self.value_habits:
            value = habit(attribute, value)
        return value

    def overlook(self, fault: Fault, refusal: Callable[[], ScimError]) -> None:
        """Raise `refusal()` unless this policy overlooks `fault`. A fault that is overlooked costs no refusal."""
        if fault not in self.overlooks:
            raise errors.explained(refusal(), self.explanations.get(fault, ""))

    def check_schemas(self, body: Mapping[str, Any], *wanted: str, allowed: Iterable[str] = ()) -> None:
        """Check that `schemas` of a body names all of `wanted`, and besides only what is allowed (RFC 7643 §3)."""
        if {Fault.MISSING_SCHEMAS, Fault.FOREIGN_SCHEMA} <= self.overlooks:
            return
        sent = next((value for name, value in body.items() if name.lower() == "schemas"), None)
        named = [name.lower() for name in sent if isinstance(name, str)] if isinstance(sent, list) else []
        for urn in wanted:
            if urn.lower() not in named:
                self.overlook(Fault.MISSING_SCHEMAS, partial(errors.missing_schema, urn))
        known = {name.lower() for name in (*wanted, *allowed)}
        for name in named:
            if name not in known:
                self.overlook(Fault.FOREIGN_SCHEMA, partial(errors.foreign_schema, name))
