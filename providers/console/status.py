"""How a provider, a resource or a token is doing, in one badge; the same object on every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from providers.console.page import Badge, Text, ago, moment
from providers.models import IpMode, Provider

PAUSED = Badge(_("Paused"), "pause")
NOT_CONNECTED = Badge(_("Not connected"), "plug")
# Says no more than that it called: how it fares takes the log.
CONNECTED = Badge(_("Connected"), "check")

RESOURCE: Mapping[str, Badge] = {
    "active": Badge(_("Active"), "check", "ok"),
    "disabled": Badge(_("Disabled"), "slash", "bad"),
    "removed": Badge(_("Removed"), "trash"),
}
TOKEN: Mapping[str, Badge] = {
    "active": Badge(_("Active"), "check", "ok"),
    "suspended": Badge(_("Suspended"), "pause"),
    "expired": Badge(_("Expired"), "clock", "warn"),
    "revoked": Badge(_("Revoked"), "slash"),
}
IP_MODE: Mapping[str, Text] = {
    IpMode.OFF: _("Off"),
    IpMode.OBSERVE: _("Observing"),
    IpMode.ENFORCE: _("Enforced"),
}


@dataclass(frozen=True)
class Status:
    badge: Badge
    sentence: SafeString


def provider_status(provider: Provider) -> Status:
    """Of a provider with its figures (`providers.console.providers.with_figures`)."""
    last_contact: Any = provider.last_contact  # type: ignore[attr-defined]
    if provider.paused_at:
        said = gettext("Paused since {time}. Requests get 503.")
        return Status(PAUSED, format_html(said, time=moment(provider.paused_at)))
    if last_contact is None:
        return Status(NOT_CONNECTED, escape(gettext("Waiting for the first request.")))
    return Status(CONNECTED, format_html(gettext("Last contact {time}."), time=ago(last_contact)))


def render_badge(badge: Badge) -> SafeString:
    return render_to_string("console/_badge.html", {"badge": badge})
