"""`manage.py housekeeping`."""

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError

from providers.housekeeping import JOBS
from providers.models import JobRun
from tests.pages import read


@pytest.mark.django_db
def test_a_job_that_fails_stops_no_other_and_is_shown_without_its_text(operator, monkeypatch):
    def forget_counts():
        raise DataError("Jane Doe's row")

    jobs = [forget_counts if job.__name__ == "forget_counts" else job for job in JOBS]
    monkeypatch.setattr("providers.management.commands.housekeeping.JOBS", [forget_counts, *jobs])
    with pytest.raises(CommandError, match="forget_counts"):
        call_command("housekeeping")
    assert JobRun.objects.filter(has_failed=False).count() == len(JOBS) - 1
    page = read(operator.get("/housekeeping/"))
    assert "Failed" in page.text
    assert "DataError" in page.text
    assert "Jane" not in page.source


def test_the_command_runs_all_jobs_and_may_run_twice(db, capsys):
    call_command("housekeeping")
    call_command("housekeeping")
    printed = capsys.readouterr().out
    assert printed.count("Purges users and groups deleted 30 days ago (empty_recycle_bin): 0 rows") == 2
    assert "Prepares storage for the next 6 months (make_partitions): all there" in printed
    assert len(printed.splitlines()) == 2 * len(JOBS)
