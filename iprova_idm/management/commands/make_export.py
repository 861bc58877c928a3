"""`manage.py make_export ID` writes the file of an export. The console starts it (`providers.exports.start`)."""

import logging
import os
import signal
import traceback
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from providers import exports
from providers.console.export import write_file
from providers.console.site import site

WRITING = "writing"

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Write the file of an export that was started in the console."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("export_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, with less priority than the workers, and for at most an hour."""
        os.nice(10)
        signal.signal(signal.SIGALRM, _stop)
        signal.alarm(exports.LONGEST_S)
        # The rows are read in one transaction, so a pooler in transaction mode keeps its connection and the cursor.
        connections.settings["default"]["DISABLE_SERVER_SIDE_CURSORS"] = False
        connections.settings[WRITING] = connections.settings["default"]
        try:
            write_file(options["export_id"], site.lists, using=WRITING)
        except Exception as error:
            # Without the error's text: a message of the database quotes personal data (V49).
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("export %s: %s\n%s", options["export_id"], type(error).__qualname__, frames)
            raise SystemExit(1) from None


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise exports.TooLongError
