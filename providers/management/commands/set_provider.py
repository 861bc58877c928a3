"""`manage.py set_provider PROVIDER` changes the settings that are given, by the rules of *Edit provider*."""

import argparse
from typing import Any

from django.core.management.base import CommandParser

from providers.administration import CHANGEABLE, change_provider
from providers.console.provider.forms import ProviderForm
from providers.kinds import KINDS
from providers.management.answers import PROVIDER_WHOLE, row_of
from providers.management.script import ScriptCommand, actor, checked
from providers.models import Provider, RemovalLimit
from providers.switches import SWITCHES

# The help of each setting that is not a switch.
SETTINGS = {
    "title": "a new title",
    "kind": "what the directory is",
    "notification_email": 'the address for notices; "" for none',
    "late_after_minutes": "minutes without a request until it is late",
    "silent_after_hours": "hours without a request until it is silent",
    "removal_limit": "what happens when many users are removed at once",
    "removal_limit_users": "the limit: users within an hour",
    "removal_limit_percent": "the limit: per cent of the active users",
}
CHOICES = {"kind": list(KINDS), "removal_limit": RemovalLimit.values}


class Command(ScriptCommand):
    help = "Change settings of a provider. Those that are not named stay as they are."
    subject = "provider"
    fields = PROVIDER_WHOLE

    def add_own_arguments(self, parser: CommandParser) -> None:
        for name, text in SETTINGS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", choices=CHOICES.get(name), help=text)
        for name, switch in SWITCHES.items():
            parser.add_argument(switch.option, dest=name, action=argparse.BooleanOptionalAction, help=switch.help)

    def act(self, *, provider: Provider, **options: Any) -> Any:
        given = {name: options[name] for name in CHANGEABLE if options[name] is not None}
        form = ProviderForm({name: getattr(provider, name) for name in CHANGEABLE} | given)
        values = checked(form)
        change_provider(provider, actor(), {name: values[name] for name in given})
        return row_of(provider)
