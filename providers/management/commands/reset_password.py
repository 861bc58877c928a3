"""`manage.py reset_password NAME` sets a new random password of a console account and prints it once."""

from typing import Any

from django.core.management.base import CommandParser

from providers.accounts import reset_password
from providers.management.answers import NEW_ACCOUNT
from providers.management.script import ScriptCommand, actor, find_account


class Command(ScriptCommand):
    help = "Set a new password of a console account, which is shown only once. All its sessions end."
    fields = NEW_ACCOUNT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def act(self, *, username: str, **options: Any) -> Any:
        account = find_account(username)
        return account, reset_password(account, actor())
