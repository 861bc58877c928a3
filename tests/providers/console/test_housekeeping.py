"""The page of the jobs: the last run of each."""

from django.core.management import call_command

from providers.console.housekeeping import rows
from providers.housekeeping import JOBS
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
