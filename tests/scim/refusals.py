"""Which functions of a package make refusals."""

import inspect
from types import ModuleType

from scim.protocol import errors
from scim.protocol.errors import ScimError

# One call of each function that makes a refusal.
OF_THE_PROTOCOL = {
    "invalid_filter": ["it ends too early."],
    "invalid_path": ["emails[", "it ends too early."],
    "invalid_value": ['"active" must be true or false.'],
    "invalid_syntax": ["The body must be a JSON object."],
    "missing_schema": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "foreign_schema": ["urn:x"],
    "unknown_attribute": ["nickname2"],
    "strict_protocol": ["invalidValue", '"active"', " this client writes true and false as text."],
    "not_storable": [],
    "resource_too_large": [1_048_576],
    "too_many_in_bulk": [1_000],
    "bulk_id_unresolved": ["a"],
    "unknown_members": [["1"]],
    "deleted_members": [["1"]],
    "nobody_left": [["1"]],
    "invalid_cursor": [],
    "expired_cursor": [86_400],
    "invalid_count": [1_000],
    "no_target": ['"emails" has no value that meets the filter of the path.'],
    "read_only": ["id"],
    "immutable": ["badge"],
    "required_removed": ["userName"],
    "required_attribute": ["userName"],
    "too_many": [1_000, "operations"],
    "too_costly": [20],
    "left_over": [errors.too_costly(20)],
    "not_unique": ["userName", "User", "jane@x"],
    "not_found": ["User", "1"],
    "version_mismatch": [],
}


def protocol_refusals() -> list[ScimError]:
    return [getattr(errors, name)(*arguments) for name, arguments in OF_THE_PROTOCOL.items()]


def makers_in(module: ModuleType) -> set[str]:
    """The functions of a module that make a refusal."""
    functions = inspect.getmembers(module, inspect.isfunction)
    own = (function for _, function in functions if function.__module__ == module.__name__)
    makers = {function.__name__ for function in own if function.__annotations__.get("return") is ScimError}
    return {name for name in makers if not name.startswith("_")} - {"explained"}
