"""`manage.py issue_token PROVIDER` issues a permanent token without the console and prints its value once."""

from typing import Any

from django.core.management.base import CommandParser

from providers.console.provider.forms import ExpiryForm
from providers.management.answers import NEW_TOKEN
from providers.management.script import ScriptCommand, actor, checked, last_day
from providers.models import Provider
from providers.tokens import issue_token


class Command(ScriptCommand):
    help = "Issue a permanent token to a provider. Its value is shown only once."
    subject = "provider"
    fields = NEW_TOKEN

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--label", default="", help="its name; the default is a number")
        parser.add_argument("--last-day", type=last_day, default="never", metavar="DAY", help="such as 2027-03-31")
        parser.add_argument(
            "--if-missing", action="store_true", help="change nothing if there is a live token; its value is not shown"
        )

    def act(self, *, provider: Provider, label: str, last_day: str, if_missing: bool, **options: Any) -> Any:
        held = provider.tokens.live().order_by("pk").last()
        if if_missing and held:
            return held, None
        expires_at = checked(ExpiryForm({"last_day": last_day}))["last_day"]
        return issue_token(provider, actor(), label=label[:100], expires_at=expires_at)
