"""Every refusal that the protocol knows (RFC 7644 §3.12), one function each.

`detail` is read by an administrator in Entra's or Okta's log: it says what was sent, what is
allowed and what to change; it never holds another person's data, SQL or a class name.
"""

import difflib
from collections.abc import Iterable, Sequence

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class ScimError(Exception):
    """A refusal or failure as SCIM has it: HTTP status, scimType (or ""), detail, extra headers."""

    def __init__(self, status: int, scim_type: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.scim_type = scim_type
        self.detail = detail
        self.headers = headers or {}

    def body(self) -> dict[str, object]:
        """The error message of RFC 7644 §3.12; `status` is a string there."""
        body: dict[str, object] = {"schemas": [ERROR_SCHEMA], "status": str(self.status)}
        if self.scim_type:
            body["scimType"] = self.scim_type
        return body | {"detail": self.detail}


def invalid_filter(reason: str) -> ScimError:
    return ScimError(400, "invalidFilter", f"Filter refused: {reason}")


def invalid_path(path: str, reason: str) -> ScimError:
    return ScimError(400, "invalidPath", f"Path {_shown(path)} refused: {reason}")


def invalid_value(reason: str) -> ScimError:
    return ScimError(400, "invalidValue", reason)


def invalid_syntax(reason: str) -> ScimError:
    return ScimError(400, "invalidSyntax", reason)


def missing_schema(urn: str) -> ScimError:
    return invalid_syntax(f'"schemas" must name {urn}.')


def foreign_schema(urn: str) -> ScimError:
    return invalid_value(f'"schemas" names {_shown(urn)}, which has no place here.')


def unknown_attribute(name: str) -> ScimError:
    return invalid_value(f'"{name[:200]}" is not an attribute that iProva knows. Remove it from the attribute mapping.')


def not_storable() -> ScimError:
    return invalid_value("A value is too large, or of a kind that cannot be stored. Nothing was changed.")


def resource_too_large(limit: int) -> ScimError:
    return invalid_value(f"The resource has more than {limit // 1024:,} KiB without its members: map fewer attributes.")


def too_many_in_bulk(limit: int) -> ScimError:
    return ScimError(413, "", f"A bulk request may hold {limit:,} operations at the most. Nothing was changed.")


def bulk_id_unresolved(bulk_id: str) -> ScimError:
    return ScimError(
        409,
        "",
        f"No resource was made for bulkId {_shown(bulk_id)} in this request, so what refers to it cannot be done. "
        "See the result of the operation with that bulkId.",
    )


def unknown_members(ids: Sequence[str]) -> ScimError:
    return invalid_value(
        f"These members are not known to this provider: {_some(ids)}. Nothing was changed. Provision the users "
        "before their memberships; after a restart of provisioning they get their ids again."
    )


def deleted_members(ids: Sequence[str]) -> ScimError:
    return invalid_value(f"These members were deleted: {_some(ids)}. Nothing was changed.")


def nobody_left(ids: Sequence[str]) -> ScimError:
    return invalid_value(
        f"No member that the request names is there (such as {_some(ids[:3])}), so the group would lose all it has. "
        "Nothing was changed. To empty the group, send an empty list; else restart provisioning, so that the users "
        "are created again."
    )


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 20} more" if len(ids) > 20 else ""
    return ", ".join(sent[:100] for sent in ids[:20]) + more


def invalid_cursor() -> ScimError:
    return ScimError(
        400,
        "invalidCursor",
        "The cursor is not one of this provider's for this filter and order. Repeat the query with the cursor of its "
        "last answer, or begin anew with an empty one.",
    )


def expired_cursor(timeout_s: int) -> ScimError:
    return ScimError(
        400,
        "expiredCursor",
        f"The cursor is older than {timeout_s // 3600} hours. Begin the query anew with an empty cursor.",
    )


def invalid_count(most: int, name: str = "count") -> ScimError:
    return ScimError(400, "invalidCount", f'With a cursor, "{name}" must be a whole number from 1 to {most:,}.')


def no_target(reason: str) -> ScimError:
    return ScimError(400, "noTarget", reason)


def read_only(name: str) -> ScimError:
    return ScimError(
        400,
        "mutability",
        f'"{name}" is read-only: iProva sets it. Remove it from the attribute mapping.',
    )


def immutable(name: str) -> ScimError:
    return ScimError(
        400,
        "mutability",
        f'"{name}" is immutable: once it has a value, that stays. Remove it from the attribute mapping.',
    )


def required_attribute(name: str) -> ScimError:
    return ScimError(
        400,
        "invalidValue",
        f'"{name}" is required and has no value. Map a source attribute that is always filled to it.',
    )


def too_many(limit: int, what: str) -> ScimError:
    return ScimError(400, "tooMany", f"More than {limit:,} {what} in one request: send fewer at a time.")


def too_costly(limit_ms: int) -> ScimError:
    return ScimError(
        400,
        "tooMany",
        f"The query takes longer than {limit_ms / 1000:g} seconds: give the filter fewer comparisons.",
    )


def not_unique(attribute: str, resource_type: str) -> ScimError:
    return ScimError(
        409,
        "uniqueness",
        f"Another {resource_type} of this provider already has this {attribute} (upper and lower case count as "
        f"equal). Match on {attribute} instead of creating again, or give one of the two another value.",
    )


def not_found(resource_type: str, resource_id: str) -> ScimError:
    return ScimError(
        404,
        "",
        f"{resource_type} {_shown(resource_id)} is not known to this provider. If it was deleted here, restart "
        "provisioning so that it is created again.",
    )


def unknown_route(path: str) -> ScimError:
    return ScimError(
        404,
        "",
        f"There is no SCIM resource at {_shown(path)}. Below the Tenant URL, which ends in /scim in lower case, are "
        "/Users, /Groups, /Schemas, /ResourceTypes and /ServiceProviderConfig.",
    )


def version_mismatch() -> ScimError:
    return ScimError(
        412,
        "",
        "The resource has changed since the version that If-Match names. Read it again and repeat the change.",
    )


def too_large(max_bytes: int) -> ScimError:
    return ScimError(
        413,
        "",
        f"The request body is larger than {max_bytes // 1_048_576} MiB. Send less at a time, members above all.",
    )


def unsupported_media_type(sent: str) -> ScimError:
    return ScimError(
        415,
        "",
        f"Content-Type {_shown(sent)} is not supported: send application/scim+json or application/json.",
    )


def method_not_allowed(method: str, allowed: Iterable[str]) -> ScimError:
    names = ", ".join(sorted(allowed))
    return ScimError(405, "", f"{method} is not possible at this address; possible are {names}.", {"Allow": names})


def unauthorized(reason: str) -> ScimError:
    return ScimError(401, "", reason, {"WWW-Authenticate": 'Bearer realm="SCIM"'})


def address_refused() -> ScimError:
    return ScimError(
        403,
        "",
        "The IP-based access restriction of this provider does not cover the calling address. An iProva "
        "administrator finds it under External user management, IP restriction.",
    )


def paused() -> ScimError:
    return ScimError(
        503,
        "",
        "An iProva administrator has paused this provider; nothing was changed. Provisioning goes on by itself "
        "when it is resumed.",
        {"Retry-After": "2400"},
    )


def departures_held() -> ScimError:
    return ScimError(
        503,
        "",
        "This provider has disabled or deleted unusually many people within an hour, so iProva holds further ones "
        "back; nothing was changed, all other requests go on. An iProva administrator decides on the page of the "
        "provider; when they are let through, provisioning goes on by itself.",
        {"Retry-After": "2400"},
    )


def departures_rejected() -> ScimError:
    return ScimError(
        403,
        "",
        "An iProva administrator has rejected that this provider disables or deletes more people for now; nothing was "
        "changed. Check the scope and the assignments in Entra ID, then ask the administrator to lift the rejection.",
    )


def unavailable() -> ScimError:
    return ScimError(
        503,
        "",
        "The database of iProva does not answer; nothing was changed. Try again later.",
        {"Retry-After": "60"},
    )


def internal_error(request_id: object) -> ScimError:
    return ScimError(500, "", f"iProva could not process this request. Its request id is {request_id}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean "userName"?`, or nothing when no known name is near."""
    near = nearest(name, known)
    return f' Did you mean "{near}"?' if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is most likely a slip of, upper and lower case aside."""
    by_lower = {known_name.lower(): known_name for known_name in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def _shown(text: str) -> str:
    """`text` in quotes, shortened, without control characters: it may come from anybody."""
    printable = "".join(char if char.isprintable() else "?" for char in text[:200])
    return f'"{printable}{"…" if len(text) > 200 else ""}"'
