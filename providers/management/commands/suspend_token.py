"""`manage.py suspend_token PROVIDER [TOKEN]` suspends a token."""

from typing import Any

from providers import tokens
from providers.management.answers import TOKEN
from providers.management.script import ScriptCommand, actor
from providers.models import Token


class Command(ScriptCommand):
    help = "Refuse requests with a token until restore_token."
    subject = "token"
    fields = TOKEN

    def act(self, *, token: Token, **options: Any) -> Any:
        tokens.suspend_token(token, actor())
        token.refresh_from_db()
        return token
