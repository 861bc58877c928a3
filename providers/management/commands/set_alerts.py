"""`manage.py set_alerts` sets who is told about a provider, or about the installation."""

import argparse
from operator import attrgetter
from typing import Any

from django.core.management.base import CommandParser

from providers.alerts import change_recipients, settings_for, shown_target
from providers.console.provider.alerts import AlertForm
from providers.management.script import Fields, ScriptCommand, actor, checked, find_provider

FIELDS: Fields = {
    "provider_id": lambda found: found.pk or None,
    "addresses": attrgetter("addresses"),
    "webhook": lambda found: shown_target(found.webhook) if found.webhook else None,
    "has_digest": attrgetter("has_digest"),
}


class Command(ScriptCommand):
    help = "Set who is told when a state changes, and print it. What is not named stays unchanged."
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", help="title or id; without it, for the installation")
        parser.add_argument("--addresses", nargs="*", metavar="ADDRESS", help="e-mail addresses; none: no mail")
        parser.add_argument("--webhook", help='an https URL, of which only the end is shown again; "": none')
        parser.add_argument("--digest", action=argparse.BooleanOptionalAction, help="a summary every day")

    def act(
        self,
        *,
        provider: str | None,
        addresses: list[str] | None,
        webhook: str | None,
        digest: bool | None,
        **options: Any,
    ) -> Any:
        found = find_provider(provider) if provider is not None else None
        held = settings_for(found)
        values = checked(
            AlertForm(
                {
                    "addresses": "\n".join(held.addresses if addresses is None else addresses),
                    "webhook": held.webhook if webhook is None else webhook,
                    "has_digest": held.has_digest if digest is None else digest,
                }
            )
        )
        wanted = {name: values[name] for name in ("addresses", "webhook", "has_digest")}
        return change_recipients(found, actor(), **wanted)
