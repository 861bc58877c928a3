"""`manage.py set_account NAME` changes the role or the names of a console account, disables or enables it."""

import argparse
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from providers.accounts import ROLES, change_account, role_of, set_active
from providers.console.accounts.pages import AccountForm
from providers.management.answers import ACCOUNT
from providers.management.script import ScriptCommand, actor, checked, find_account

NAMES = ("first_name", "last_name", "email")


class Command(ScriptCommand):
    help = "Change a console account. What is not named stays as it is."
    fields = ACCOUNT

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=ROLES)
        for name in NAMES:
            parser.add_argument(f"--{name.replace('_', '-')}", help=name.replace("_", " "))
        parser.add_argument(
            "--active", action=argparse.BooleanOptionalAction, help="whether the account can sign in; it is signed out"
        )

    @transaction.atomic
    def act(self, *, username: str, active: bool | None, **options: Any) -> Any:
        account = find_account(username)
        held = {name: getattr(account, name) for name in NAMES} | {"role": role_of(account)}
        given = {name: options[name] for name in held if options[name] is not None}
        if given:
            change_account(account, actor(), **checked(AccountForm(held | given)))
        if active is not None:
            set_active(account, actor(), is_active=active)
        return find_account(username)
