"""`manage.py housekeeping`: the regular jobs, once. Harmless to run at any time and twice."""

import logging
import traceback
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.housekeeping import JOBS, due_jobs, run_job

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Make and drop record partitions, purge what was deleted 30 days ago or is past its time, and send notices."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--due", action="store_true", help="only the jobs whose time has come")

    def handle(self, *args: Any, **options: Any) -> None:
        """One job's failure keeps none of the others from running. Raises CommandError naming those that failed."""
        failed = []
        for job in due_jobs() if options["due"] else JOBS:
            try:
                self.stdout.write(f"{job.__name__}: {run_job(job)}")
            except Exception as error:
                # Not its text: a database's message quotes people's data (V49).
                frames = "".join(traceback.format_tb(error.__traceback__))
                logger.error("housekeeping: %s: %s\n%s", job.__name__, type(error).__qualname__, frames)
                failed.append(job.__name__)
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}")
