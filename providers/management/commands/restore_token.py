"""`manage.py restore_token PROVIDER [TOKEN]` ends the suspension of a token."""

from typing import Any

from providers import tokens
from providers.management.answers import TOKEN
from providers.management.script import ScriptCommand, actor
from providers.models import Token


class Command(ScriptCommand):
    help = "Accept requests with a suspended token again."
    subject = "token"
    fields = TOKEN

    def act(self, *, token: Token, **options: Any) -> Any:
        tokens.restore_token(token, actor())
        token.refresh_from_db()
        return token
