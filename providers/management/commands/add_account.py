"""`manage.py add_account NAME` adds a console account and prints its first password once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError

from providers.accounts import ROLES, accounts, add_account
from providers.console.accounts.pages import NewAccountForm
from providers.management.answers import NEW_ACCOUNT
from providers.management.script import Exit, ScriptCommand, actor, checked


class Command(ScriptCommand):
    help = "Add a console account. Its password is shown only once and must be changed at the first sign-in."
    fields = NEW_ACCOUNT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=ROLES, default="Support", help="(default: Support)")
        for name in ("first_name", "last_name", "email"):
            parser.add_argument(f"--{name.replace('_', '-')}", default="", help=name.replace("_", " "))
        parser.add_argument(
            "--if-missing", action="store_true", help="change nothing if there is an account with this name"
        )

    def act(self, *, username: str, if_missing: bool, **options: Any) -> Any:
        held = accounts().filter(username=username).first() if if_missing else None
        if held:
            return held, None
        try:
            return add_account(actor(), **checked(NewAccountForm({"username": username, **options})))
        except IntegrityError as error:
            said = f"There is already a console account {username!r}."
            raise CommandError(said, returncode=Exit.CONFLICT) from error
