"""The identifiers and names of a user or group, with names masked where that is needed."""

from typing import Any

from django.utils.translation import gettext as _

from providers.console.frame.masking import Row, as_json, flatten, is_uuid, mask_text
from providers.console.frame.page import moment
from providers.models import Resource


def mask_names(resource: Resource) -> None:
    """Mask the names of a resource, in place, for people who may not see personal values (AC-ROLE-4)."""
    resource.user_name = mask_text(resource.user_name) if resource.user_name else None
    resource.display_name = mask_text(resource.display_name) if resource.display_name else None
    if resource.external_id and not is_uuid(resource.external_id):
        resource.external_id = mask_text(resource.external_id)


def identifiers(resource: Resource) -> list[tuple[str, Any]]:
    """Return the ids, version and times of a resource, as label and value."""
    return [
        ("SCIM id", str(resource.pk)),
        ("externalId", resource.external_id or ""),
        (_("Version"), str(resource.version)),
        (_("Created"), moment(resource.created)),
        (_("Last changed"), moment(resource.last_modified)),
    ]


def attribute_panels(resource: Resource) -> dict[str, Any]:
    """Return what a group's page shows of its columns and its document, as template context."""
    rows: list[Row] = flatten(resource.document)
    return {"identifiers": identifiers(resource), "rows": rows, "raw": as_json(resource.document)}
