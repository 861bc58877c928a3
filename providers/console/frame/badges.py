"""Badges: a state in one word, with an icon and a tone, the same on every page."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from providers.console.frame.page import Text
from providers.models import IpMode


@dataclass(frozen=True)
class Badge:
    """A status as word, icon and tone (ok, warn, bad, or none for grey): never by colour alone."""

    word: Text
    icon: str
    tone: str = ""


RESOURCE: Mapping[str, Badge] = {
    "active": Badge(gettext_lazy("Active"), "check", "ok"),
    "disabled": Badge(gettext_lazy("Disabled"), "slash", "bad"),
    "removed": Badge(gettext_lazy("Removed"), "trash"),
}

IP_MODE: Mapping[str, Text] = {
    IpMode.OFF: gettext_lazy("Off"),
    IpMode.OBSERVE: gettext_lazy("Observing"),
    IpMode.ENFORCE: gettext_lazy("Enforced"),
}


def render_badge(badge: Badge) -> SafeString:
    return render_to_string("console/frame/_badge.html", {"badge": badge})
