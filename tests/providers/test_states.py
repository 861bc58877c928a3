"""The tables of states are complete: every row has a word, an icon that exists and a tone."""

import pytest
from django.conf import settings

from providers.health import State
from providers.models import Status, TokenState
from providers.outcomes import Action, Outcome, Refusal

ICONS = (settings.BASE_DIR / "templates/console/frame/icons.html").read_text("utf-8")
TABLES = (Outcome, Refusal, Status, TokenState, State)


@pytest.mark.parametrize("state", [state for table in TABLES for state in table], ids=repr)
def test_every_state_has_its_word_icon_and_tone(state):
    assert str(state.label) and state.tone in {"", "ok", "warn", "bad"}
    assert f'id="i-{state.icon}"' in ICONS


@pytest.mark.parametrize("table", TABLES)
def test_the_words_of_a_table_are_not_mistaken_for_each_other(table):
    words = [str(state.label) for state in table]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_word_for_users_groups_and_menus(action):
    assert str(action.label)
    if action not in (Action.DISCOVER, Action.BULK, Action.SIGN_IN):
        assert "Unknown request" not in {action.of("User"), action.of("Group")}
    assert action.of("Device") == "Unknown request"
