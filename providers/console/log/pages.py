"""The pages of the provisioning log: the list, one request, and its bodies for people who may read them."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from providers.activity import log_failure
from providers.audit import record_act
from providers.console.frame import access
from providers.console.frame.masking import mask_path
from providers.console.frame.page import Place, ago, clock, moment, short_id, show
from providers.console.frame.records import capped_count
from providers.console.history.changes import differences_of
from providers.console.log.described import Described, describe, detail_of
from providers.console.log.explanations import explain
from providers.console.log.query import TYPED, LogQuery, read_query
from providers.events import EventKind
from providers.ids import parse_id
from providers.models import JobRun, Provider, RequestLog, Resource, Token
from providers.outcomes import CHANGES, Outcome
from scim.protocol.errors import Reason

MAX_SHOWN_BODY = 200_000


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Show the newest requests, fifty at a time; a search for a request id leads to its own page (AC-LOG-3).

    A client's own id leads nowhere: another provider may have sent the same, so the list shows whose each request is.
    """
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    query = read_query(request.GET, can_see_names=can_see_names)
    if (found := find_request(query.sent.get("q", ""))) is not None:
        return HttpResponseRedirect(reverse("admin:log_entry", args=[found]))
    before, after = (parse_id(request.GET.get(name, "")) for name in ("before", "after"))
    page = query.page(before=before, after=after)
    rows = describe(page.rows, can_see_names=can_see_names)
    context = {
        "query": query,
        "rows": rows,
        "page": page,
        "is_newest": not (before or after),
        "now": clock(timezone.now(), timezone.now(), to="second"),
        "counted": query.counted,
        "typed_names": TYPED,
        "with_look_ups": f"{query.address()}{'&' if query.is_filtered else ''}lookups=1",
        "hidden": "" if query.shows_look_ups else _hidden(query),
        "days": settings.OPTIONS.request_log_days,
        "body_days": settings.OPTIONS.request_body_days,
        **_state_of_log(),
    }
    return show(request, "console/log/log.html", _("Provisioning log"), Place("log"), context)


def _state_of_log() -> dict[str, Any]:
    """When old rows were last dropped, and whether rows are being lost. Two queries."""
    run = JobRun.objects.filter(job="drop_partitions", has_failed=False).first()
    return {"lost": log_failure(), "cleared": ago(run.ran_at) if run else None}


def find_request(text: str) -> UUID | None:
    """Return the newest request with this id of ours, in full or as pages show it."""
    text = text.strip()
    if not text or "\0" in text or len(text) > 100:
        return None
    rows = RequestLog.objects.order_by("-id")
    own = parse_id(text)
    choices = [rows.filter(id=own)] if own else []
    choices += [rows.with_short_id(text[:8])] if re.fullmatch(r"[0-9a-fA-F]{8}…?", text) else []
    found = (choice.values_list("id", flat=True).first() for choice in choices)
    return next(filter(None, found), None)


def _hidden(query: LogQuery) -> str:
    """How many successful look-ups of the last 24 hours the default view leaves out; "" if none."""
    day = RequestLog.objects.since(timezone.now() - timedelta(hours=24))
    count = capped_count(day.filter(action="look-up", outcome=Outcome.SUCCESS))
    return "" if count == "0" else count


@require_safe
def log_entry(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show one request: what happened, who must act, what changed."""
    return _entry(request, _get(request_id))


@require_safe
def log_bodies(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show one request with both bodies. The audit records that they were opened (AC-LOG-8)."""
    for right in (access.VIEW_PAYLOAD, access.VIEW_PERSONAL):  # bodies hold whole values
        access.require(request, right, gettext_noop("to open request and response bodies"))
    row = _get(request_id)
    record_act(
        EventKind.BODIES_OPENED,
        access.actor_of(request),
        provider=Provider.objects.filter(pk=row.provider_id).first(),
        subject=f"{row.method} {row.path} ({row.id})",
    )
    bodies = {"request": as_html(row.request_body), "response": as_html(row.response_body)}
    return _entry(request, row, bodies=bodies)


def _get(request_id: UUID) -> RequestLog:
    row: RequestLog | None = RequestLog.objects.filter(pk=request_id).first()
    if row is None:
        raise Http404(_("There is no such request in the log."))
    return row


def _entry(request: HttpRequest, row: RequestLog, bodies: dict[str, SafeString] | None = None) -> HttpResponse:
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    [described] = describe([row], can_see_names=can_see_names)
    query = row.query if can_see_names or not row.query else "•••"
    path = row.path if can_see_names else mask_path(row.path)
    context = {
        "row": row,
        "described": described,
        "at": moment(row.at, to="second"),
        "explanation": explain(row),
        "detail": detail_of(row, described.provider, can_see_names=can_see_names),
        "address": f"{path}?{query}" if query else path,
        "path": path,
        "holder": _holder_of(row) if can_see_names and row.reason == Reason.NAME_TAKEN else None,
        "token": Token.objects.filter(pk=row.token_id or 0).first(),
        "changes": [(event, differences_of(event, can_see_names=can_see_names)) for event in described.events],
        "same": _same_problem(row),
        "names": {name: described.names(getattr(row, name)) for name in ("rejected", "asked", "ignored")},
        "can_see_bodies": can_see_names and access.may(request, access.VIEW_PAYLOAD),
        "bodies": bodies,
        "has_bodies": bool(row.request_body or row.response_body),
        "had_no_body": row.method in CHANGES and row.at > timezone.now() - _bodies_kept(),
        "bodies_end": moment(row.at + _bodies_kept(), to="day"),
        "bulk": row.part_of,
        "older": _neighbour(RequestLog.objects.notable().filter(id__lt=row.id).order_by("-id")),
        "newer": _neighbour(RequestLog.objects.notable().filter(id__gt=row.id).order_by("id")),
        "support_summary": support_summary_of(described),
    }
    place = Place("log", [(_("Provisioning log"), reverse("admin:log"))])
    return show(request, "console/log/log_entry.html", f"{described.action} {short_id(row.id)}", place, context)


def _bodies_kept() -> timedelta:
    return timedelta(days=settings.OPTIONS.request_body_days)


def _neighbour(rows: Any) -> UUID | None:
    found: UUID | None = rows.values_list("id", flat=True).first()
    return found


def _same_problem(row: RequestLog) -> str:
    """How often this provider got the same response in the 24 hours before; "" for a success."""
    if row.outcome == Outcome.SUCCESS:
        return ""
    before = RequestLog.objects.since(row.at - timedelta(hours=24)).filter(id__lte=row.id, outcome=row.outcome)
    return capped_count(before.of(row.provider_id).filter(status=row.status, reason=row.reason))


def _holder_of(row: RequestLog) -> Resource | None:
    """The user or group that has the name that a rejected request asked for."""
    if not row.subject_key:
        return None
    column = "display_name_key" if row.resource_type == "Group" else "user_name_key"
    of_type = Resource.objects.live().of(row.provider_id).filter(resource_type=row.resource_type)
    found: Resource | None = of_type.filter(**{column: row.subject_key}).first()
    return found


def support_summary_of(described: Described) -> str:
    """Return a text to paste into a support case: times and ids, nothing personal (AC-PER-7)."""
    row = described.log
    lines = [
        f"{described.action}: {row.status} {row.scim_type}".strip(),
        _("Time (UTC): %(time)s") % {"time": f"{row.at:%Y-%m-%d %H:%M:%S}"},
        _("Request id") + f": {row.id}",
        f"client-request-id: {described.client_request_id or '-'}",
        f"SCIM id: {row.resource_id or '-'}",
        _("Token") + f": {row.token_prefix}…",
    ]
    return "\n".join(lines)


_JSON_PART = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')


def as_html(body: str) -> SafeString:
    """Return a body as indented JSON with its parts marked up.

    A body above MAX_SHOWN_BODY characters gets no markup. One that is not complete JSON, or is nested too deep,
    is returned unchanged.
    """
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return escape(body)
    if len(text) > MAX_SHOWN_BODY:
        return escape(text)
    parts: list[str] = []
    end = 0
    for found in _JSON_PART.finditer(text):
        parts.append(escape(text[end : found.start()]))
        tag = ("b" if found[2] else "i") if found[1] else "em"
        parts.append(f"<{tag}>{escape(found[1] or found[0])}</{tag}>{found[2] or ''}")
        end = found.end()
    parts.append(escape(text[end:]))
    return mark_safe("".join(parts))  # noqa: S308 (every part is escaped above)
