"""What one request may use."""

import pytest

from scim.clients import LIBERAL, STRICT
from scim.protocol import budget as budgets
from scim.protocol import paths
from scim.protocol.attributes import USER
from scim.protocol.budget import Budget
from scim.protocol.changes import apply_changes
from scim.protocol.errors import Reason, ScimError
from scim.protocol.patch import PATCH_SCHEMA, read_patch
from scim.protocol.validation import Notes


class Clock:
    """A clock that continues by `step` seconds each time somebody looks at it."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def patch_body(*operations):
    return {"Operations": list(operations)}


def title(value="x"):
    return {"op": "replace", "path": "title", "value": value}


def reason_of(act, *arguments):
    with pytest.raises(ScimError) as refused:
        act(*arguments)
    assert refused.value.scim_type == "tooMany"
    return refused.value.reason


def test_a_budget_without_limits_ends_nothing():
    budget = Budget()
    for _ in range(1_000):
        budget.spend_part()
        budget.spend_bytes(10**9)
    assert list(budget.timed("ab")) == ["a", "b"]
    assert budget.ended_by is None


def test_v40_each_limit_ends_the_request_and_is_remembered():
    for budget, act, reason in (
        (Budget(max_parts=1), lambda one: (one.spend_part(), one.spend_part()), Reason.TOO_MANY),
        (Budget(max_bytes=2**20), lambda one: one.spend_bytes(2**20 + 1), Reason.TOO_MANY),
        (Budget(seconds=1, clock=Clock(2)), Budget.check_time, Reason.TOO_COSTLY),
        (Budget(seconds=1, clock=Clock(2)), lambda one: list(one.timed("a")), Reason.TOO_COSTLY),
    ):
        assert reason_of(act, budget) is reason
        assert budget.ended_by.reason is reason


def test_h1_the_clock_is_looked_at_between_the_parts_of_a_patch():
    clock = Clock(0.4)
    budget = Budget(seconds=1, clock=clock)
    parts = [title() for _ in range(4 * budgets.PARTS_BETWEEN_LOOKS)]
    assert reason_of(read_patch, patch_body(*parts), USER, LIBERAL, Notes(), budget) is Reason.TOO_COSTLY
    assert budget.parts == 3 * budgets.PARTS_BETWEEN_LOOKS, "it stopped there"


def test_h1_the_clock_is_looked_at_between_the_changes_that_are_applied():
    budget = Budget(seconds=1, clock=Clock(0.4))
    changes = read_patch(patch_body(*[title()] * 5), USER, LIBERAL, Notes())
    user = {"userName": "a"}
    assert reason_of(apply_changes, user, budget.timed(changes), USER, LIBERAL) is Reason.TOO_COSTLY
    assert user == {"userName": "a"}


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "replace", "path": f"shoe{number}", "value": 1} for number in range(1_001)],
        [{"op": "replace", "value": {f"shoe{number}": 1 for number in range(1_001)}}],
        [{"op": "replace", "value": {f"shoe {number}": 1 for number in range(1_001)}}],
        [{"op": "add", "path": "name", "value": {f"shoe{number}": 1 for number in range(1_001)}}],
        [{"op": "add", "value": {"id": "x", f"shoe{number}": 1}} for number in range(501)],
    ],
)
def test_v65_h1_unknown_names_are_counted_too(operations):
    assert reason_of(read_patch, patch_body(*operations), USER, LIBERAL, Notes()) is Reason.TOO_MANY


def test_v65_h1_the_operations_are_counted_before_one_is_read():
    with pytest.raises(ScimError) as refused:
        read_patch(patch_body(*["no operation"] * 1_001), USER, LIBERAL, Notes())
    assert refused.value.reason is Reason.TOO_MANY


def test_v40_all_of_a_bulk_request_share_the_parts():
    budget = Budget(max_parts=2_500)
    for _ in range(2):
        read_patch(patch_body(*[title()] * 1_000), USER, LIBERAL, Notes(), budget)
    assert reason_of(read_patch, patch_body(*[title()] * 1_000), USER, LIBERAL, Notes(), budget) is Reason.TOO_MANY
    assert budget.ended_by is not None


def test_h1_nobody_looks_for_the_name_that_was_meant_unless_somebody_reads_it(monkeypatch):
    asked = []
    monkeypatch.setattr(paths, "did_you_mean", lambda name, known: asked.append(name) or "")
    body = patch_body(*[{"op": "replace", "path": f"titel{number}", "value": 1} for number in range(1_000)])
    body["schemas"] = [PATCH_SCHEMA]
    assert read_patch(body, USER, LIBERAL, Notes()) == []
    assert asked == []
    with pytest.raises(ScimError):
        read_patch(body, USER, STRICT, Notes())
    assert asked == ["titel0"]


def test_h1_added_values_are_not_compared_with_all_others_each_time(monkeypatch):
    """Work, not time: how often a value is folded to compare it."""
    from scim.protocol import validation

    folded = []
    real = validation.fold
    monkeypatch.setattr(validation, "fold", lambda *arguments: folded.append(1) or real(*arguments))
    user = {"userName": "a", "emails": [{"value": f"{number}@x"} for number in range(250)]}
    added = [{"op": "add", "path": "emails", "value": [{"value": f"new{number}@x"}]} for number in range(250)]
    result = apply_changes(user, read_patch(patch_body(*added), USER, LIBERAL, Notes()), USER, LIBERAL)
    assert len(result["emails"]) == 500
    assert len(folded) < 3_000, "250 + 250, and 500 at the end; before, 250 times 250 and more"


def test_additions_between_other_changes_find_what_is_there():
    user = {"userName": "a", "emails": [{"value": "1@x", "type": "work"}]}
    operations = [
        {"op": "add", "path": "emails", "value": [{"value": "2@x"}]},
        {"op": "add", "path": "emails", "value": [{"value": "2@X", "primary": True}]},
        {"op": "remove", "path": 'emails[value eq "1@x"]'},
        {"op": "add", "path": "emails", "value": [{"value": "1@x", "primary": True}]},
        {"op": "replace", "path": 'emails[value eq "1@x"].value', "value": "3@x"},
        {"op": "add", "path": "emails", "value": [{"value": "1@x"}, {"value": "3@x", "display": "three"}]},
    ]
    changed = apply_changes(user, read_patch(patch_body(*operations), USER, LIBERAL, Notes()), USER, LIBERAL)
    assert changed["emails"] == [
        {"value": "2@x", "primary": False},
        {"value": "3@x", "primary": True, "display": "three"},
        {"value": "1@x"},
    ]
