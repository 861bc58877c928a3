"""Every recorded scenario of Entra ID, Okta and the others, over real HTTP against gunicorn."""

from typing import Any

import pytest

from tests.conformance.replay import SCENARIOS, play
from tests.factories import issue, make_provider


def test_the_scenarios_are_all_there():
    assert len({scenario["name"] for scenario in SCENARIOS}) == 95


@pytest.mark.smoke
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_scenario(scenario: dict[str, Any], server: str, committed: None):
    tokens = [issue(make_provider())[1] for _ in range(2)]
    assert play(scenario, f"{server}/scim", *tokens) == []
