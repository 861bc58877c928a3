"""The table of change events is complete: every row has what pages show of it."""

import re
from string import Formatter

import pytest
from django.conf import settings

from providers.events import EventKind

ICONS = (settings.BASE_DIR / "templates/console/frame/icons.html").read_text("utf-8")


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_its_word_icon_and_sentence(kind):
    assert str(kind.word) and kind.tone in {"", "ok", "warn", "bad"}
    assert f'id="i-{kind.icon}"' in ICONS
    fields = {name for _, name, _, _ in Formatter().parse(kind.sentence) if name}
    assert fields and fields <= {"actor", "subject"}


def test_words_in_the_menu_of_the_audit_are_not_mistaken_for_each_other():
    words = [str(kind.word) for kind in EventKind if kind.is_act]
    assert len(words) == len(set(words))


def test_what_only_directories_do_is_about_users_and_groups():
    assert {kind.value.partition(".")[0] for kind in EventKind if not kind.is_act} == {"resource", "group"}


def test_every_kind_is_recorded_somewhere():
    folders = [settings.BASE_DIR / name for name in ("providers", "scim", "iprova_idm")]
    code = "".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    used = set(re.findall(r"EventKind\.([A-Z_]+)", code))
    assert used == {kind.name for kind in EventKind}
