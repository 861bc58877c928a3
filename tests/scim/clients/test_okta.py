"""Okta's habit is a fault that is ignored: what only the server sets is never written."""

import pytest

from scim.clients import LIBERAL, STRICT
from scim.clients.okta import HABITS


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.id)
def test_the_default_policy_ignores_it_and_strict_protocol_names_it(habit):
    assert habit.overlooks in LIBERAL.overlooks and habit.overlooks not in STRICT.overlooks
    assert habit.id in STRICT.explanations[habit.overlooks]
