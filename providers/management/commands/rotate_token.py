"""`manage.py rotate_token PROVIDER [TOKEN]` issues the token that replaces one, and prints its value once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import NEW_TOKEN
from providers.management.script import ScriptCommand, actor, span
from providers.models import Token
from providers.tokens import rotate_token


class Command(ScriptCommand):
    help = "Replace a token. The value of the new one is shown only once."
    subject = "token"
    fields = NEW_TOKEN

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--overlap",
            type=span,
            default="7d",
            help="how long the old token still works, such as 24h or none; the default is 7d",
        )

    def act(self, *, token: Token, overlap: timedelta, **options: Any) -> Any:
        return rotate_token(token, actor(), overlap=overlap)
