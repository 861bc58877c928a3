"""The home page of application management."""

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from providers.models import JobRun
from tests.pages import read


def test_the_home_page_says_how_many_jobs_need_attention(operator):
    assert "jobs need attention" in read(operator.get("/")).text
    call_command("housekeeping")
    assert "regular jobs, all done" in read(operator.get("/")).text
    JobRun.objects.filter(job="forget_counts").update(ran_at=timezone.now() - timedelta(hours=50))
    assert "job needs attention" in read(operator.get("/")).text
    assert "Overdue" in read(operator.get("/housekeeping/")).text
