"""Badges: a state as a word, an icon and a tone."""

from providers.console.frame.badges import Badge, badge_of, render_badge
from providers.models import Status
from tests.pages import read


def test_a_badge_shows_word_and_icon_of_its_state_and_escapes_the_word():
    assert badge_of(Status.DISABLED) == Badge(Status.DISABLED.label, "slash", "bad")
    badge = read(render_badge(Badge("<b>Off</b>", "slash", "bad"))).one(class_="badge")
    assert badge.text == "<b>Off</b>" and "bad" in badge["class"].split()
    assert badge.one("use")["href"] == "#i-slash"
