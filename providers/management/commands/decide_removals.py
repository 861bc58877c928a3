"""`manage.py decide_removals PROVIDER DECISION` decides about removals that are held back."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import CommandParser

from providers import removal_decisions
from providers.events import Actor
from providers.management.commands.show_removals import FIELDS, Removals
from providers.management.script import ScriptCommand, actor
from providers.models import Provider
from providers.removal_decisions import OFF_HOURS, Situation

# By its name: what it does, and the function.
DECISIONS: Mapping[str, tuple[str, Callable[[Provider, Actor, Situation, int], Any]]] = {
    "allow": (
        "allow exactly those that wait now",
        lambda provider, by, now, _: removal_decisions.allow_waiting(
            provider, by, waiting=now.waiting_key, key=now.key
        ),
    ),
    "switch-off": (
        "hold nothing for --hours",
        lambda provider, by, now, hours: removal_decisions.switch_limit_off(provider, by, hours=hours, key=now.key),
    ),
    "end-hold": (
        "accept removals again and count from zero",
        lambda provider, by, now, _: removal_decisions.end_hold(provider, by, key=now.key),
    ),
    "hold-again": (
        "hold everything again",
        lambda provider, by, now, _: removal_decisions.hold_again(provider, by, key=now.key),
    ),
    "reject": (
        "answer 403 instead of 503",
        lambda provider, by, now, _: removal_decisions.reject_removals(provider, by, key=now.key),
    ),
    "lift-rejection": (
        "accept removals again after a rejection",
        lambda provider, by, now, _: removal_decisions.lift_rejection(provider, by, key=now.key),
    ),
}


class Command(ScriptCommand):
    help = "Decide about removals that are held back. show_removals prints what there is to decide."
    subject = "provider"
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        meanings = "; ".join(f"{name}: {meaning}" for name, (meaning, _act) in DECISIONS.items())
        parser.add_argument("decision", choices=list(DECISIONS), help=meanings)
        parser.add_argument(
            "--hours", type=int, choices=OFF_HOURS, default=OFF_HOURS[0], help="for switch-off (default: 1)"
        )

    def act(self, *, provider: Provider, decision: str, hours: int, **options: Any) -> Any:
        _meaning, decide = DECISIONS[decision]
        decide(provider, actor(), Removals(provider).situation, hours)
        return Removals(provider)
