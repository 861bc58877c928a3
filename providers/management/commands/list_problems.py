"""`manage.py list_problems` lists the users and groups that a directory could not provision, and why."""

from datetime import timedelta
from operator import attrgetter
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from providers.console.log.not_provisioned import DEFAULT_HOURS, rows_of
from providers.management.script import Fields, ScriptCommand, find_provider, span
from providers.problems import find_problems

MOST = 10_000

FIELDS: Fields = {
    "provider": lambda row: row.provider.title if row.provider else None,
    "resource_type": attrgetter("problem.resource_type"),
    "resource_id": attrgetter("problem.resource_id"),
    "name": attrgetter("label"),
    "user_name": attrgetter("problem.subject"),
    "external_id": attrgetter("problem.external_id"),
    "action": attrgetter("action"),
    "attempts": attrgetter("problem.attempts"),
    "first_at": attrgetter("problem.first_at"),
    "last_at": attrgetter("problem.last_at"),
    "resolved_at": attrgetter("problem.resolved_at"),
    "last_request": attrgetter("problem.last_id"),
    "status": attrgetter("problem.status"),
    "reason": attrgetter("problem.reason"),
    "why": attrgetter("why"),
}


class Command(ScriptCommand):
    help = "List the users and groups that a directory could not provision, and why, as the page Not provisioned does."
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", help="title or id: only this provider")
        parser.add_argument(
            "--since", type=span, default=f"{DEFAULT_HOURS // 24}d", help="such as 24h or 7d; the default is 30d"
        )
        parser.add_argument("--all", action="store_true", help="also those that are resolved")
        parser.add_argument("--most", type=int, default=1_000, help=f"how many rows (default: 1000, at most {MOST})")

    def act(self, *, provider: str | None, since: timedelta, most: int, **options: Any) -> Any:
        found = find_problems(
            timezone.now() - since,
            limit=max(1, min(most, MOST)),
            provider_id=find_provider(provider).pk if provider is not None else None,
            is_resolved=None if options["all"] else False,
        )
        return rows_of(found.problems, can_see_names=True)
