"""Badges: a state in one word, with an icon and a tone, the same on every page."""

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from providers.console.frame.page import Text
from providers.states import Shown


@dataclass(frozen=True)
class Badge:
    """A state as word, icon and tone (ok, warn, bad, or "" for grey), so that it is never shown by colour alone."""

    word: Text
    icon: str
    tone: str = ""


def badge_of(state: Shown) -> Badge:
    """Return the badge of a state."""
    return Badge(state.label, state.icon, state.tone)


def render_badge(badge: Badge) -> SafeString:
    """Return a badge as HTML."""
    return render_to_string("console/frame/_badge.html", {"badge": badge})
