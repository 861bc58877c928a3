"""The habits of clients: what real ones send outside the RFCs, in one tuple for each client.

`LIBERAL` turns each habit into the RFC's form before the protocol sees it; `STRICT` refuses it
with a `detail` that names it.
"""

from dataclasses import replace
from functools import cache
from typing import Any

from scim.clients import entra, okta, onelogin, others, scim_sdk
from scim.clients.habit import Habit
from scim.protocol import errors
from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.errors import ScimError
from scim.protocol.paths import AttrPath
from scim.protocol.policy import Operation, OperationHabit, PathHabit, Policy, ValueHabit

HABITS: tuple[Habit, ...] = (
    *scim_sdk.HABITS,
    *entra.HABITS,
    *okta.HABITS,
    *onelogin.HABITS,
    *others.HABITS,
)


def _refusing_value(habit: Habit, rewrite: ValueHabit) -> ValueHabit:
    def refuse(attribute: Attribute, value: Any) -> Any:
        if rewrite(attribute, value) != value:
            raise _refusal("invalidValue", f'"{attribute.name}"', habit)
        return value

    return refuse


def _refusing_operation(habit: Habit, rewrite: OperationHabit) -> OperationHabit:
    def refuse(operation: Operation, resource_type: ResourceType) -> list[Operation]:
        if rewrite(operation, resource_type) != [operation]:
            raise _refusal("invalidSyntax", f'The operation "{operation.op}"', habit)
        return [operation]

    return refuse


def _refusing_path(habit: Habit, rewrite: PathHabit) -> PathHabit:
    def refuse(path: AttrPath, resource_type: ResourceType) -> AttrPath:
        if rewrite(path, resource_type) != path:
            raise _refusal("invalidPath", f'The path "{path}"', habit)
        return path

    return refuse


def _refusal(scim_type: str, subject: str, habit: Habit) -> ScimError:
    return errors.strict_protocol(scim_type, subject, _explain(habit))


def _explain(habit: Habit) -> str:
    return (
        f" this client {habit.sentence} ({habit.id}). "
        "This provider is set to strict protocol; correct the client or switch strict protocol off."
    )


LIBERAL = Policy(
    value_habits=tuple(habit.rewrite_value for habit in HABITS if habit.rewrite_value),
    operation_habits=tuple(habit.rewrite_operation for habit in HABITS if habit.rewrite_operation),
    path_habits=tuple(habit.rewrite_path for habit in HABITS if habit.rewrite_path),
    overlooks=frozenset(habit.overlooks for habit in HABITS if habit.overlooks),
)
STRICT = Policy(
    value_habits=tuple(_refusing_value(habit, habit.rewrite_value) for habit in HABITS if habit.rewrite_value),
    operation_habits=tuple(
        _refusing_operation(habit, habit.rewrite_operation) for habit in HABITS if habit.rewrite_operation
    ),
    path_habits=tuple(_refusing_path(habit, habit.rewrite_path) for habit in HABITS if habit.rewrite_path),
    explanations={habit.overlooks: _explain(habit).replace(" this", " This", 1) for habit in HABITS if habit.overlooks},
)


@cache
def policy_for(switches: frozenset[str]) -> Policy:
    """The policy of a provider by the names of its switches that are on: `is_strict`, and fields of `Policy`."""
    on: dict[str, Any] = dict.fromkeys(switches - {"is_strict"}, True)
    return replace(STRICT if "is_strict" in switches else LIBERAL, **on)
