"""`manage.py backup FILE` saves all of the database in one file. The logic is in `iprova_idm.backups`."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from iprova_idm.backups import BackupError, default_name, make_backup
from iprova_idm.management.progress import Progress
from providers.management.script import ScriptCommand


class Command(ScriptCommand):
    help = "Save all of the database in one file, which restore checks. It can run while the server works."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that does not exist, or a folder for one with the time")
        parser.add_argument(
            "--recipient",
            default=settings.OPTIONS.backup_recipient,
            metavar="KEY",
            help="encrypt for this age recipient, SSH key or GnuPG key (default: BACKUP_RECIPIENT)",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started, path, recipient = time.monotonic(), options["file"], options["recipient"]
        if path.is_dir():
            path = path / default_name(recipient, datetime.now(UTC))
        try:
            manifest = make_backup(path, recipient=recipient, progress=Progress(self.stderr))
        except BackupError as error:
            raise CommandError(str(error)) from error
        made = {
            "file": str(path),
            "bytes": path.stat().st_size,
            "is_encrypted": bool(recipient),
            "seconds": round(time.monotonic() - started, 1),
            "tables": len(manifest["tables"]),
            "rows": sum(table["rows"] for table in manifest["tables"].values()),
        }
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write("{file}: {rows} rows of {tables} tables, {bytes} bytes, {seconds} s".format(**made))
