"""What the demo prints: progress, and the table of requests."""

import io

from iprova_idm.demo.report import Progress, summary
from iprova_idm.demo.wire import Exchange


def test_summary_counts_statuses_and_times() -> None:
    exchanges = [Exchange("Probe", 200, 1.0), Exchange("Create user", 201, 4.0), Exchange("Create user", 409, 2.0)]
    lines = [line.split() for line in summary(exchanges).splitlines()]
    assert lines[2] == ["Probe", "1", "200", "1", "1.0"]
    assert lines[3] == ["Create", "user", "2", "201:", "1,", "409:", "1", "6", "3.0"]
    assert lines[5] == ["All", "3", "200:", "1,", "201:", "1,", "409:", "1", "7", "2.0"]


def test_progress_is_one_line_on_a_terminal_that_fits_80_columns() -> None:
    stream = io.StringIO()
    assert list(Progress(stream, is_terminal=True).track("A month later: deletions", range(500))) == [*range(500)]
    assert stream.getvalue().count("\n") == 1
    assert max(map(len, stream.getvalue().replace("\n", "\r").split("\r"))) < 80
    assert stream.getvalue().rstrip().endswith("500/500      0.0 s")


def test_progress_is_a_line_a_phase_elsewhere_and_nothing_without_items() -> None:
    stream = io.StringIO()
    progress = Progress(stream, is_terminal=False)
    assert [*progress.track("Users", "abc"), *progress.track("Nobody", "")] == ["a", "b", "c"]
    assert stream.getvalue().split() == ["Users", "3", "0.0", "s"]
