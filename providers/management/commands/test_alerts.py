"""`manage.py test_alerts` sends a test to those who are told about a provider, or about the installation."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from providers.alerts import send_test, shown_target
from providers.management.script import Exit, Fields, ScriptCommand, find_provider
from providers.models import Alert

FIELDS: Fields = {
    "to": lambda alert: shown_target(alert.target),
    "sent_at": lambda alert: alert.sent_at,
    "error": lambda alert: " ".join(filter(None, [alert.error, alert.detail])) or None,
}


class Command(ScriptCommand):
    help = "Send a test to those who are told. It exits with 1 if one of them cannot be reached."
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", help="title or id; without it, for the installation")

    def handle(self, *args: Any, **options: Any) -> None:
        self.sent: list[Alert] = []
        super().handle(*args, **options)
        if failed := sum(alert.sent_at is None for alert in self.sent):
            raise CommandError(f"{failed} of {len(self.sent)} could not be sent.", returncode=Exit.FAILED)

    def act(self, *, provider: str | None, **options: Any) -> Any:
        self.sent = send_test(find_provider(provider) if provider is not None else None)
        return self.sent
