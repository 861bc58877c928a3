"""Badges: a state in one word, with an icon and a tone, the same on every page."""

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from providers.console.frame.page import Text
from providers.states import Shown


@dataclass(frozen=True)
class Badge:
    """A status as word, icon and tone (ok, warn, bad, or none for grey): never by colour alone."""

    word: Text
    icon: str
    tone: str = ""


def badge_of(state: Shown) -> Badge:
    return Badge(state.label, state.icon, state.tone)


def render_badge(badge: Badge) -> SafeString:
    return render_to_string("console/frame/_badge.html", {"badge": badge})
