"""A request's entries in the provisioning log: one, and for a bulk request one more for each operation.

An entry holds what the request asked for (`scim.protocol.intent`), whatever became of it. So support finds the user
of a rejected creation by name, and a disabling that was held back is a disabling everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.ids import parse_id
from providers.models import SyncedUser
from providers.outcomes import CHANGES, Action
from providers.redaction import MAX_BODY, Redactor, redact_text
from providers.request_log import Entry
from providers.tokens import Caller
from scim.api.parsers import read_unread_body
from scim.clients import LIBERAL
from scim.protocol.attributes import GROUP, USER
from scim.protocol.bulk import BulkOperation, read_bulk
from scim.protocol.errors import Reason, ScimError
from scim.protocol.intent import Asked, read_asked, refused_attributes
from scim.protocol.validation import Notes
from scim.protocol.values import comparison_key


@dataclass(frozen=True)
class Write:
    """One write: the request itself, or an operation of a bulk request. `resource_type` is "" for any other request."""

    method: str
    resource_type: str
    resource_id: str
    document: Any
    status: int
    error: ScimError | None = None
    notes: Notes = field(default_factory=Notes)
    duration_ms: float = 0.0
    response: bytes = b""


def entries_of(
    request: HttpRequest, response: HttpResponseBase, main: Write, *, intent: str, parts: Sequence[Write] | None
) -> list[Entry]:
    """Return the entries of a request, the request's own first.

    `intent` is the action of a request that writes no resource itself. `parts` are the operations of a bulk request,
    [] if it was refused as a whole, and None for any other request.
    """
    caller: Caller = request.caller  # type: ignore[attr-defined]
    if main.document is None and main.error and caller.token_state == "active" and not caller.is_deleted:
        main = replace(main, document=_unread_document(request))
    if main.status == 429:
        parts = None  # the operations of a throttled bulk request would make a thousand entries of one request
    own = entry_of(request, response, main, intent)
    if parts is None:
        return [own]
    operations = parts or _refused_operations(main)
    return [own, *(_part(own, caller, operation) for operation in operations)]


def _keeps_bodies(main: Write) -> bool:
    return main.status >= 400 or main.method in CHANGES


def entry_of(request: HttpRequest, response: HttpResponseBase | None, main: Write, intent: str) -> Entry:
    """Return the entry of a request as a whole. `response` is None while it is still running."""
    caller: Caller = request.caller  # type: ignore[attr-defined]
    redactor = Redactor()
    return Entry(
        id=request.request_id,  # type: ignore[attr-defined]
        at=timezone.now(),
        provider_id=caller.provider_id,
        token_id=caller.token_id,
        token_prefix=caller.token_prefix,
        method=main.method[:10],
        path=redactor.path(request.path_info),
        query=redactor.query(request.META.get("QUERY_STRING", "")),
        source_ip=caller.address,
        is_uncovered=not caller.is_covered,
        client_request_id=redactor.name(request.META.get("HTTP_CLIENT_REQUEST_ID", ""))[:100],
        request_body=_kept_body(request, redactor) if _keeps_bodies(main) and main.status != 429 else "",
        response_body=_kept_response(response, redactor) if _keeps_bodies(main) else "",
        **_cleaned(redactor, _outcome(main) | (_asked(caller, main) if not intent else {"intent": intent})),
    )


def _kept_response(response: HttpResponseBase | None, redactor: Redactor) -> str:
    """The body of a response, as the log keeps it. That of a group with very many members is in a file."""
    if response is None:
        return ""
    if isinstance(response, HttpResponse):
        return redactor.response(response.content)
    return f"(not kept: {int(response['Content-Length']):,} bytes)"


def _part(own: Entry, caller: Caller, operation: Write) -> Entry:
    """The entry of an operation. Its body is that operation's data alone."""
    redactor = Redactor()
    path = "/".join(["", f"{operation.resource_type}s", *filter(None, [operation.resource_id])])
    return replace(
        own,
        id=uuid7(),
        part_of=own.id,
        method=operation.method,
        path=redactor.path(path),
        query="",
        request_body=_document_body(operation.document, redactor),
        response_body=redactor.response(orjson.dumps(operation.error.body())) if operation.error else "",
        **_cleaned(redactor, _outcome(operation) | {"intent": ""} | _asked(caller, operation)),
    )


def _kept_body(request: HttpRequest, redactor: Redactor) -> str:
    """The request body for the log. It is read here only if nothing has read it as JSON before."""
    body = getattr(request, "scim_body", b"")
    if hasattr(request, "scim_document"):
        return redactor.request(body, request.scim_document)
    return redactor.request(body)


def _document_body(document: Any, redactor: Redactor) -> str:
    return "" if document is None else redactor.request(orjson.dumps(document), document)


# The columns that quote the request. Those that hold names of users keep them; tokens are taken out of all.
_OF_RESPONSE, _OF_ATTRIBUTES = ("detail",), ("ignored", "asked", "rejected")
_NAMES = ("subject", "display_name", "external_id")


def _cleaned(redactor: Redactor, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of an entry without secrets. The request's body comes first: its secrets are looked for here."""
    own = dict(columns)
    own |= {name: redactor.detail(own[name]) for name in _OF_RESPONSE if name in own}
    own |= {name: redactor.names(own[name]) for name in _OF_ATTRIBUTES if name in own}
    own |= {name: redact_text(own[name]) for name in _NAMES if name in own}
    if "subject" in own:
        own["subject_key"] = comparison_key(own["subject"])
    return own


def _outcome(write: Write) -> dict[str, Any]:
    error = write.error
    mark = Reason.NOTHING_UNDERSTOOD.value if write.notes.understood_nothing else ""
    return {
        "status": write.status,
        "reason": error.reason.value if error else mark,
        "scim_type": error.scim_type if error else "",
        "detail": error.detail if error else "",
        "duration_ms": round(write.duration_ms, 2),
        "resource_type": write.resource_type,
        "resource_id": parse_id(write.resource_id),
        "ignored": write.notes.ignored,
    }


def _asked(caller: Caller, write: Write) -> dict[str, Any]:
    if write.resource_type not in (USER.name, GROUP.name) or write.method not in ("POST", "PUT", "PATCH"):
        return {}
    asked = read_asked(write.method, write.document)
    subject = (asked.user_name if write.resource_type == USER.name else "") or asked.display_name
    return {
        "intent": _intent(caller, write, asked),
        "subject": subject,
        "display_name": asked.display_name,
        "external_id": asked.external_id,
        "asked": list(asked.attributes),
        "rejected": refused_attributes(write.error, asked),
    }


def _intent(caller: Caller, write: Write, asked: Asked) -> str:
    """The action, where the method alone does not show it; "" otherwise.

    A client that replaces a user repeats `active` with every other change. So this asks whether it would differ.
    """
    if write.method == "POST":
        return ""
    if write.resource_type == GROUP.name:
        is_about_members = write.notes.moves_members or (write.method == "PATCH" and "members" in asked.attributes)
        return Action.MEMBERS if is_about_members else ""
    if asked.active is None:
        return ""
    action = Action.ENABLE if asked.active else Action.DISABLE
    if asked.is_only_active:
        return action
    was_active = write.notes.was_active
    if was_active is None and write.status != 429:  # a throttled request costs no query
        was_active = _was_active(caller, write.resource_id)
    # Of a user that is not here, only the wish to disable is clear.
    differs = not asked.active if was_active is None else asked.active != was_active
    return action if differs else ""


def _was_active(caller: Caller, resource_id: str) -> bool | None:
    """Whether the user of a request that was refused early is active; None if there is no such user. One query."""
    parsed = parse_id(resource_id)
    try:
        found = SyncedUser.objects.of(caller.provider_id).filter(pk=parsed).values_list("active", flat=True).first()
    except DatabaseError:  # the log must not make a request fail
        return None
    return None if found is None else bool(found)


def _unread_document(request: HttpRequest) -> Any:
    """The body of a request that was refused before it was read: the caller is known, and support asks what it sent."""
    document = getattr(request, "scim_document", None)
    if document is not None or hasattr(request, "scim_body"):
        return document
    body = read_unread_body(request, MAX_BODY)
    request.scim_body = body  # type: ignore[attr-defined]
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _refused_operations(main: Write) -> Iterator[Write]:
    """The operations of a bulk request that was refused as a whole."""
    if main.error is None:
        return
    try:
        operations, _ = read_bulk(main.document, (USER, GROUP), LIBERAL)
    except ScimError:
        return
    for operation in operations:
        if isinstance(operation, BulkOperation):
            yield write_of(operation, main.status, main.error)


def write_of(operation: BulkOperation, status: int, error: ScimError | None, **more: Any) -> Write:
    """Return an operation of a bulk request as a write; `more` are further fields of `Write`."""
    own = {"resource_id": operation.resource_id} | more
    return Write(
        operation.method, operation.resource_type.name, document=operation.data, status=status, error=error, **own
    )
