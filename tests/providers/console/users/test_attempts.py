"""Which requests about a user are still open, by the table of the module."""

import pytest

from providers.console.users.attempts import DELETION, SOMETHING, attempts_on
from providers.models import RequestLog
from scim.protocol.errors import Reason

FAILED, DONE = "rejected", "success"


def log(outcome: str, *asked: str, method: str = "PATCH", action: str = "update", reason: str = "") -> RequestLog:
    row = RequestLog(method=method, asked=list(asked), reason=reason)
    row.outcome, row.action = outcome, action
    return row


@pytest.mark.parametrize(
    ("newest_first", "wishes"),
    [
        ([log(FAILED, "title")], [{"title"}]),
        ([log(DONE, "title"), log(FAILED, "title")], []),
        ([log(DONE, "emails"), log(FAILED, "title")], [{"title"}]),
        ([log(DONE, "userName"), log(FAILED, "active", "userName")], [{"active"}]),
        ([log(DONE, "userName"), log(DONE, "active"), log(FAILED, "active", "userName")], []),
        ([log(DONE, "userName", method="PUT"), log(FAILED, "title")], []),
        ([log(DONE, method="DELETE", action="remove"), log(FAILED, "title")], []),
        ([log(DONE, "title"), log(FAILED, method="DELETE", action="remove")], [{DELETION}]),
        ([log(DONE, "title", method="PUT"), log(FAILED, method="DELETE", action="remove")], [{DELETION}]),
        ([log(FAILED)], [{SOMETHING}]),
        ([log(DONE, "title"), log(FAILED)], []),
        ([log(FAILED, "title"), log(FAILED, "active", action="disable")], [{"title"}, {"active"}]),
        ([log(FAILED, "title"), log(DONE, "title")], [{"title"}]),
        ([log(FAILED, "title", method="GET", action="look-up")], []),
    ],
)
def test_what_a_later_success_settles(newest_first, wishes):
    assert [attempt.wishes for attempt in attempts_on(newest_first)] == wishes


def test_the_same_wish_is_one_attempt_with_its_newest_reason():
    held, rejected = Reason.REMOVALS_HELD.value, Reason.REMOVALS_REJECTED.value
    rows = [log(FAILED, "active", action="disable", reason=reason) for reason in (rejected, rejected, held)]
    (attempt,) = attempts_on(rows)
    assert (attempt.log, attempt.count) == (rows[0], 2)
