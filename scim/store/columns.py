"""The columns of the database that hold attributes, and how a resource becomes a row.

A path without a row here is read from the folded document, with an index if it is in `INDEXED`. To make a
filter on another attribute fast, add it to `INDEXED`, or give it a column, an index and a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.resources.members import current
from providers.resources.rows import Row
from scim.protocol.attributes import ENTERPRISE_USER, ResourceType
from scim.protocol.conditions import fold_resource
from scim.protocol.values import comparison_key, search_key

MAX_SEARCH_TEXT = 4_000


@dataclass(frozen=True)
class Column:
    """`sql` is an expression that holds comparison keys of `kind`: text, id, time or boolean.

    It refers to the resource `r`, in a relation also to `m` and `x`; `{base}` is the base URL. `hour` names an
    indexed column with the hour of a time (since 1970), which finds the rows.
    """

    sql: str
    kind: str = "text"
    hour: str = ""


_EVERY_TYPE = {
    "id": Column("r.id", "id"),
    "externalId": Column("r.external_id"),
    "meta.resourceType": Column("r.resource_type"),
    "meta.created": Column("r.created", "time"),
    "meta.lastModified": Column("r.last_modified", "time", hour="r.modified_hour"),
    "meta.version": Column("'W/\"' || r.version || '\"'"),
    "meta.location": Column("{base} || '/' || r.resource_type || 's/' || r.id"),
}


def digest_of(ids: str, where: str = "TRUE") -> str:
    """The SQL of a digest of the ids of a user's groups: part of the user's ETag (answers.py)."""
    return f"left(md5(string_agg({ids}::text, '' ORDER BY {ids}) FILTER (WHERE {where})), 8)"


COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "User": {
        **_EVERY_TYPE,
        "meta.version": Column(
            "'W/\"' || r.version || COALESCE('-' || "
            f"(SELECT {digest_of('m.group_id')} {current('member_id', joins=False)}), '') || '\"'"
        ),
        "userName": Column("r.user_name_key"),
        "displayName": Column("r.display_name_key"),
        "active": Column("r.active", "boolean"),
    },
    "Group": {**_EVERY_TYPE, "displayName": Column("r.display_name_key")},
}


@dataclass(frozen=True)
class Relation:
    """A multi-valued attribute whose values are rows of `providers_membership m`, not part of the document.

    `own` is the column of `m` that holds the resource's id; at the other end is `x`.
    """

    own: str
    columns: Mapping[str, Column]


RELATIONS: Mapping[tuple[str, str], Relation] = {
    ("User", "groups"): Relation(
        "member_id",
        {
            "value": Column("m.group_id", "id"),
            "$ref": Column("{base} || '/Groups/' || m.group_id"),
            "display": Column("x.display_name_key"),
            "type": Column("'direct'"),
        },
    ),
    ("Group", "members"): Relation(
        "group_id",
        {
            "value": Column("m.member_id", "id"),
            "$ref": Column("{base} || '/' || m.member_type || 's/' || m.member_id"),
            "display": Column("COALESCE(x.display_name_key, x.user_name_key)"),
            "type": Column("lower(m.member_type)"),
        },
    ),
}


# The parts of a folded document that an index finds (`Sought.indexed`): what tells users apart, by which directories
# match them. Values that many users share (a title, a department, the type of an address) are not worth an index.
# Migration 0029 has the same table, in a trigger.
INDEXED: Mapping[str, Any] = {
    "emails": {"value": True},
    "phoneNumbers": {"value": True},
    ENTERPRISE_USER: {"employeeNumber": True, "manager": {"value": True}},
}


def indexed_part(folded: Mapping[str, Any]) -> dict[str, Any]:
    """The indexed part of a folded document, or of what is looked for in one, in the same shape; {} for nothing."""
    parts = {name: _part(value, INDEXED.get(name, _is_own_extension(name))) for name, value in folded.items()}
    return {name: part for name, part in parts.items() if part}


def _is_own_extension(name: str) -> bool:
    # An attribute that a provider has added is often the one by which it matches its users.
    return name.startswith("urn:")


def _part(value: Any, kept: Any) -> Any:
    if isinstance(kept, bool):
        return value if kept else None
    if isinstance(value, list):
        return [part for element in value if (part := _part(element, kept))]
    if not isinstance(value, dict):
        return None
    return {name: part for name, inner in kept.items() if (part := _part(value.get(name), inner))}


def row_of(resource: Mapping[str, Any], resource_type: ResourceType) -> Row:
    """The columns of a validated resource; its document is the resource itself."""
    user_name, display_name = resource.get("userName"), resource.get("displayName")
    return Row(
        user_name=user_name,
        user_name_key=None if user_name is None else comparison_key(user_name),
        display_name=display_name,
        display_name_key=None if display_name is None else comparison_key(display_name),
        external_id=resource.get("externalId"),
        active=resource.get("active"),
        document=resource,
        folded=fold_resource(resource, resource_type),
        search_text=_search_text(resource),
    )


def _search_text(resource: Mapping[str, Any]) -> str:
    """The text that the console searches: names, addresses and externalId, folded and without accents."""
    name = resource.get("name", {})
    parts = [
        resource.get("displayName"),
        resource.get("userName"),
        name.get("givenName"),
        name.get("familyName"),
        name.get("formatted"),
        resource.get("externalId"),
        *(email.get("value") for email in resource.get("emails", ())),
    ]
    return search_key(" ".join(dict.fromkeys(part for part in parts if part))[:MAX_SEARCH_TEXT])
