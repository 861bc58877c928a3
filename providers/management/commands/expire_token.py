"""`manage.py expire_token PROVIDER [TOKEN] --last-day DAY` sets until when a token works."""

from typing import Any

from django.core.management.base import CommandParser

from providers.console.provider.forms import ExpiryForm
from providers.management.answers import TOKEN
from providers.management.script import ScriptCommand, actor, checked, last_day
from providers.models import Token
from providers.tokens import set_expiry


class Command(ScriptCommand):
    help = "Set the last day on which a token works."
    subject = "token"
    fields = TOKEN

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--last-day", type=last_day, required=True, metavar="DAY", help="such as 2027-03-31, or never"
        )

    def act(self, *, token: Token, last_day: str, **options: Any) -> Any:
        set_expiry(token, actor(), expires_at=checked(ExpiryForm({"last_day": last_day}))["last_day"])
        token.refresh_from_db()
        return token
