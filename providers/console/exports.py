"""The page *Exports*: starting an export, its progress, and fetching its file.

A small export is written by the request that starts it, and the response leads straight to the file. Otherwise a
process of its own writes it and the page *Exports* shows the progress, so that no worker is held: starting that
process takes longer than the whole small export. An account has only its own exports. Its rights are checked when it
asks, when the file is written and when it is fetched.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from providers import exports as jobs
from providers import rate_limits
from providers.console.export import LISTS, count_rows, rows_under, write_file
from providers.console.frame import access
from providers.console.frame.badges import Badge, badge_of
from providers.console.frame.page import Place, Text, grouped, moment, show
from providers.models import KEPT, Export, ExportFailure, ExportState

# Written by the request itself, which takes a fraction of a second.
SMALL = 2_000
_SMALL_S = 10
_TYPE = "text/csv; charset=utf-8"
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


@require_POST
def export(request: HttpRequest, name: str, lists: Mapping[str, Any]) -> HttpResponse:
    """Start an export of the list `name` under the filters of the address.

    Raises PermissionDenied and Http404 as `rows_under` does.
    """
    count = count_rows(rows_under(request, name, lists, most=SMALL + 1), most=SMALL + 1)
    if count > SMALL and rate_limits.exports.take(request.user.pk):
        messages.error(request, _("You have started several exports. Wait half a minute, then start the next one."))
        return HttpResponseRedirect(reverse("admin:exports"))
    try:
        found, is_new = jobs.ask(
            request.user,
            listed=name,
            query=request.GET.urlencode(),
            language=get_language() or "",
            time_zone=timezone.get_current_timezone_name(),
            **{field: getattr(access.actor_of(request), field) for field in ("address", "request_id")},
        )
    except jobs.BusyError as error:
        messages.error(request, _busy(error))
        return HttpResponseRedirect(reverse("admin:exports"))
    if is_new and count <= SMALL:
        write_file(found.pk, lists, statement_s=_SMALL_S)
        found.refresh_from_db()
        if found.state == ExportState.DONE:
            return HttpResponseRedirect(reverse("admin:export_file", args=[found.pk]))
    elif is_new:
        try:
            jobs.start(found.pk)
        except OSError:
            jobs.fail(found.pk, ExportFailure.ERROR)
    return HttpResponseRedirect(reverse("admin:exports"))


def _busy(error: jobs.BusyError) -> str:
    if error.is_own:
        return _("Two of your exports are running. Wait until one has ended, or cancel it.")
    return _("%(count)s exports are running already. Start yours when one of them has ended.") % {
        "count": jobs.MOST_IN_ALL
    }


@dataclass(frozen=True)
class Row:
    """One export as the page shows it."""

    export: Export
    title: Text
    address: str
    filters: str
    badge: Badge
    failure: str
    rows: str
    size: str
    asked: SafeString
    expires: SafeString
    start_again: str

    @property
    def done(self) -> str:
        return grouped(self.export.row_count)

    @property
    def expected(self) -> str:
        return grouped(self.export.expected or 0)

    @property
    def is_running(self) -> bool:
        return self.export.state == ExportState.RUNNING

    @property
    def is_done(self) -> bool:
        return self.export.state == ExportState.DONE


@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """Show the person's own exports, newest first. Raises PermissionDenied without the right to export."""
    access.require(request, access.EXPORT, gettext_noop("to export"))
    rows = _rows(_own(request).order_by("-id"))
    context = {"rows": rows, "hours": int(KEPT.total_seconds() // 3_600), "most": jobs.MOST_KEPT}
    return show(request, "console/exports.html", _("Exports"), Place("exports"), context)


@require_safe
def export_progress(request: HttpRequest, export_id: int) -> HttpResponse:
    """Return the progress of an export. live.js asks for it; when the export has ended, it opens the page again."""
    access.require(request, access.EXPORT, gettext_noop("to export"))
    (row,) = _rows([_one(request, export_id)])
    response = render(request, "console/_export_progress.html", {"row": row})
    response["Cache-Control"] = "no-store"
    if not row.is_running:
        response["X-Live"] = "reload"
    return response


@require_safe
def export_file(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """Return the file of an export, or the part of it that the header `Range` names (RFC 9110 §14.2).

    The length is announced, so a browser reports a transfer that was cut off, and can resume it. Raises
    PermissionDenied if the person has lost a right since, and Http404 for an export that has no file.
    """
    access.require(request, access.EXPORT, gettext_noop("to export"))
    found = _one(request, export_id)
    access.require(request, LISTS[found.listed].right, gettext_noop("to export"))
    if found.has_names:
        access.require(request, access.VIEW_PERSONAL, gettext_noop("to export"))
    if found.state != ExportState.DONE:
        raise Http404(_("This export has no file."))
    etag = f'"{found.sha256}"'
    part = _range(request, etag)
    if part is None and _GZIP.search(request.headers.get("Accept-Encoding", "")):
        # A sixth of the bytes, as they are stored: quick to send, and little for the worker to keep for a slow client.
        response = StreamingHttpResponse(jobs.compressed(found), content_type=_TYPE)
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(jobs.compressed_size(found))
        return _as_file(response, found)
    first, last = (part[0], min(part[1], found.size - 1)) if part else (0, found.size - 1)
    if first > last:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{found.size}"})
    response = StreamingHttpResponse(jobs.contents(found, first, last), status=206 if part else 200, content_type=_TYPE)
    response["Content-Length"] = str(last - first + 1)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(found.sha256)).decode()}:"  # RFC 9530 §3
    if part:
        response["Content-Range"] = f"bytes {first}-{last}/{found.size}"
    return _as_file(response, found)


def _as_file(response: StreamingHttpResponse, export: Export) -> StreamingHttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    response["Cache-Control"] = "private, no-store"
    response["Vary"] = "Accept-Encoding"
    return response


def _range(request: HttpRequest, etag: str) -> tuple[int, int] | None:
    """The bytes that a request names; None if it wants the whole file, or knows another file."""
    sent = _RANGE.fullmatch(request.headers.get("Range", ""))
    if sent is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = int(sent[1]), int(sent[2] or 10**15)
    return (first, last) if first <= last else None


@require_POST
def delete_export(request: HttpRequest, export_id: int) -> HttpResponse:
    """Delete one of the person's own exports, or cancel it if it is running."""
    access.require(request, access.EXPORT, gettext_noop("to export"))
    found = _one(request, export_id)
    jobs.delete_export(found)
    said = _("The export was cancelled.") if found.state == ExportState.RUNNING else _("The export was deleted.")
    messages.success(request, said)
    return HttpResponseRedirect(reverse("admin:exports"))


def _own(request: HttpRequest) -> Any:
    return Export.objects.filter(owner_id=request.user.pk)


def _one(request: HttpRequest, export_id: int) -> Export:
    found: Export | None = _own(request).filter(pk=export_id).first() if export_id < 2**31 else None
    if found is None:
        raise Http404(_("There is no such export."))
    return found


def _rows(found: Iterable[Export]) -> list[Row]:
    listed = list(found)
    dead = jobs.interrupted([one for one in listed if one.state == ExportState.RUNNING])
    for one in listed:
        if one.pk in dead:
            one.state, one.failure = ExportState.FAILED, ExportFailure.INTERRUPTED
    return [_row(one) for one in listed]


def _row(export: Export) -> Row:
    is_done = export.state == ExportState.DONE
    listed = LISTS[export.listed]
    address = reverse(f"admin:{export.listed}")
    again = reverse("admin:export", args=[export.listed])
    filters = f"?{export.query}" if export.query else ""
    return Row(
        export=export,
        title=listed.title,
        address=f"{address}{filters}",
        filters=", ".join(f"{name}={value}" for name, value in QueryDict(export.query).items()),
        badge=badge_of(ExportState(export.state)),
        failure=str(ExportFailure(export.failure).label) if export.failure else "",
        rows=grouped(export.row_count) if is_done else "",
        size=filesizeformat(export.size) if is_done else "",
        asked=moment(export.asked_at),
        expires=moment(export.expires_at),
        start_again=f"{again}{filters}",
    )
