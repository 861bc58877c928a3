"""`manage.py turn_off_two_step NAME` turns two-step sign-in off, for an administrator who lost phone and codes.

It is needed only if no other administrator can do it in the console.
"""

from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import ACCOUNT
from providers.management.script import ScriptCommand, actor, find_account
from providers.two_step import disable_two_step


class Command(ScriptCommand):
    help = "Turn off the two-step sign-in of a console account, which then signs in with its password alone."
    fields = ACCOUNT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def act(self, *, username: str, **options: Any) -> Any:
        account = find_account(username)
        disable_two_step(account, actor())
        return account
