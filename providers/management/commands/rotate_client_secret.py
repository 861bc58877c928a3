"""`manage.py rotate_client_secret CLIENT_ID` makes a new secret of a client, and prints its value once."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from providers.management.answers import NEW_SECRET
from providers.management.script import ScriptCommand, actor, hours
from providers.models import OAuthClient
from providers.oauth import rotate_secret


class Command(ScriptCommand):
    help = "Make a new secret of an OAuth client. Its value is shown only once. Of three live ones the oldest ends."
    subject = "client"
    fields = NEW_SECRET

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--overlap-hours",
            type=hours,
            default="168",
            metavar="N",
            help="how long the old secret still works; 0 ends it at once; the default is 168",
        )

    def act(self, *, client: OAuthClient, overlap_hours: timedelta, **options: Any) -> Any:
        return rotate_secret(client, actor(), overlap=overlap_hours)
