"""`manage.py housekeeping`: the regular jobs, once. Harmless to run at any time and twice."""

from typing import Any

from django.core.management.base import BaseCommand

from providers.housekeeping import JOBS, run_job


class Command(BaseCommand):
    help = "Make and drop record partitions, and purge what was deleted 30 days ago or is past its time."

    def handle(self, *args: Any, **options: Any) -> None:
        for job in JOBS:
            self.stdout.write(f"{job.__name__}: {run_job(job)}")
