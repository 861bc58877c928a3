"""Housekeeping: each job's last run is on a page, and what is wrong on the home page too."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError
from django.utils import timezone

from providers import housekeeping
from providers.console.housekeeping import rows
from providers.housekeeping import JOBS, run_job
from providers.models import JobRun
from tests.factories import make_provider
from tests.pages import read


def test_each_job_tells_when_it_ran_and_what_it_did(operator, django_assert_num_queries):
    assert read(operator.get("/housekeeping/")).text.count("Never ran") == len(JOBS)
    call_command("housekeeping")
    page = read(operator.get("/housekeeping/"))
    assert page.text.count("Done") == len(JOBS)
    assert "all there" in page.text and "0 rows" in page.text
    assert "deleted 30 days ago" in page.text
    with django_assert_num_queries(1):
        assert not any(row.needs_care for row in rows())


def test_the_home_page_says_how_many_jobs_need_attention(operator):
    assert "jobs need attention" in read(operator.get("/")).text
    call_command("housekeeping")
    assert "regular jobs, all done" in read(operator.get("/")).text
    JobRun.objects.filter(job="forget_counts").update(ran_at=timezone.now() - timedelta(hours=50))
    assert "job needs attention" in read(operator.get("/")).text
    assert "Overdue" in read(operator.get("/housekeeping/")).text


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


def test_rows_are_counted_over_batches(db, monkeypatch):
    monkeypatch.setattr(housekeeping, "BATCH", 1)
    for _ in range(2):
        provider = make_provider()
        provider.deleted_at = timezone.now() - timedelta(days=31)
        provider.save()
    run_job(housekeeping.purge_providers)
    run = JobRun.objects.get()
    assert (run.job, run.result, run.has_failed) == ("purge_providers", "2", False)
