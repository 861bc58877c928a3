"""OAuth clients: how a directory signs in without a permanent token (RFC 6749 §4.4, RFC 7523).

A client has secrets, or a trust in an issuer's assertions. Revoking or suspending a client, revoking one of its secrets
and changing its trust end the access tokens that came from it in the same transaction, so the next request with one is
refused on every worker. `providers.access_tokens` issues them.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import CLIENT_ID, ClientKind, ClientSecret, FederatedTrust, OAuthClient, Provider, Token
from providers.outgoing import check_url
from providers.secret_values import CLIENT_SECRET, digest_of, make_secret
from providers.signing_keys import read_key_set
from providers.tokens import AlreadyIssuedError, NotLiveError

MAX_LIVE_CLIENTS = 2
MAX_LIVE_SECRETS = 2
SECRET_LIFE = timedelta(days=730)
# What an administrator may choose, in years.
SECRET_YEARS = (1, 2, 3)
MAX_AUDIENCES = 10


class TooManyClientsError(Exception):
    """The provider already has `MAX_LIVE_CLIENTS` live clients; one must be revoked first."""


class NothingLearnedError(Exception):
    """There is no assertion to trust, or another one came after the one that the administrator saw."""


@dataclass(frozen=True)
class Trust:
    """What an administrator enters about the issuer of assertions. Columns of `FederatedTrust`.

    Without `subject` and `audiences` nobody is trusted, and the next assertion of the issuer is shown.
    """

    issuer: str = ""
    jwks_url: str = ""
    keys: Mapping[str, Any] | None = None
    subject: str = ""
    audiences: Sequence[str] = field(default_factory=list)
    tenant: str = ""
    authorized_party: str = ""
    is_self_signed: bool = False

    def check(self) -> None:
        """Raise `OutgoingError` for a JWKS URL that cannot be fetched, `KeySetError` for keys that cannot be read."""
        if self.keys is not None:
            read_key_set(self.keys)
        else:
            check_url(self.jwks_url)


def entra_trust(tenant: str) -> Trust:
    """Return the trust in a tenant of Entra ID whose subject and audience are not known yet."""
    base = f"https://login.microsoftonline.com/{tenant}"
    return Trust(issuer=f"{base}/v2.0", jwks_url=f"{base}/discovery/v2.0/keys", tenant=tenant)


@transaction.atomic
def add_client(
    provider: Provider,
    actor: Actor,
    *,
    label: str = "",
    life: timedelta = SECRET_LIFE,
    request_key: UUID | None = None,
    is_copied: bool = True,
) -> tuple[OAuthClient, ClientSecret, str]:
    """Add a client with a secret. Return both, and the value of the secret, which cannot be read again later.

    `is_copied`: False if the value is only shown (see `note_copied`). Raises `TooManyClientsError`, and
    `AlreadyIssuedError` if `request_key` was used before.
    """
    client = _add(provider, actor, ClientKind.SECRET, label, request_key)
    secret, value = _make_secret(client, actor, life, request_key, is_copied=is_copied)
    _record(EventKind.CLIENT_ADDED, actor, client, after={"secret": secret.shown, "expires": secret.expires_at})
    return client, secret, value


@transaction.atomic
def add_federated_client(
    provider: Provider, actor: Actor, trust: Trust, *, label: str = "", request_key: UUID | None = None
) -> OAuthClient:
    """Add a client that has no secret. Raises as `add_client` and `Trust.check` do."""
    trust.check()
    client = _add(provider, actor, ClientKind.FEDERATED, label, request_key)
    stored = FederatedTrust.objects.create(client=client, **vars(trust))
    _record(EventKind.CLIENT_ADDED, actor, client, after=_shown(stored))
    return client


def _add(provider: Provider, actor: Actor, kind: ClientKind, label: str, request_key: UUID | None) -> OAuthClient:
    provider = Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
    if request_key and provider.oauth_clients.filter(request_key=request_key).exists():
        raise AlreadyIssuedError
    if provider.oauth_clients.live().count() >= MAX_LIVE_CLIENTS:
        raise TooManyClientsError
    return provider.oauth_clients.create(
        client_id=f"{CLIENT_ID}{secrets.token_urlsafe(17)[:22]}",
        kind=kind,
        label=" ".join(label.split())[:100] or f"Client {provider.oauth_clients.count() + 1}",
        created_by_id=actor.person_id,
        request_key=request_key,
    )


def _make_secret(
    client: OAuthClient, actor: Actor, life: timedelta, request_key: UUID | None, *, is_copied: bool
) -> tuple[ClientSecret, str]:
    value = make_secret(CLIENT_SECRET)
    secret = client.secrets.create(
        digest=digest_of(value),
        prefix=value[:8],
        last4=value[-4:],
        created_by_id=actor.person_id,
        expires_at=timezone.now() + life,
        request_key=request_key,
        is_copied=is_copied,
    )
    return secret, value


def note_copied(secret: ClientSecret) -> None:
    """Note that somebody copied the value of a secret when it was shown. Idempotent."""
    ClientSecret.objects.filter(pk=secret.pk, is_copied=False).update(is_copied=True)


def _record(
    kind: EventKind,
    actor: Actor,
    client: OAuthClient,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    subject = f"{client.label} ({client.client_id})"
    record_act(kind, actor, provider=client.provider, subject=subject, before=before, after=after)


def _shown(trust: FederatedTrust) -> dict[str, Any]:
    """Return what a trust says, for the change event."""
    keys = read_key_set(trust.keys) if trust.keys else {}
    prints = [
        f"{name} {sha256(orjson.dumps(key, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]}" for name, key in keys.items()
    ]
    return trust.terms | {"keys": sorted(prints)}


def _lock(client: OAuthClient) -> OAuthClient:
    """Lock a client against the token endpoint, and return it as it is now."""
    return OAuthClient.objects.select_for_update(no_key=True, of=("self",)).select_related("provider").get(pk=client.pk)


@transaction.atomic
def rotate_secret(
    client: OAuthClient,
    actor: Actor,
    *,
    overlap: timedelta,
    life: timedelta = SECRET_LIFE,
    request_key: UUID | None = None,
    is_copied: bool = True,
) -> tuple[ClientSecret, str]:
    """Make a new secret. Return it with its value, which cannot be read again later.

    The newest secret so far works for the time of `overlap`, or until its own expiry if that is earlier; an older one
    is revoked, and without overlap both are. Raises `NotLiveError` for a revoked client or one without secrets, and
    `AlreadyIssuedError`.
    """
    client = _lock(client)
    if client.revoked_at or client.kind != ClientKind.SECRET:
        raise NotLiveError
    if request_key and client.secrets.filter(request_key=request_key).exists():
        raise AlreadyIssuedError
    now = timezone.now()
    live = list(client.secrets.live().order_by("-pk"))
    kept = live[: MAX_LIVE_SECRETS - 1] if overlap else []
    for old in live[len(kept) :]:
        _end_secret(old, now)
    ends = now
    for old in kept:
        ends = min(old.expires_at, now + overlap)
        ClientSecret.objects.filter(pk=old.pk).update(expires_at=ends)
    made, value = _make_secret(client, actor, life, request_key, is_copied=is_copied)
    _record(
        EventKind.SECRET_ROTATED,
        actor,
        client,
        before={"secret": ", ".join(old.shown for old in live), "expires": live[0].expires_at if live else None},
        after={"secret": made.shown, "expires": made.expires_at, "old secret ends": ends},
    )
    return made, value


def _end_secret(secret: ClientSecret, now: datetime) -> None:
    ClientSecret.objects.filter(pk=secret.pk).update(revoked_at=now)
    _access_tokens(secret.client).filter(secret=secret).update(revoked_at=now)


def _access_tokens(client: OAuthClient) -> Any:
    return Token.objects.filter(client=client, revoked_at=None)


@transaction.atomic
def revoke_secret(secret: ClientSecret, actor: Actor) -> None:
    """Revoke a secret and its access tokens. Idempotent."""
    client = _lock(secret.client)
    if client.secrets.filter(pk=secret.pk, revoked_at=None).exists():
        _end_secret(secret, timezone.now())
        _record(EventKind.SECRET_REVOKED, actor, client, before={"secret": secret.shown})


@transaction.atomic
def revoke_client(client: OAuthClient, actor: Actor) -> None:
    """Revoke a client with its secrets, its trust and its access tokens, for good. Idempotent."""
    client = _lock(client)
    if client.revoked_at is None:
        now = timezone.now()
        OAuthClient.objects.filter(pk=client.pk).update(revoked_at=now)
        client.secrets.filter(revoked_at=None).update(revoked_at=now)
        _access_tokens(client).update(revoked_at=now)
        _record(EventKind.CLIENT_REVOKED, actor, client)


@transaction.atomic
def suspend_client(client: OAuthClient, actor: Actor) -> None:
    """Refuse a client and its access tokens until it is restored. Idempotent. Raises `NotLiveError`."""
    _set_suspended(client, actor, EventKind.CLIENT_SUSPENDED, timezone.now())


@transaction.atomic
def restore_client(client: OAuthClient, actor: Actor) -> None:
    """Accept a suspended client and its access tokens again. Idempotent. Raises `NotLiveError`."""
    _set_suspended(client, actor, EventKind.CLIENT_RESTORED, None)


def _set_suspended(client: OAuthClient, actor: Actor, kind: EventKind, moment: datetime | None) -> None:
    client = _lock(client)
    if client.revoked_at:
        raise NotLiveError
    if (client.suspended_at is None) != (moment is None):
        OAuthClient.objects.filter(pk=client.pk).update(suspended_at=moment)
        _access_tokens(client).update(suspended_at=moment)
        _record(kind, actor, client)


@transaction.atomic
def set_trust(client: OAuthClient, actor: Actor, trust: Trust) -> None:
    """Replace what a client's assertions must have, and end its access tokens if that changes it.

    Raises `NotLiveError` for a revoked client or one with secrets, and what `Trust.check` raises.
    """
    trust.check()
    _replace(_lock(client), actor, vars(trust))


@transaction.atomic
def trust_learned(client: OAuthClient, actor: Actor, learned_at: datetime) -> None:
    """Trust the assertion that came at this moment: its subject, its audience and its authorized party.

    Raises `NothingLearnedError` if there is none, or a later one, and `NotLiveError` for a revoked client.
    """
    client = _lock(client)
    stored = FederatedTrust.objects.filter(client=client, learned_at=learned_at).first()
    learned = stored.learned if stored else None
    if not learned or not learned.get("sub") or not learned.get("aud"):
        raise NothingLearnedError
    audiences = learned["aud"] if isinstance(learned["aud"], list) else [learned["aud"]]
    party = learned.get("azp") or learned.get("appid") or ""
    _replace(client, actor, {"subject": learned["sub"], "audiences": audiences, "authorized_party": party})


def _replace(client: OAuthClient, actor: Actor, values: Mapping[str, Any]) -> None:
    stored = FederatedTrust.objects.filter(client=client).first()
    if client.revoked_at or stored is None:
        raise NotLiveError
    before, terms = _shown(stored), stored.terms
    for name, value in values.items():
        setattr(stored, name, value)
    after = _shown(stored)
    if stored.terms != terms:
        stored.learned = stored.learned_at = None
        stored.save()
        _access_tokens(client).update(revoked_at=timezone.now())
        _record(EventKind.TRUST_CHANGED, actor, client, before=before, after=after)


def accepted_schemes(provider_id: int) -> set[str]:
    """Return the types of `authenticationSchemes` (RFC 7643 §5) with which a provider is let in. Two queries."""
    live = {
        "oauthbearertoken": Token.objects.live().filter(provider=provider_id),
        "oauth2": OAuthClient.objects.live().filter(provider=provider_id),
    }
    return {scheme for scheme, found in live.items() if found.exists()}
