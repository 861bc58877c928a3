"""A habit: something that real clients send outside the RFCs, and its form in the RFC.

A habit's function rewrites and never refuses. The liberal policy applies it; the strict policy
applies it too, and refuses with the habit's name whenever it would have changed something.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scim.protocol.attributes import Attribute, ResourceType
from scim.protocol.paths import AttrPath
from scim.protocol.policy import Fault, Operation


@dataclass(frozen=True)
class Habit:
    """One habit, with one of four functions or faults.

    `rewrite_value` gets the value of one attribute, `rewrite_operation` one PATCH operation, `rewrite_path` one
    attribute path of an operation or a filter. `overlooks` is a fault that has no form in the RFC.
    `sentence` completes "this client …"; `source` says where the habit was seen.
    """

    id: str
    sentence: str
    source: str
    rewrite_value: Callable[[Attribute, Any], Any] | None = None
    rewrite_operation: Callable[[Operation, ResourceType], list[Operation]] | None = None
    rewrite_path: Callable[[AttrPath, ResourceType], AttrPath] | None = None
    overlooks: Fault | None = None
