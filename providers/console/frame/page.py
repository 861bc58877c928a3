"""What every page of the console has: its frame, its times, and the way it becomes a dialog.

A form is one template fragment. As a page it stands in the frame; asked for by dialog.js (the
header `X-Dialog`) it is answered bare, and shown in a native <dialog>. Both post to the same view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise
Crumb = tuple[Text, str]


@dataclass(frozen=True)
class Place:
    """Where a page stands: the tab of the section and the crumbs above its title."""

    section: str
    crumbs: Sequence[Crumb] = ()


def frame(title: Text, place: Place) -> dict[str, Any]:
    """The context that `admin/base_site.html` needs."""
    crumbs: list[Crumb] = [(_("Application management"), reverse("admin:index"))]
    if place.section != "eum":
        crumbs.append((_("External user management"), reverse("admin:dashboard")))
    return {"title": title, "section": place.section, "crumbs": [*crumbs, *place.crumbs, (title, "")]}


def show(
    request: HttpRequest, template: str, title: Text, place: Place, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    return render(request, template, {**frame(title, place), **context}, status=status)


def show_dialog(
    request: HttpRequest, fragment: str, title: Text, place: Place, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A form or a message: bare for dialog.js, in the page's frame for everybody else."""
    is_dialog = is_for_dialog(request)
    template = "console/frame/dialog.html" if is_dialog else "console/frame/form_page.html"
    response = render(
        request,
        template,
        {**frame(title, place), **context, "fragment": fragment, "is_dialog": is_dialog},
        status=status,
    )
    if is_dialog:
        response["X-Dialog"] = "shown"
    response["Cache-Control"] = "no-store"
    return response


def is_for_dialog(request: HttpRequest) -> bool:
    return "X-Dialog" in request.headers


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """The way on after a form: dialog.js is told the address, since `fetch` would follow a redirect unseen."""
    if is_for_dialog(request):
        return HttpResponse(status=204, headers={"X-Location": url, "Cache-Control": "no-store"})
    return HttpResponseRedirect(url)


def grouped(count: int) -> str:
    """`1,204`, in Dutch `1.204`."""
    return number_format(count, force_grouping=True)


def moment(at: datetime, *, to: str = "minute") -> SafeString:
    """A time as people read it here, to the day, minute or second, with the same time in UTC for machines."""
    return format_html('<time datetime="{}">{}</time>', _utc(at), _local(at, to))


def ago(at: datetime, now: datetime | None = None) -> SafeString:
    """How long ago; the time itself is in the title."""
    said = _("%(time)s ago") % {"time": timesince(at, now, depth=1)}
    return format_html('<time datetime="{}" title="{}">{}</time>', _utc(at), _local(at), said)


def clock(at: datetime, now: datetime, *, to: str = "minute") -> SafeString:
    """The shortest that is clear, to the minute or second: `09:12` today, `3 Nov, 16:20` before."""
    is_today = localtime(at).date() == localtime(now).date()
    today, before = ("H:i", _("j M, H:i")) if to == "minute" else ("H:i:s", _("j M, H:i:s"))
    said = date_format(localtime(at), today if is_today else before)
    return format_html('<time datetime="{}" title="{}">{}</time>', _utc(at), _local(at, to), said)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Django's date formats are texts too: Dutch has its months in small letters ("j b Y").
_FORMATS = {
    "day": gettext_lazy("j M Y"),
    "minute": gettext_lazy("j M Y, H:i"),
    "second": gettext_lazy("j M Y, H:i:s"),
}


def _local(at: datetime, to: str = "minute") -> str:
    return date_format(localtime(at), str(_FORMATS[to]))


def short_id(long: UUID) -> str:
    """The end of an id: UUIDv7s of one moment begin alike."""
    return str(long)[-8:]
