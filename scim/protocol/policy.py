"""What a provider's client is forgiven and how much it may ask: one frozen value, handed down."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.filters import Path
from scim.protocol.paths import AttrPath


@dataclass(frozen=True)
class Operation:
    """One PATCH operation with its path read but not yet looked up; `path` None: none was sent."""

    op: str
    path: Path | None
    value: Any


ValueHabit = Callable[[Attribute, Any], Any]
OperationHabit = Callable[[Operation, ResourceType], list[Operation]]
PathHabit = Callable[[AttrPath], AttrPath]


@dataclass(frozen=True)
class Policy:
    """The defaults forgive nothing; `scim.clients` builds the liberal policy from its habits.

    value_habits: rewrite one attribute's value before it is validated.
    operation_habits: rewrite one PATCH operation before its path is looked up.
    path_habits: rewrite one attribute path, of an operation or a filter, before it is looked up.
    refuses_unknown: an unknown attribute is 400 instead of being left out and noted.
    refuses_read_only: a read-only attribute in a PATCH without path is 400 instead of ignored.
    creates_missing_elements: `emails[type eq "work"].value` on a user without one makes it.
    skips_deleted_members: a member id that this provider has deleted is passed over.
    """

    value_habits: tuple[ValueHabit, ...] = ()
    operation_habits: tuple[OperationHabit, ...] = ()
    path_habits: tuple[PathHabit, ...] = ()
    refuses_unknown: bool = True
    refuses_read_only: bool = True
    creates_missing_elements: bool = False
    skips_deleted_members: bool = True
    max_operations: int = 1_000
    max_string_length: int = 131_072
    max_key_bytes: int = 2_000
    max_values: int = 500
    max_resource_bytes: int = 1_048_576
    max_filter_length: int = 8_000
    max_filter_terms: int = 100
    max_filter_depth: int = 20
    default_count: int = 100
    max_count: int = 1_000
    cursor_timeout_s: int = 86_400
    max_bulk_operations: int = 1_000

    def usual_path(self, path: AttrPath) -> AttrPath:
        """`path` in the RFC's form."""
        for habit in self.path_habits:
            path = habit(path)
        return path

    def usual_value(self, attribute: Attribute, value: Any) -> Any:
        """A value of `attribute` in the RFC's form."""
        for habit in self.value_habits:
            value = habit(attribute, value)
        return value
