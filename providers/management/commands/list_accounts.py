"""`manage.py list_accounts` lists the console accounts."""

from operator import attrgetter
from typing import Any

from providers.accounts import accounts
from providers.management.answers import ACCOUNT
from providers.management.script import ScriptCommand


class Command(ScriptCommand):
    help = "List the console accounts with their roles."
    fields = {**ACCOUNT, "has_two_step": attrgetter("has_two_step")}

    def act(self, **options: Any) -> Any:
        return list(accounts())
