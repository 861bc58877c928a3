"""`manage.py show_user USER` prints the summary of a user's page."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db.models import Q
from django.urls import reverse

from providers.console.log.not_provisioned import never_created
from providers.console.users.history import read_history
from providers.console.users.summary import summary
from providers.ids import parse_id
from providers.management.script import Fields, ScriptCommand, find_provider, not_found, sentence
from providers.models import SyncedUser
from scim.protocol.values import comparison_key

MOST_SHOWN = 20

FIELDS: Fields = {
    "id": lambda found: found[0].pk,
    "user_name": lambda found: found[0].user_name,
    "display_name": lambda found: found[0].display_name,
    "external_id": lambda found: found[0].external_id,
    "provider": lambda found: found[0].provider.title,
    "state": lambda found: found[0].status.value,
    "created_at": lambda found: found[0].created,
    "changed_at": lambda found: found[0].last_modified,
    "summary": lambda found: [sentence(said) for said in (found[1].lead, *found[1].more)],
    "warnings": lambda found: [sentence(said) for said in found[1].warnings],
    "notes": lambda found: [sentence(said) for said in found[1].notes],
    "page": lambda found: settings.OPTIONS.base_url + reverse("admin:user", args=[found[0].pk]),
}


class Command(ScriptCommand):
    help = "Print the summary of a user's page: their state, and what stands between it and what the directory wants."
    fields = FIELDS

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="userName, externalId or SCIM id")
        parser.add_argument("--provider", help="title or id, if several providers have such a user")

    def act(self, *, user: str, provider: str | None, **options: Any) -> Any:
        found = self._find(user, provider)
        return found, summary(read_history(found, can_see_names=True))

    def _find(self, name: str, provider: str | None) -> SyncedUser:
        """Return the only user with this name or id; of several, the only one that is not deleted."""
        named = Q(user_name_key=comparison_key(name)) | Q(external_id=name)
        known = SyncedUser.objects.filter(named | Q(pk=own) if (own := parse_id(name)) else named)
        if provider is not None:
            known = known.of(find_provider(provider))
        found: list[SyncedUser] = list(known.select_related("provider").order_by("-pk")[:MOST_SHOWN])
        live = [one for one in found if one.deleted_at is None]
        if len(found) == 1 or len(live) == 1:
            return (live or found)[0]
        if found:
            those = "; ".join(f"{one.pk} of {one.provider.title}" for one in found)
            raise not_found(f"Several users are {name!r}: use --provider or the SCIM id. {those}")
        if never_created(name, can_see_names=True):
            raise not_found(f"There is no user {name!r}, but a directory tried to create one: see list_problems.")
        raise not_found(f"There is no user {name!r}.")
