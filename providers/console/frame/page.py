"""The parts that all pages of the console share: the frame, times and numbers, and dialogs.

A form is one template fragment. As a page of its own it is shown in the frame. If dialog.js asks for it (with the
header `X-Dialog`), the response is the fragment alone, for a native <dialog>. Both post to the same view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.zones import zone_of

Text = str | Promise
Crumb = tuple[Text, str]


@dataclass(frozen=True)
class Place:
    """The place of a page in the console: the tab of its section, and the crumbs above its title."""

    section: str
    crumbs: Sequence[Crumb] = ()


def frame(title: Text, place: Place) -> dict[str, Any]:
    """Return the context that `admin/base_site.html` needs."""
    crumbs: list[Crumb] = [(_("Application management"), reverse("admin:index"))]
    if place.section != "eum":
        crumbs.append((_("External user management"), reverse("admin:dashboard")))
    return {"title": title, "section": place.section, "crumbs": [*crumbs, *place.crumbs, (title, "")]}


def show(
    request: HttpRequest, template: str, title: Text, place: Place, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Return a page in the console's frame."""
    return render(request, template, {**frame(title, place), **context}, status=status)


def show_dialog(
    request: HttpRequest, fragment: str, title: Text, place: Place, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Return a form or a message: the fragment alone for dialog.js, otherwise in the console's frame."""
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
    """Return whether the request comes from dialog.js."""
    return "X-Dialog" in request.headers


def go_to(request: HttpRequest, url: str) -> HttpResponse:
    """Return the redirect after a form. dialog.js gets the address in a header: `fetch` would follow a redirect."""
    if is_for_dialog(request):
        return HttpResponse(status=204, headers={"X-Location": url, "Cache-Control": "no-store"})
    return HttpResponseRedirect(url)


def grouped(count: int) -> str:
    """Return a number with its thousands separated: `1,204`, in Dutch `1.204`."""
    return number_format(count, force_grouping=True)


def moment(at: datetime, *, to: str = "minute") -> SafeString:
    """Return a time in the viewer's zone as HTML, to the day, minute or second, such as `24 Nov 2026, 15:29 CET`.

    Except for a day, the title has the seconds and the time in UTC.
    """
    if to == "day":
        return format_html('<time datetime="{}">{}</time>', utc(at), date_format(localtime(at), str(_FORMATS["day"])))
    return _time(at, _zoned(at, str(_FORMATS[to])))


def ago(at: datetime, now: datetime | None = None) -> SafeString:
    """Return as HTML how long ago a time was; the title has the time itself."""
    if (now or timezone.now()) - at < timedelta(minutes=1):
        return _time(at, _("just now"))
    return _time(at, _("%(time)s ago") % {"time": timesince(at, now, depth=1)})


def clock(at: datetime, now: datetime, *, to: str = "minute") -> SafeString:
    """Return the shortest clear form of a time as HTML: `09:12 CET` today, `3 Nov, 16:20 CET` on any other day.

    `to` is "minute" or "second". The title has the whole time.
    """
    is_today = localtime(at).date() == localtime(now).date()
    today, before = ("H:i", _("j M, H:i")) if to == "minute" else ("H:i:s", _("j M, H:i:s"))
    return _time(at, _zoned(at, today if is_today else before))


def foot(request: HttpRequest) -> dict[str, Any]:
    """Return what the foot of each page shows: the viewer's time zone, and the time there."""
    now = timezone.now()
    address = settings.OPTIONS.base_url + request.get_full_path()  # never from the Host header (threat V56)
    return {"zone": timezone.get_current_timezone_name(), "zone_now": clock(now, now), "page_address": address}


# Date formats are translated too: Dutch writes months in lower case ("j b Y").
_FORMATS = {
    "day": gettext_lazy("j M Y"),
    "minute": gettext_lazy("j M Y, H:i"),
    "second": gettext_lazy("j M Y, H:i:s"),
}


def _time(at: datetime, said: str) -> SafeString:
    local = localtime(at)
    here = f"{date_format(local, str(_FORMATS['second']))} {zone_of(local)}"
    whole = f"{here}, {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', utc(at), whole, said)


def _zoned(at: datetime, form: str) -> SafeString:
    local = localtime(at)
    return format_html('{} <span class="zone">{}</span>', date_format(local, form), zone_of(local))


def utc(at: datetime) -> str:
    """Return a time in UTC for programs, such as `2026-11-24T14:29:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def short_id(long: UUID) -> str:
    """Return the last eight characters of an id: ids of about the same time begin alike (UUIDv7)."""
    return str(long)[-8:]
