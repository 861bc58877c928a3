"""Access tokens: a client shows who it is and gets one, for an hour by default (RFC 6749 §4.4).

    secret      it is one of the client's, neither revoked nor expired
    assertion   it passes `providers.assertions` with what an administrator entered, and the issuer's keys

Then the client must be neither revoked nor suspended, its provider neither deleted nor paused, and the address in an
allowed range if the IP restriction is enforced. An unknown client costs the same statements as one with a wrong secret.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from providers.assertions import (
    Assertion,
    AssertionRefusedError,
    Expected,
    check_assertion,
    check_to_learn,
    read_assertion,
)
from providers.ip_rules import covers
from providers.models import ClientKind, ClientSecret, FederatedTrust, IpMode, OAuthClient, Token, UsedAssertion
from providers.outcomes import SignInFailure
from providers.secret_values import ACCESS, digest_of, make_secret
from providers.signing_keys import read_key_set, signing_key

LABEL = "Access token"
MAX_TOKENS = 500  # of one client; the oldest ones end


class SignInError(Exception):
    """A client got no access token. `client` is None if it is not known; `assertion` is what could be read of one."""

    def __init__(
        self,
        failure: SignInFailure,
        client: OAuthClient | None,
        detail: str = "",
        assertion: Assertion | None = None,
    ) -> None:
        super().__init__(failure)
        self.failure, self.client, self.detail, self.assertion = failure, client, detail, assertion


class AddressRefusedError(Exception):
    """The client is right, and its address is in no allowed range."""


class PausedError(Exception):
    """The client is right, and its provider is paused."""


@dataclass(frozen=True)
class Proof:
    """A client that has shown who it is, and how."""

    client: OAuthClient
    secret: ClientSecret | None = None
    assertion: Assertion | None = None
    trust: FederatedTrust | None = None  # with which the assertion was checked


@dataclass(frozen=True)
class Granted:
    """A new access token. Its value cannot be read again later. `is_covered`: the address is in an allowed range."""

    token: Token
    value: str
    seconds: int
    is_covered: bool


def prove_with_secret(client_id: str, value: str) -> Proof:
    """Return the client with this id and secret. Raises `SignInError`. Two statements, whatever is wrong."""
    client = _find(client_id)
    secret = ClientSecret.objects.filter(client__client_id=_storable(client_id), digest=digest_of(value)).first()
    if client is None or secret is None:
        is_wrong_method = client is not None and client.kind != ClientKind.SECRET
        raise SignInError(SignInFailure.METHOD if is_wrong_method else SignInFailure.SECRET_WRONG, client)
    if client.revoked_at is None and secret.revoked_at:
        raise SignInError(SignInFailure.SECRET_REVOKED, client, f"{secret.shown} was revoked.")
    if secret.expires_at <= timezone.now():
        raise SignInError(SignInFailure.SECRET_EXPIRED, client, f"{secret.shown} expired {secret.expires_at:%Y-%m-%d}.")
    _check_client(client)
    return Proof(client, secret=secret)


def _find(client_id: str) -> OAuthClient | None:
    return OAuthClient.objects.select_related("provider").filter(client_id=_storable(client_id)).first()


def _storable(client_id: str) -> str:
    """Return the id, or "" for one that none of ours can be: PostgreSQL rejects some characters."""
    return client_id if client_id.isascii() and client_id.isprintable() else ""


def _check_client(client: OAuthClient) -> None:
    if client.provider.deleted_at:
        raise SignInError(SignInFailure.PROVIDER_DELETED, client)
    if client.revoked_at:
        raise SignInError(SignInFailure.CLIENT_REVOKED, client)
    if client.suspended_at:
        raise SignInError(SignInFailure.CLIENT_SUSPENDED, client)


def prove_with_assertion(client_id: str, text: str) -> Proof:
    """Return the client with this id, for which the assertion is. `client_id` "": its subject's id (RFC 7521 §4.2).

    Raises `SignInError`, and `FetchingError` while another request fetches the issuer's keys.
    """
    try:
        assertion = read_assertion(text)
    except AssertionRefusedError as error:
        raise SignInError(error.failure, _find(client_id), error.detail) from error
    client_id = client_id or assertion.text_of("sub")
    client = _find(client_id)
    trust = FederatedTrust.objects.filter(client__client_id=_storable(client_id)).first()
    if client is None or trust is None:
        raise SignInError(SignInFailure.METHOD, client, assertion=assertion)
    _check_client(client)
    try:
        _check(client, trust, assertion)
    except AssertionRefusedError as error:
        raise SignInError(error.failure, client, error.detail, assertion) from error
    return Proof(client, assertion=assertion, trust=trust)


def client_id_of(assertion: str) -> str:
    """Return the client id that an assertion names, before it is checked; "" if it cannot be read."""
    try:
        return read_assertion(assertion).text_of("sub")
    except AssertionRefusedError:
        return ""


def _check(client: OAuthClient, trust: FederatedTrust, assertion: Assertion) -> None:
    expected, now = expected_of(client, trust), time.time()

    def key_of(key_id: str) -> Mapping[str, Any]:
        if trust.keys is None:
            return signing_key(trust.jwks_url, key_id)
        if key_id in (known := read_key_set(trust.keys)):
            return known[key_id]
        raise AssertionRefusedError(SignInFailure.ASSERTION_KEY, f'The stored keys have no "{key_id[:300]}".')

    if trust.is_learning:
        check_to_learn(assertion, expected, key_of, now)
        FederatedTrust.objects.filter(pk=trust.pk).update(learned=assertion.shown, learned_at=timezone.now())
    check_assertion(assertion, expected, key_of, now)


def expected_of(client: OAuthClient, trust: FederatedTrust) -> Expected:
    """Return what the assertions of a client must have."""
    if trust.is_self_signed:
        own = client.client_id
        return Expected(own, own, [token_url(), settings.OPTIONS.base_url], needs_id=True)
    return Expected(trust.issuer, trust.subject, trust.audiences, trust.tenant, trust.authorized_party)


def token_url() -> str:
    """Return the address of the token endpoint, which is the same for all clients."""
    return f"{settings.OPTIONS.base_url}/oauth/token"


def grant(proof: Proof, address: str | None) -> Granted:
    """Issue an access token to a client that has shown who it is, from this address.

    Raises `AddressRefusedError`, `PausedError`, and `SignInError` if an administrator was faster.
    """
    provider = proof.client.provider
    is_covered = provider.ip_mode == IpMode.OFF or covers(provider.ip_rules.values_list("cidr", flat=True), address)
    if provider.ip_mode == IpMode.ENFORCE and not is_covered:
        raise AddressRefusedError
    if provider.paused_at:
        raise PausedError
    with transaction.atomic():
        return _issue(proof, is_covered=is_covered)


def _issue(proof: Proof, *, is_covered: bool) -> Granted:
    # Locked, so that no token is issued while an administrator revokes the client or changes its trust.
    client = OAuthClient.objects.select_for_update(no_key=True).get(pk=proof.client.pk)
    client.provider = proof.client.provider
    _check_client(client)
    now = timezone.now()
    seconds = settings.OPTIONS.access_token_seconds
    if proof.secret:
        used = ClientSecret.objects.filter(pk=proof.secret.pk, revoked_at=None)
        if not used.update(first_used_at=proof.secret.first_used_at or now, last_used_at=now):
            raise SignInError(SignInFailure.SECRET_REVOKED, client)
    if proof.assertion and proof.trust:
        _use_up(client, proof.assertion, proof.trust)
        seconds = min(seconds, int(proof.assertion.expires_at - now.timestamp()))
        if seconds < 1:
            raise SignInError(SignInFailure.ASSERTION_EXPIRED, client, assertion=proof.assertion)
    value = make_secret(ACCESS)
    token = Token.objects.create(
        provider_id=client.provider_id,
        client=client,
        secret=proof.secret,
        label=LABEL,
        digest=digest_of(value),
        prefix=client.prefix,
        last4=value[-4:],
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    own = Token.objects.filter(client=client)
    own.filter(pk__in=list(own.order_by("-pk").values_list("pk", flat=True)[MAX_TOKENS : MAX_TOKENS + 10])).delete()
    return Granted(token, value, seconds, is_covered)


def _use_up(client: OAuthClient, assertion: Assertion, trust: FederatedTrust) -> None:
    """Accept an assertion, and once only if the client signs for itself. Raises `SignInError`."""
    if FederatedTrust.objects.get(client=client).terms != trust.terms:  # changed before the client was locked
        raise SignInError(SignInFailure.ASSERTION_SUBJECT, client, "The trust was changed meanwhile.", assertion)
    if not trust.is_self_signed:
        return
    digest = hashlib.sha256(assertion.text_of("jti").encode("utf-8", "surrogatepass")).digest()
    expires = datetime.fromtimestamp(assertion.expires_at, UTC)
    _row, is_new = UsedAssertion.objects.get_or_create(client=client, digest=digest, defaults={"expires_at": expires})
    if not is_new:
        raise SignInError(SignInFailure.ASSERTION_USED, client, "Its jti came before.", assertion)
