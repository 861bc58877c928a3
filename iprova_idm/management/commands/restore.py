"""`manage.py restore FILE` restores a backup into the database. The logic is in `iprova_idm.backups`."""

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from iprova_idm.backups import BackupError, check_backup, missing_migrations, restore_backup
from iprova_idm.management.progress import Progress


class Command(BaseCommand):
    help = "Check a backup and restore it into the database, as one transaction. Stop the server first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="only read the file and compare its checksums")
        parser.add_argument("--replace", action="store_true", help="replace all data of a database that has tables")
        parser.add_argument("--identity", type=Path, metavar="FILE", help="the private key of an age or SSH recipient")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started, path, progress = time.monotonic(), options["file"], Progress(self.stderr)
        known = {"identity": options["identity"], "progress": progress}
        try:
            manifest = check_backup(path, **known)
            if not options["check"]:
                restore_backup(path, manifest, replace=options["replace"], **known)
        except BackupError as error:
            raise CommandError(str(error)) from error
        done = {
            "file": str(path),
            "made_at": manifest["made_at"],
            "version": manifest["version"],
            "is_restored": not options["check"],
            "needs_migrate": bool(missing_migrations(manifest)),
            "seconds": round(time.monotonic() - started, 1),
            "tables": len(manifest["tables"]),
            "rows": sum(table["rows"] for table in manifest["tables"].values()),
        }
        if options["json"]:
            self.stdout.write(json.dumps(done))
            return
        act = "restored; every table is as it was saved" if done["is_restored"] else "complete and undamaged"
        self.stdout.write(
            "{file} of {made_at}, version {version}: {rows} rows of {tables} tables, {seconds} s; ".format(**done) + act
        )
        if done["needs_migrate"]:
            self.stdout.write("It is of an earlier version: run manage.py migrate before the server starts.")
