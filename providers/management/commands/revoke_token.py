"""`manage.py revoke_token PROVIDER [TOKEN]` revokes a token."""

from typing import Any

from providers import tokens
from providers.management.answers import TOKEN
from providers.management.script import ScriptCommand, actor
from providers.models import Token


class Command(ScriptCommand):
    help = "Revoke a token for good: the next request with it gets 401."
    subject = "token"
    fields = TOKEN

    def act(self, *, token: Token, **options: Any) -> Any:
        tokens.revoke_token(token, actor())
        token.refresh_from_db()
        return token
