"""`manage.py show_removals PROVIDER` prints whether removals are held back, and how many wait for a decision."""

from operator import attrgetter
from typing import Any

from providers.management.script import Fields, ScriptCommand
from providers.models import Provider
from providers.removal_decisions import situation_of

FIELDS: Fields = {
    "provider": attrgetter("provider.title"),
    "removal_limit": attrgetter("provider.removal_limit"),
    **{
        name: attrgetter(f"situation.{name}")
        for name in (
            "held_at", "rejected_at", "is_off", "waiting", "waiting_users", "allowed", "allowed_users", "allowed_until"
        )
    },
    "off_until": lambda one: one.situation.count_from if one.situation.is_off else None,
}  # fmt: skip


class Removals:
    """A provider and what there is to decide about its removals."""

    def __init__(self, provider: Provider) -> None:
        provider.refresh_from_db()
        self.provider, self.situation = provider, situation_of(provider)


class Command(ScriptCommand):
    help = "Print whether removals of a provider are held back, and how many wait for a decision."
    subject = "provider"
    fields = FIELDS

    def act(self, *, provider: Provider, **options: Any) -> Any:
        return Removals(provider)
