"""Bearer tokens: issue, rotate, suspend and revoke them, and find the caller of a request by its token."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from providers.audit import check_unchanged, record_act
from providers.events import Actor, EventKind
from providers.models import TEST_PREFIX, ChangeEvent, Provider, Token
from providers.outcomes import Refusal
from providers.prepared import execute_prepared
from providers.secret_values import ACCESS, CLIENT_SECRET, PERMANENT, digest_of, is_well_formed, make_secret
from providers.switches import SWITCHES

MAX_LIVE_TOKENS = 2
TEST_TOKEN_LIFE = timedelta(seconds=60)


class TooManyTokensError(Exception):
    """The provider already has `MAX_LIVE_TOKENS` live tokens; one must be revoked first."""


class AlreadyIssuedError(Exception):
    """This form was already submitted. The token that it issued cannot be shown again (AC-TOK-5)."""


class NotLiveError(Exception):
    """The token is revoked or expired, so it cannot be rotated, suspended or extended."""


def make_value(*, is_test: bool = False) -> str:
    """Return a new token value. The value for a connection test starts with `TEST_PREFIX`, and no other does."""
    if is_test:
        return make_secret(TEST_PREFIX)
    while (value := make_secret(PERMANENT)).startswith(TEST_PREFIX):
        pass
    return value


def refusal_of(value: str) -> Refusal:
    """Return why a token is unknown, as far as its form shows."""
    if value.count(".") == 2 and value.startswith("ey"):
        return Refusal.JWT
    bare = re.sub(r"^bearer\s+", "", value, flags=re.IGNORECASE)
    if bare != value:
        return Refusal.BEARER_TWICE
    if value.strip("'\"") != value:
        return Refusal.QUOTED
    if CLIENT_SECRET in value:
        return Refusal.CLIENT_SECRET
    if PERMANENT not in value and ACCESS not in value:
        return Refusal.UNKNOWN
    if is_well_formed("".join(value.split())):
        known = Refusal.ACCESS_ENDED if value.startswith(ACCESS) else Refusal.NEVER_ISSUED
        return known if is_well_formed(value) else Refusal.SPACED
    return Refusal.ALTERED


@transaction.atomic
def issue_token(
    provider: Provider,
    actor: Actor,
    *,
    label: str = "",
    expires_at: datetime | None = None,
    request_key: UUID | None = None,
    is_copied: bool = True,
) -> tuple[Token, str]:
    """Issue a token. Return it with its value, which cannot be read again later.

    `request_key` identifies the submitted form. `is_copied`: False if the value is only shown (see `note_copied`).
    Raises `TooManyTokensError`, and `AlreadyIssuedError` if `request_key` was used before.
    """
    _lock(provider, request_key)
    if provider.tokens.live().count() >= MAX_LIVE_TOKENS:
        raise TooManyTokensError
    token, value = _create(
        provider, actor, label=label, expires_at=expires_at, request_key=request_key, is_copied=is_copied
    )
    record_act(EventKind.TOKEN_ISSUED, actor, provider=provider, subject=_name(token))
    return token, value


def _lock(provider: Provider, request_key: UUID | None) -> None:
    """Lock the provider, so that two requests at once cannot issue too many tokens or use one form twice."""
    Provider.objects.live().select_for_update(no_key=True).get(pk=provider.pk)
    if request_key and provider.tokens.filter(request_key=request_key).exists():
        raise AlreadyIssuedError


def _create(
    provider: Provider,
    actor: Actor,
    *,
    label: str,
    expires_at: datetime | None,
    request_key: UUID | None,
    is_copied: bool,
) -> tuple[Token, str]:
    value = make_value()
    token = provider.tokens.create(
        label=label or f"Permanent token {provider.tokens.permanent().count() + 1}",
        digest=digest_of(value),
        prefix=value[:8],
        last4=value[-4:],
        created_by_id=actor.person_id,
        expires_at=expires_at,
        request_key=request_key,
        is_copied=is_copied,
    )
    return token, value


def note_copied(token: Token) -> None:
    """Note that somebody copied the value of a token when it was shown. Idempotent."""
    Token.objects.filter(pk=token.pk, is_copied=False).update(is_copied=True)


def revocation_of(token: Token) -> ChangeEvent | None:
    """Return the event by which a token was revoked; None if it was not, or if the event is no longer kept."""
    if token.revoked_at is None:
        return None
    revoked = ChangeEvent.objects.acts().of(token.provider_id).filter(kind=EventKind.TOKEN_REVOKED.value)
    return revoked.filter(subject=_name(token)).order_by("-id").first()


def _name(token: Token) -> str:
    return f"{token.label} ({token.shown})"


@transaction.atomic
def rotate_token(
    token: Token, actor: Actor, *, overlap: timedelta, request_key: UUID | None = None, is_copied: bool = True
) -> tuple[Token, str]:
    """Issue the token that replaces `token`. Return it with its value, which cannot be read again later.

    The old token works for the time of `overlap`, or until its own expiry if that is earlier. Without
    overlap it is revoked now. Raises `NotLiveError`, `TooManyTokensError`, `AlreadyIssuedError`.
    """
    provider = token.provider
    _lock(provider, request_key)
    token = provider.tokens.get(pk=token.pk)
    if token.is_ended:
        raise NotLiveError
    kept = provider.tokens.live().exclude(pk=token.pk).count() + bool(overlap)
    if kept + 1 > MAX_LIVE_TOKENS:
        raise TooManyTokensError
    made, value = _create(provider, actor, label="", expires_at=None, request_key=request_key, is_copied=is_copied)
    now = timezone.now()
    ends = {"expires_at": min(token.expires_at or now + overlap, now + overlap)} if overlap else {"revoked_at": now}
    Token.objects.filter(pk=token.pk).update(replaced_by=made, **ends)
    record_act(
        EventKind.TOKEN_ROTATED,
        actor,
        provider=provider,
        subject=_name(token),
        before={"token": token.shown, "expires": token.expires_at},
        after={"token": made.shown, "old token ends": ends.get("expires_at", now)},
    )
    return made, value


@transaction.atomic
def suspend_token(token: Token, actor: Actor) -> None:
    """Refuse requests with a token until it is restored. Idempotent. Raises `NotLiveError`."""
    _change(token, actor, EventKind.TOKEN_SUSPENDED, "suspended_at", token.suspended_at or timezone.now())


@transaction.atomic
def restore_token(token: Token, actor: Actor) -> None:
    """Accept requests with a suspended token again. Idempotent. Raises `NotLiveError`."""
    _change(token, actor, EventKind.TOKEN_RESTORED, "suspended_at", None)


@transaction.atomic
def set_expiry(
    token: Token, actor: Actor, *, expires_at: datetime | None, seen: Mapping[str, Any] | None = None
) -> None:
    """Set the expiry of a token; None means never.

    `seen`: the expiry that this change was made from. Raises `NotLiveError`, and `ChangedMeanwhileError` if that expiry
    is no longer stored.
    """
    _change(token, actor, EventKind.TOKEN_EXPIRY_SET, "expires_at", expires_at, seen)


def _change(
    token: Token,
    actor: Actor,
    kind: EventKind,
    column: str,
    value: datetime | None,
    seen: Mapping[str, Any] | None = None,
) -> None:
    """Set one column of a live token and record the act, if the value changes."""
    found = Token.objects.select_for_update(no_key=True).get(pk=token.pk)
    if found.is_ended:
        raise NotLiveError
    before = getattr(found, column)
    check_unchanged({column: before}, seen)
    if before == value:
        return
    Token.objects.filter(pk=token.pk).update(**{column: value})
    record_act(
        kind, actor, provider=found.provider, subject=_name(found), before={column: before}, after={column: value}
    )


def issue_test_token(provider: Provider) -> tuple[Token, str]:
    """Issue a token for one connection test. It expires after 60 seconds, and IP restrictions do not apply to it."""
    value = make_value(is_test=True)
    token = provider.tokens.create(
        label="Connection test",
        digest=digest_of(value),
        prefix=value[:8],
        last4=value[-4:],
        expires_at=timezone.now() + TEST_TOKEN_LIFE,
    )
    return token, value


@transaction.atomic
def revoke_token(token: Token, actor: Actor) -> None:
    """Revoke a token for good. The next request with it gets 401, on every worker. Idempotent."""
    revoked = Token.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    if revoked:
        record_act(EventKind.TOKEN_REVOKED, actor, provider=token.provider, subject=_name(token))


@dataclass(frozen=True)
class Caller:
    """The caller of a request: a known token, and the settings of its provider at this moment."""

    token_id: int
    token_prefix: str
    token_state: str
    provider_id: int
    switches: Sequence[str]
    is_paused: bool
    is_deleted: bool
    ip_mode: str
    is_covered: bool
    is_touch_due: bool
    schemas_version: int
    limits_removals: bool
    user_count: int
    group_count: int
    address: str | None
    digest: bytes


# SQL for the names of the switches that are on.
_SWITCHES = ", ".join(f"CASE WHEN p.{name} THEN '{name}' END" for name in SWITCHES)

# Suspended, expired and revoked tokens are found too, so that the response can state which it is.
_FIND_CALLER = f"""
SELECT t.id, t.prefix,
  CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() AND NOT (%s AND EXISTS (
         SELECT FROM providers_token n
         WHERE n.id = t.replaced_by_id AND n.first_used_at IS NULL AND n.revoked_at IS NULL)) THEN 'expired'
       WHEN t.suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END,
  p.id, array_remove(ARRAY[{_SWITCHES}], NULL), p.paused_at IS NOT NULL, p.deleted_at IS NOT NULL, p.ip_mode,
  p.ip_mode = 'off' OR t.prefix = '{TEST_PREFIX}'
    OR EXISTS (SELECT 1 FROM providers_iprule i WHERE i.provider_id = p.id AND i.cidr >>= %s::inet),
  t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute', p.schemas_version,
  p.removal_limit = 'hold', p.user_count, p.group_count
FROM providers_token t JOIN providers_provider p ON p.id = t.provider_id
WHERE t.digest = %s
"""


def find_caller(value: str, address: str | None) -> Caller | None:
    """Return the caller with this token and address, or None if the token is unknown.

    It is always one indexed query, whatever the value is (threat V24). It runs for each request, so
    that every worker refuses a revoked token at once.
    """
    digest = digest_of(value)
    found = execute_prepared(_FIND_CALLER, [settings.OPTIONS.keep_until_used, address, digest]).fetchone()
    return Caller(*(*found, address, digest)) if found else None
