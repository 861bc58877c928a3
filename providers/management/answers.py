"""What the commands print about providers, tokens, clients, users and accounts: the fields, with the value of each.

A page has the same facts: states and sentences are made by the functions of the console.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.utils import timezone

from providers.access_tokens import token_url
from providers.accounts import role_of
from providers.administration import CHANGEABLE
from providers.console.provider.providers import Row, provider_rows, with_people
from providers.health import State
from providers.management.script import Fields, sentence
from providers.models import Provider
from providers.totals import totals

# The states in which nobody has to do anything.
CALM = frozenset({State.HEALTHY, State.PAUSED, State.NOT_CONNECTED})


def rows_of(providers: Any) -> list[Row]:
    """Return providers with their health and numbers of users, the most urgent first."""
    return with_people(provider_rows(providers.select_related("paused_by"), timezone.now()))


def row_of(provider: Provider) -> Row:
    """Return one provider as it is now, with its health."""
    return rows_of(Provider.objects.filter(pk=provider.pk))[0]


# After an act on a provider.
PROVIDER: Fields = {
    "provider_id": attrgetter("pk"),
    "title": attrgetter("title"),
    "kind": attrgetter("kind"),
    "tenant_url": lambda _: settings.OPTIONS.scim_url,
    "paused_at": attrgetter("paused_at"),
    "deleted_at": attrgetter("deleted_at"),
}

# Of a row of the list of providers.
PROVIDER_STATE: Fields = {
    "provider_id": attrgetter("provider.pk"),
    "title": attrgetter("provider.title"),
    "kind": attrgetter("provider.kind"),
    "state": attrgetter("health.state.value"),
    "last_contact": attrgetter("health.accepted_at"),
    "requests_24h": attrgetter("health.requests"),
    "problems_24h": attrgetter("health.problems"),
    "active_users": attrgetter("active"),
    "disabled_users": attrgetter("disabled"),
    "status": lambda row: sentence(row.status.sentence),
}


def settings_of(provider: Provider) -> Mapping[str, Any]:
    """Return what set_provider can change."""
    return {name: getattr(provider, name) for name in CHANGEABLE if name != "title"}


PROVIDER_WHOLE: Fields = {
    **PROVIDER_STATE,
    "groups": lambda row: totals("Group", [row.provider.pk])[row.provider.pk].live,
    "tenant_url": lambda _: settings.OPTIONS.scim_url,
    "created_at": attrgetter("provider.created_at"),
    "paused_at": attrgetter("provider.paused_at"),
    "removals_held_at": attrgetter("provider.held_at"),
    "ip_mode": attrgetter("provider.ip_mode"),
    "settings": lambda row: settings_of(row.provider),
    "live_tokens": lambda row: [token.label for token in row.provider.tokens.live().order_by("pk")],
    "schemas": lambda row: list(row.provider.schema_extensions.order_by("pk").values_list("document__id", flat=True)),
}

TOKEN: Fields = {
    "label": attrgetter("label"),
    "shown": attrgetter("shown"),
    "state": attrgetter("state.value"),
    "created_at": attrgetter("created_at"),
    "expires_at": attrgetter("expires_at"),
    "last_used_at": attrgetter("last_used_at"),
    "last_used_ip": attrgetter("last_used_ip"),
    "replaced_by": lambda token: token.replaced_by.label if token.replaced_by else None,
}

# Of a token and its value; the value is None for a token that existed before.
NEW_TOKEN: Fields = {
    "provider_id": lambda pair: pair[0].provider_id,
    "tenant_url": lambda _: settings.OPTIONS.scim_url,
    "label": lambda pair: pair[0].label,
    "expires_at": lambda pair: pair[0].expires_at,
    "token": lambda pair: pair[1],
}

CLIENT: Fields = {
    "client_id": attrgetter("client_id"),
    "kind": attrgetter("kind"),
    "label": attrgetter("label"),
    "state": attrgetter("state.value"),
    "created_at": attrgetter("created_at"),
    "first_used_at": attrgetter("first_used_at"),
    "last_used_at": attrgetter("last_used_at"),
    "last_used_ip": attrgetter("last_used_ip"),
    "secrets": lambda client: [
        {
            "shown": secret.shown,
            "expires_at": secret.expires_at,
            "first_used_at": secret.first_used_at,
            "last_used_at": secret.last_used_at,
        }
        for secret in client.secrets.live().order_by("pk")
    ],
}

# Of a client that has no secret, and what its directory needs.
FEDERATED_CLIENT: Fields = {
    "client_id": attrgetter("client_id"),
    "token_url": lambda _: token_url(),
    "tenant_url": lambda _: settings.OPTIONS.scim_url,
}

# Of a client, its secret and the value of it.
NEW_CLIENT: Fields = {
    "client_id": lambda made: made[0].client_id,
    "client_secret": lambda made: made[2],
    "token_url": lambda _: token_url(),
    "tenant_url": lambda _: settings.OPTIONS.scim_url,
    "expires_at": lambda made: made[1].expires_at,
}

# Of a new secret and its value.
NEW_SECRET: Fields = {
    "client_id": lambda pair: pair[0].client.client_id,
    "client_secret": lambda pair: pair[1],
    "expires_at": lambda pair: pair[0].expires_at,
}

ACCOUNT: Fields = {
    "username": lambda account: account.get_username(),
    "role": role_of,
    "is_superuser": attrgetter("is_superuser"),
    "first_name": attrgetter("first_name"),
    "last_name": attrgetter("last_name"),
    "email": attrgetter("email"),
    "is_active": attrgetter("is_active"),
    "last_login": attrgetter("last_login"),
}

# Of an account and its password, which is None if it was not made now.
NEW_ACCOUNT: Fields = {
    "username": lambda pair: pair[0].get_username(),
    "role": lambda pair: role_of(pair[0]),
    "password": lambda pair: pair[1],
}
