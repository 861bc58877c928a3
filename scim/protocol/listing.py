"""Reads the query for a list: parameters (RFC 7644 §3.4.2) or a SearchRequest with the same members (§3.4.3).

A filter and an order are bound to the schemas here, so that the store only compiles them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scim.protocol import errors
from scim.protocol.attributes import ResourceType, Target
from scim.protocol.conditions import Condition, bind, find_readable
from scim.protocol.errors import ScimError
from scim.protocol.filters import count_terms, parse_filter
from scim.protocol.policy import Policy


@dataclass(frozen=True)
class Filter:
    """A filter as sent, and the condition that it states about resources of each type, by the type's name.

    `terms` is how many comparisons it has.
    """

    text: str
    conditions: Mapping[str, Condition]
    terms: int

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Sort:
    """`target` is a single value: an attribute, or a sub-attribute whose primary (or first) value counts (§3.4.2.3)."""

    target: Target
    is_descending: bool = False

    def __str__(self) -> str:
        return f"{self.target} {'descending' if self.is_descending else 'ascending'}"


@dataclass(frozen=True)
class ListQuery:
    """`start_index` is 1-based; `count` 0 asks for the total alone, with a cursor too (RFC 9865 §2).

    `cursor` is None for pages by index, and "" for the first page of a query with cursors (RFC 9865 §2).
    """

    filter: Filter | None = None
    sort: Sort | None = None
    start_index: int = 1
    count: int = 100
    cursor: str | None = None


def read_list_query(parameters: Mapping[str, str], resource_types: Sequence[ResourceType], policy: Policy) -> ListQuery:
    """Read parameters by lower-case name.

    A number that is too large is lowered to the limit, and one that is too small raised; a negative count means 0
    (RFC 7644 §3.4.2.4, RFC 9865 §2). Raises `ScimError` invalidValue, invalidFilter, with a cursor also invalidCount.
    """
    cursor = parameters.get("cursor")
    start_index = max(_read_number(parameters, "startIndex", 1), 1)
    if cursor is not None and start_index != 1:
        raise errors.invalid_value('"startIndex" and "cursor" are two ways to page: send one of them.')
    unreadable = None if cursor is None else errors.invalid_count(policy.max_count)
    count = _read_number(parameters, "count", policy.default_count, unreadable)
    sort = _read_sort(parameters, resource_types, policy)
    text = parameters.get("filter", "")
    return ListQuery(
        filter=read_filter(text, resource_types, policy) if text else None,
        sort=sort,
        start_index=start_index,
        count=min(max(count, 0), policy.max_count),
        cursor=cursor,
    )


def read_filter(text: str, resource_types: Sequence[ResourceType], policy: Policy) -> Filter:
    """Read a filter and bind it to the schema of each type. Raises `ScimError` invalidFilter."""
    node = parse_filter(
        text,
        max_length=policy.max_filter_length,
        max_terms=policy.max_filter_terms,
        max_depth=policy.max_filter_depth,
    )
    conditions = {known.name: bind(node, known, policy, resource_types) for known in resource_types}
    return Filter(text, conditions, count_terms(node))


@dataclass(frozen=True)
class MemberQuery:
    """A page of a group's members: how many, and the cursor of the page ("": the first one)."""

    count: int
    cursor: str = ""


def read_member_query(parameters: Mapping[str, str], policy: Policy) -> MemberQuery | None:
    """Read `membersCursor` and `membersCount` of a group's address; None without both, which means all members.

    An extension of this server (docs/scim.md). Counts are read as those of lists with cursors. Raises `ScimError`
    invalidCount.
    """
    if not {"memberscursor", "memberscount"} & parameters.keys():
        return None
    unreadable = errors.invalid_count(policy.max_count, "membersCount")
    count = _read_number(parameters, "membersCount", policy.max_count, unreadable)
    return MemberQuery(min(max(count, 0), policy.max_count), parameters.get("memberscursor", ""))


SEARCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


def search_parameters(body: Any, policy: Policy) -> dict[str, str]:
    """A SearchRequest as query parameters with the same meaning. Raises `ScimError` invalidSyntax, invalidValue."""
    if not isinstance(body, dict):
        raise errors.invalid_syntax("The body must be a JSON object holding a SearchRequest (RFC 7644 §3.4.3).")
    policy.check_schemas(body, SEARCH_SCHEMA)
    parameters = {}
    for name, value in body.items():
        if value is None or name.lower() == "schemas":
            continue
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = ",".join(value)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise errors.invalid_value(
                f'"{name[:200]}" of a SearchRequest must be text, a whole number or a list of text.'
            )
        parameters[name.lower()] = str(value)
    return parameters


def _read_number(parameters: Mapping[str, str], name: str, default: int, unreadable: ScimError | None = None) -> int:
    sent = parameters.get(name.lower(), "").strip()
    if not sent:
        return default
    digits = sent.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise unreadable or errors.invalid_value(f'"{name}" must be a whole number.')
    number = int(digits[:16])
    return -number if sent.startswith("-") else number


def _read_sort(parameters: Mapping[str, str], resource_types: Sequence[ResourceType], policy: Policy) -> Sort | None:
    sort_by, order = parameters.get("sortby", "").strip(), parameters.get("sortorder", "").strip().lower()
    if order not in ("", "ascending", "descending"):
        raise errors.invalid_value('"sortOrder" must be ascending or descending.')
    if not sort_by:
        # Several types are listed one after the other, in the order of an index.
        return Sort(find_readable("meta.resourceType", resource_types, policy)) if len(resource_types) > 1 else None
    try:
        target = find_readable(sort_by, resource_types, policy)
    except ScimError as error:
        raise errors.invalid_value(f"sortBy refused: {error.sentence}") from error
    if target.attribute is None:
        raise errors.invalid_value(f'sortBy names a schema, "{target}"; name one of its attributes.')
    if target.attribute.is_complex and target.sub is None:
        value = target.attribute.subs.get("value")
        if value is None:
            names = ", ".join(sub.name for sub in target.attribute.sub_attributes)
            raise errors.invalid_value(f'sortBy names "{target}", which has parts; sort by one of them: {names}.')
        target = Target(target.schema, target.attribute, value)
    return Sort(target, is_descending=order == "descending")
