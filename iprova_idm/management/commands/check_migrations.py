"""`manage.py check_migrations` refuses a migration that is not safe while the old version still runs.

django-migration-linter reads the SQL of each migration: a column or table that is dropped or renamed, NOT NULL without
a default, an index that is not built CONCURRENTLY, a changed type. A migration that needs one of these gives the reason
in a comment `# unsafe-migration: …`. Those up to `LANDED` are exempt: they are older than this check.

The linter is a package for developing, so it is imported only here, and no migration imports it.
"""

import re
from io import StringIO
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

LANDED = "0029_sought"
MARK = re.compile(r"^\s*# unsafe-migration: \S.{10,}$", re.MULTILINE)


class Command(BaseCommand):
    help = "Refuse migrations that are not safe while the old version runs, unless a comment says why."

    def handle(self, *args: Any, **options: Any) -> None:
        names = sorted(path.stem for path in (settings.BASE_DIR / "providers" / "migrations").glob("0*.py"))
        later = [name for name in names if name > LANDED]
        problems = [problem for name in later for problem in problems_of(name)]
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"{len(later)} migrations after {LANDED} are safe, or their comments say why they are not.")


def problems_of(name: str, app: str = "providers") -> list[str]:
    """Return what is unsafe in a migration, as sentences. None if its comment says why."""
    from django_migration_linter.sql_analyser.analyser import analyse_sql_statements, get_sql_analyser_class

    path = settings.BASE_DIR / app / "migrations" / f"{name}.py"
    if MARK.search(path.read_text()):
        return []
    errors, _ignored, warnings = analyse_sql_statements(get_sql_analyser_class("postgresql"), sql_of(app, name))
    return [f"{name}: {found.message}" for found in (*errors, *warnings)]


def sql_of(app: str, name: str) -> list[str]:
    """Return the statements of a migration."""
    out = StringIO()
    call_command("sqlmigrate", app, name, stdout=out)
    return [line for line in out.getvalue().splitlines() if line and not line.startswith("--")]
