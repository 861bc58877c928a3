"""The table of `make failover`."""

import pytest

from failover.history import Fault, Problem, Verdict
from failover.load import History
from failover.report import Result, longest_pause, summary, table


@pytest.mark.parametrize(
    ("acknowledged", "pause"),
    [
        ([9.5, 10.5, 11.5], 8.5),  # nothing until the end of the round
        ([9.9, 10.2, 14.2, 14.4, 19.9], 5.5),
        ([9.0, 16.0, 16.5, 17.0, 19.0], 7.0),  # the pause began before the fault
        ([], 10.0),
    ],
)
def test_the_longest_pause_is_between_two_acknowledged_writes_of_a_round(acknowledged, pause):
    assert longest_pause(acknowledged, 10.0, 20.0) == pytest.approx(pause)


def test_what_is_lost_or_wrong_counts_for_the_fault_in_whose_time_it_was():
    results = [Result("dead leader", 10, 0, 10), Result("partition", 15, 10, 20), Result("dead leader", 10, 20, 30)]
    history = History(
        acknowledged=[float(second) for second in range(31)], wrong=[(25.0, "GET /Users: 500")], unanswered=[15.0]
    )
    verdict = Verdict((Problem(Fault.LOST, "c1", 12.0), Problem(Fault.STALE, "c2", 13.0)), ())
    rows = [line.split() for line in table(results, history, verdict).splitlines()[2:]]
    assert rows == [
        ["dead", "leader", "2", "0", "1", "0", "1.0", "1.0", "10"],
        ["partition", "1", "1", "1", "1", "1.0", "1.0", "15"],
    ]
    told = summary(history, verdict, 5, 0)
    assert "no serial order explains it" in told and "wrong answer: GET /Users: 500" in told
