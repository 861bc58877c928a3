"""`manage.py housekeeping` runs the regular jobs once. It is safe to run at any time, and repeatedly."""

import logging
import traceback
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.console.housekeeping import in_words
from providers.housekeeping import JOBS, due_jobs, run_job

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run the regular jobs: make and drop partitions, enforce retention, empty the recycle bin, send notices."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--due", action="store_true", help="run only the jobs that are due")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run each job even if another failed. Raises CommandError naming those that failed."""
        failed = []
        for job in due_jobs() if options["due"] else JOBS:
            try:
                self.stdout.write(in_words(job.__name__, run_job(job)))
            except Exception as error:
                # Without the error's text: a message of the database quotes personal data (V49).
                frames = "".join(traceback.format_tb(error.__traceback__))
                logger.error("housekeeping: %s: %s\n%s", job.__name__, type(error).__qualname__, frames)
                failed.append(job.__name__)
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}")
