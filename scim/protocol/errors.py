"""Every refusal of the protocol (RFC 7644 §3.12), one function each.

An administrator reads `detail` in the log of Entra or Okta: it names what was sent, what is allowed and what
to change. It never contains another person's data, SQL or a class name. The refusals of HTTP and of this
product are in `scim.api.refusals`.
"""

import difflib
from collections.abc import Iterable, Sequence
from enum import StrEnum

ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"


class Reason(StrEnum):
    """Why a request was refused or failed. Programs use the reason; the sentences are for people.

    The provisioning log stores the value. Each member but the last belongs to one function, here or in
    `scim.api.refusals`.
    """

    # About the request itself
    INVALID_FILTER = "invalid-filter"
    INVALID_PATH = "invalid-path"
    INVALID_SYNTAX = "invalid-syntax"
    INVALID_VALUE = "invalid-value"
    INVALID_CURSOR = "invalid-cursor"
    EXPIRED_CURSOR = "expired-cursor"
    INVALID_COUNT = "invalid-count"
    MISSING_SCHEMA = "missing-schema"
    FOREIGN_SCHEMA = "foreign-schema"
    UNKNOWN_ATTRIBUTE = "unknown-attribute"
    REQUIRED_ATTRIBUTE = "required-attribute"
    REQUIRED_REMOVED = "required-removed"
    READ_ONLY = "read-only"
    IMMUTABLE = "immutable"
    NO_TARGET = "no-target"
    STRICT_PROTOCOL = "strict-protocol"
    NOT_STORABLE = "not-storable"
    RESOURCE_TOO_LARGE = "resource-too-large"
    TOO_MANY = "too-many"
    TOO_COSTLY = "too-costly"
    BULK_TOO_LONG = "bulk-too-long"
    BULK_ID_UNRESOLVED = "bulk-id-unresolved"
    LEFT_OVER = "left-over"
    # About the resources
    NAME_TAKEN = "name-taken"
    NOT_FOUND = "not-found"
    VERSION_MISMATCH = "version-mismatch"
    UNKNOWN_MEMBERS = "unknown-members"
    DELETED_MEMBERS = "deleted-members"
    NO_MEMBER_LEFT = "no-member-left"
    # HTTP and this product (scim.api.refusals)
    UNKNOWN_ROUTE = "unknown-route"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    MEDIA_TYPE = "media-type"
    CONTENT_ENCODING = "content-encoding"
    BODY_TOO_LARGE = "body-too-large"
    DISCOVERY_FILTER = "discovery-filter"
    ME = "me"
    TOKEN_UNUSABLE = "token-unusable"
    TOKEN_REVOKED = "token-revoked"
    TOKEN_EXPIRED = "token-expired"
    TOKEN_SUSPENDED = "token-suspended"
    ACCESS_TOKEN_ENDED = "access-token-ended"
    PROVIDER_DELETED = "provider-deleted"
    ADDRESS_REFUSED = "address-refused"
    TOO_FAST = "too-fast"
    REFUSED_TOO_OFTEN = "refused-too-often"
    PAUSED = "paused"
    PROVIDER_FULL = "provider-full"
    REMOVALS_HELD = "removals-held"
    REMOVALS_REJECTED = "removals-rejected"
    ADAPTER = "adapter"
    DATABASE_AWAY = "database-away"
    INTERNAL_ERROR = "internal-error"
    NOT_FINISHED = "not-finished"
    # No refusal: the log's reason of a PATCH that was answered with success although nothing of it was understood
    NOTHING_UNDERSTOOD = "nothing-understood"


class ScimError(Exception):
    """A refusal or failure as SCIM has it: HTTP status, scimType (or ""), detail, extra headers.

    `detail` is the introduction followed by the sentence. Another refusal can reuse the sentence alone. `attribute` is
    the name or path of the attribute that it is about, or "".
    """

    def __init__(
        self,
        reason: Reason,
        status: int,
        scim_type: str,
        sentence: str,
        *,
        introduction: str = "",
        headers: dict[str, str] | None = None,
        attribute: str = "",
    ) -> None:
        super().__init__(introduction + sentence)
        self.reason = reason
        self.status = status
        self.scim_type = scim_type
        self.introduction = introduction
        self.sentence = sentence
        self.headers = headers or {}
        self.attribute = attribute

    @property
    def detail(self) -> str:
        return self.introduction + self.sentence

    def body(self) -> dict[str, object]:
        """The error message of RFC 7644 §3.12; `status` is a string there."""
        body: dict[str, object] = {"schemas": [ERROR_SCHEMA], "status": str(self.status)}
        if self.scim_type:
            body["scimType"] = self.scim_type
        return body | {"detail": self.detail}


def explained(refusal: ScimError, explanation: str) -> ScimError:
    """The same refusal with one more sentence at its end."""
    return ScimError(
        refusal.reason,
        refusal.status,
        refusal.scim_type,
        refusal.sentence + explanation,
        introduction=refusal.introduction,
        headers=refusal.headers,
        attribute=refusal.attribute,
    )


def invalid_filter(sentence: str) -> ScimError:
    return ScimError(Reason.INVALID_FILTER, 400, "invalidFilter", sentence, introduction="Filter refused: ")


def invalid_path(path: str, sentence: str) -> ScimError:
    introduction = f"Path {shown(path)} refused: "
    return ScimError(Reason.INVALID_PATH, 400, "invalidPath", sentence, introduction=introduction, attribute=path)


def invalid_value(sentence: str, reason: Reason = Reason.INVALID_VALUE, *, attribute: str = "") -> ScimError:
    return ScimError(reason, 400, "invalidValue", sentence, attribute=attribute)


def invalid_syntax(sentence: str, reason: Reason = Reason.INVALID_SYNTAX) -> ScimError:
    return ScimError(reason, 400, "invalidSyntax", sentence)


def missing_schema(urn: str) -> ScimError:
    return invalid_syntax(f'"schemas" must name {urn}.', Reason.MISSING_SCHEMA)


def foreign_schema(urn: str) -> ScimError:
    return invalid_value(f'"schemas" names {shown(urn)}, which has no place here.', Reason.FOREIGN_SCHEMA)


def unknown_attribute(name: str) -> ScimError:
    return invalid_value(
        f"{shown(name)} is not an attribute that this server knows. Remove it from the attribute mapping.",
        Reason.UNKNOWN_ATTRIBUTE,
        attribute=name,
    )


def strict_protocol(scim_type: str, subject: str, explanation: str) -> ScimError:
    """A client's own form, sent to a provider that accepts only that of the RFC."""
    sentence = f"{subject} is not as RFC 7643 and RFC 7644 have it:{explanation}"
    return ScimError(Reason.STRICT_PROTOCOL, 400, scim_type, sentence)


def not_storable() -> ScimError:
    return invalid_value(
        "A value is too large, or of a kind that cannot be stored. Nothing was changed.", Reason.NOT_STORABLE
    )


def resource_too_large(limit: int) -> ScimError:
    return invalid_value(
        f"The resource has more than {limit // 1024:,} KiB without its members: map fewer attributes.",
        Reason.RESOURCE_TOO_LARGE,
    )


def too_many_in_bulk(limit: int) -> ScimError:
    return ScimError(
        Reason.BULK_TOO_LONG, 413, "", f"A bulk request may hold {limit:,} operations at the most. Nothing was changed."
    )


def bulk_id_unresolved(bulk_id: str) -> ScimError:
    return ScimError(
        Reason.BULK_ID_UNRESOLVED,
        409,
        "",
        f"No resource was made for bulkId {shown(bulk_id)} in this request, so what refers to it cannot be done. "
        "See the result of the operation with that bulkId.",
    )


def unknown_members(ids: Sequence[str]) -> ScimError:
    return invalid_value(
        f"These members are not known to this provider: {_some(ids)}. Nothing was changed. Provision the users "
        "before their memberships; after a restart of provisioning they get their ids again.",
        Reason.UNKNOWN_MEMBERS,
    )


def deleted_members(ids: Sequence[str]) -> ScimError:
    return invalid_value(f"These members were deleted: {_some(ids)}. Nothing was changed.", Reason.DELETED_MEMBERS)


def nobody_left(ids: Sequence[str]) -> ScimError:
    return invalid_value(
        f"No member that the request names is there (such as {_some(ids[:3])}), so the group would lose all it has. "
        "Nothing was changed. To empty the group, send an empty list; else restart provisioning, so that the users "
        "are created again.",
        Reason.NO_MEMBER_LEFT,
    )


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 20} more" if len(ids) > 20 else ""
    return ", ".join(shown(sent[:100]) for sent in ids[:20]) + more


def invalid_cursor() -> ScimError:
    return ScimError(
        Reason.INVALID_CURSOR,
        400,
        "invalidCursor",
        "The cursor is not one of this provider's for this filter and order. Repeat the query with the cursor of its "
        "last answer, or begin anew with an empty one.",
    )


def expired_cursor(timeout_s: int) -> ScimError:
    return ScimError(
        Reason.EXPIRED_CURSOR,
        400,
        "expiredCursor",
        f"The cursor is older than {timeout_s // 3600} hours. Begin the query anew with an empty cursor.",
    )


def invalid_count(most: int, name: str = "count") -> ScimError:
    return ScimError(
        Reason.INVALID_COUNT, 400, "invalidCount", f'With a cursor, "{name}" must be a whole number from 0 to {most:,}.'
    )


def no_target(sentence: str) -> ScimError:
    return ScimError(Reason.NO_TARGET, 400, "noTarget", sentence)


def read_only(name: str) -> ScimError:
    return ScimError(
        Reason.READ_ONLY,
        400,
        "mutability",
        f'"{name}" is read-only: this server sets it. Remove it from the attribute mapping.',
        attribute=name,
    )


def immutable(name: str) -> ScimError:
    return ScimError(
        Reason.IMMUTABLE,
        400,
        "mutability",
        f'"{name}" is immutable: once it has a value, that stays. Remove it from the attribute mapping.',
        attribute=name,
    )


def required_removed(name: str) -> ScimError:
    return ScimError(
        Reason.REQUIRED_REMOVED,
        400,
        "mutability",
        f'"{name}" is required and cannot be removed; replace it instead.',
        attribute=name,
    )


def required_attribute(name: str) -> ScimError:
    return ScimError(
        Reason.REQUIRED_ATTRIBUTE,
        400,
        "invalidValue",
        f'"{name}" is required and has no value. Map a source attribute that is always filled to it.',
        attribute=name,
    )


def too_many(limit: int, what: str) -> ScimError:
    return ScimError(
        Reason.TOO_MANY, 400, "tooMany", f"More than {limit:,} {what} in one request: send fewer at a time."
    )


def too_costly(limit_s: float) -> ScimError:
    return ScimError(
        Reason.TOO_COSTLY,
        400,
        "tooMany",
        f"The request takes longer than {limit_s:g} seconds, so it was ended and changed nothing. Ask for less at a "
        "time: fewer comparisons in a filter, fewer members, fewer operations.",
    )


def left_over(cause: ScimError) -> ScimError:
    """An operation of a bulk request that was not begun, or undone, because the others had used up what there is."""
    return ScimError(
        Reason.LEFT_OVER,
        503,
        "",
        "Nothing of this operation was done, because the operations before it have used up what one request may use. "
        f"Send it again in another request. {cause.sentence}",
    )


def not_unique(attribute: str, resource_type: str, sent: str, differing: Sequence[str] = ()) -> ScimError:
    """`sent` is the value of the request. `differing`: in what the two values differ although they count as equal."""
    listed = " and ".join(filter(None, (", ".join(differing[:-1]), *differing[-1:])))
    explanation = f" (the two differ only in {listed}, which does not count)" if differing else ""
    return ScimError(
        Reason.NAME_TAKEN,
        409,
        "uniqueness",
        f"Another {resource_type} of this provider already has the {attribute} {shown(sent)}{explanation}. Match on "
        f"{attribute} instead of creating again, or give one of the two another value.",
        attribute=attribute,
    )


def not_found(resource_type: str, resource_id: str) -> ScimError:
    return ScimError(
        Reason.NOT_FOUND,
        404,
        "",
        f"{resource_type} {shown(resource_id)} is not known to this provider. If it was deleted here, restart "
        "provisioning so that it is created again.",
    )


def version_mismatch() -> ScimError:
    return ScimError(
        Reason.VERSION_MISMATCH,
        412,
        "",
        "The resource has changed since the version that If-Match names. Read it again and repeat the change.",
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean "userName"?`, or nothing when no known name is near."""
    near = nearest(name, known)
    return f' Did you mean "{near}"?' if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, without regard to case."""
    by_lower = {known_name.lower(): known_name for known_name in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def shown(text: str) -> str:
    """A text from a client in quotes, shortened and without control characters."""
    # A quote inside would end the quoted text for a reader, and for the console, which masks it for some.
    printable = "".join(char if char.isprintable() else "?" for char in text[:200]).replace('"', "'")
    return f'"{printable}{"…" if len(text) > 200 else ""}"'
