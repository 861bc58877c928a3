"""The tables of `make soak`."""

import pytest

from bench.soak import report
from bench.soak.load import Seen
from bench.soak.watch import Behind, Span


def seen(*took_ms: float, every_s: float = 1.0) -> list[Seen]:
    return [Seen(number * every_s, took / 1_000, "get") for number, took in enumerate(took_ms)]


@pytest.mark.parametrize(
    ("began", "ended", "windows"),
    [(0, 1_800, ((0, 300), (1_500, 1_800))), (100, 160, ((100, 110), (150, 160)))],
)
def test_the_windows_are_five_minutes_or_a_sixth(began, ended, windows):
    assert report.windows(began, ended) == windows


@pytest.mark.parametrize(("last", "is_met"), [(129.0, True), (131.0, False)])
def test_the_end_may_be_slower_than_the_beginning_by_three_tenths(last, is_met):
    target = report.latency(seen(*[100.0] * 10, *[500.0] * 40, *[last] * 10), 0, 60)
    assert target.is_met is is_met and target.measured.startswith(f"{last / 100:.2f} (p50 100")


@pytest.mark.parametrize(("took", "is_met"), [(0.1, True), (11.0, False)])
def test_a_request_that_is_answered_after_the_end_was_not_carried(took, is_met):
    assert report.carried(seen(*[took * 1_000] * 100), 1.0, 0, 100).is_met is is_met


@pytest.mark.parametrize(("end", "is_met"), [(109.0, True), (112.0, False)])
def test_memory_is_flat_if_the_largest_worker_of_the_end_is_hardly_larger(end, is_met):
    samples = {1: [(float(at), 100.0) for at in range(30)], 2: [(float(at), end) for at in range(30, 60)]}
    target = report.memory(samples, 0, 60)
    assert target.is_met is is_met and target.measured == f"100 → {end:.0f} (100 → 100, {end:.0f} → {end:.0f})"


@pytest.mark.parametrize(
    ("requests", "is_complete", "is_met"), [(299, True, True), (301, True, False), (10, False, False)]
)
def test_the_log_may_be_seconds_behind_and_must_become_complete(requests, is_complete, is_met):
    assert report.log([Behind(0.0, 5), Behind(1.0, requests)], 100, is_complete=is_complete).is_met is is_met


def test_housekeeping_that_never_ran_or_failed_does_not_keep_up():
    assert report.housekeeping([Span("the housekeeping", 0, 5)], []).is_met
    assert not report.housekeeping([], []).is_met
    assert not report.housekeeping([Span("the housekeeping", 0, 5)], ["purge: DataError"]).is_met
    assert not report.housekeeping([Span("the housekeeping", 0, 61)], []).is_met


def test_requests_are_compared_by_what_ran_meanwhile():
    spans = [Span("a checkpoint", 2.5, 4.5), Span("a burst", 9.95, 10.5)]
    text = report.causes(seen(*[10.0] * 3, 900.0, 900.0, *[10.0] * 4, 960.0), spans, 0, 20)
    rows = [line.split() for line in text.splitlines()[1:]]
    assert rows[0] == ["a", "burst", "1", "0.6", "1", "960", "960", "960"]
    assert rows[1] == ["a", "checkpoint", "1", "2.0", "2", "900", "900", "900"]
    assert rows[2] == ["none", "of", "these", "7", "10", "10", "10"]


def test_cpu_is_given_in_cores_and_for_each_request():
    rows = report.processors({"server": {7: [100.0, 600.0], 8: [0.0, 500.0]}}, 100, 2.0).splitlines()
    assert rows[1].split() == ["server", "0.50", "10.00"]


def test_a_target_that_is_missed_says_so():
    rows = report.table([report.count("errors", []), report.count("lost", ["a user"])]).splitlines()
    assert rows[1].split() == ["errors", "0", "yes", "0"] and rows[2].split() == ["lost", "0", "NO", "1"]
