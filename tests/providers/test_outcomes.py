"""The class of a response is the same in the counts and in the log's own columns."""

import pytest
from django.db import connection

from providers.outcomes import CHANGES, Outcome, is_failure, is_problem, outcome_of
from scim.protocol.errors import Reason

SET_BY = {Reason.REMOVALS_HELD: 503, Reason.PAUSED: 503, Reason.NOTHING_UNDERSTOOD: 200, Reason.LEFT_OVER: 503}


@pytest.mark.smoke
def test_the_database_classes_each_response_as_the_counts_do(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status, reason, method, providers_outcome(status::smallint, reason::varchar),"
            " providers_is_problem(status::smallint, reason::varchar, method::varchar, '')"
            " FROM generate_series(200, 599) status, unnest(%s::text[]) reason, unnest(ARRAY['GET', 'PATCH']) method",
            [["", *(reason.value for reason in Reason)]],
        )
        for status, reason, method, outcome, has_problem in cursor.fetchall():
            assert outcome == outcome_of(status, reason).value, (status, reason)
            if reason in SET_BY and status != SET_BY[reason]:
                continue  # these reasons come with one status only
            assert has_problem == is_problem(outcome, is_change=method in CHANGES), (status, reason, method)


def test_held_paused_and_throttled_are_three_outcomes_and_none_is_a_failure():
    found = [outcome_of(503, Reason.REMOVALS_HELD), outcome_of(503, Reason.PAUSED), outcome_of(429)]
    assert found == [Outcome.HELD, Outcome.PAUSED, Outcome.THROTTLED]
    assert all(is_problem(outcome, is_change=True) and not is_failure(outcome, is_change=True) for outcome in found)
    assert outcome_of(503, Reason.DATABASE_AWAY) == Outcome.ERROR
