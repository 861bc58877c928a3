"""`manage.py turn_off_two_step NAME` turns two-step sign-in off, for an administrator who lost phone and codes.

It is needed only if no other administrator can do it in the console.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from providers.events import SYSTEM
from providers.management.script import ScriptCommand
from providers.plain_text import one_line
from providers.two_step import disable_two_step


class Command(ScriptCommand):
    help = "Turn off the two-step sign-in of a console account, which then signs in with its password alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        account = get_user_model()._default_manager.filter(username=options["username"]).first()
        if account is None:
            raise CommandError(f"There is no console account {options['username']!r}.")
        disable_two_step(account, SYSTEM)
        self.stdout.write(f"{one_line(account.get_username())} signs in with the password alone.")
