"""The commands about removals that are held back."""

from providers.management.script import Exit
from tests.providers.conftest import leave
from tests.providers.management.conftest import acts, ask, refusal


def test_each_decision_is_made_once_and_needs_its_situation(held):
    provider, client, people = held
    assert ask("show_removals", provider.pk)["held_at"] is None
    assert refusal("decide_removals", provider.pk, "allow")[0] == Exit.CONFLICT
    for person in people[4:7]:
        leave(client, person)
    shown = ask("show_removals", provider.pk)
    assert shown["held_at"] and (shown["waiting"], shown["allowed"]) == (2, 0)
    assert (ask("decide_removals", provider.pk, "allow")["waiting"], acts()[-1:]) == (0, ["removals.allowed"])
    assert leave(client, people[5]).status_code == 200
    assert ask("decide_removals", provider.pk, "hold-again")["allowed"] == 0
    assert leave(client, people[6]).status_code == 503
    assert ask("decide_removals", provider.pk, "reject")["rejected_at"]
    assert "nothing to decide" in refusal("decide_removals", provider.pk, "reject")[1]
    assert leave(client, people[6]).status_code == 403
    assert ask("decide_removals", provider.pk, "lift-rejection")["held_at"] is None
    assert leave(client, people[6]).status_code == 200


def test_the_limit_is_switched_off_for_hours(held):
    provider, client, people = held
    for person in people[4:6]:
        leave(client, person)
    off = ask("decide_removals", provider.pk, "switch-off", "--hours", 8)
    assert off["is_off"] and off["off_until"] and leave(client, people[5]).status_code == 200
    assert ask("decide_removals", provider.pk, "hold-again")["held_at"]
    assert ask("decide_removals", provider.pk, "end-hold")["held_at"] is None
    assert acts() == ["brake.released", "removals.held-again", "removals.hold-ended"]
    assert "invalid choice" in refusal("decide_removals", provider.pk, "switch-off", "--hours", 2)[1]
