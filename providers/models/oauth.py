"""The tables of OAuth: clients with their secrets or their trust, signing keys, and assertions that were used up.

A directory that is a client gets access tokens from `/oauth/token`. Each is a row of `Token` with its client.
"""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers.models.provider import Provider, TokenState

# A client id begins with it, and so does the prefix of its access tokens.
CLIENT_ID = "ipc_"


class ClientKind(models.TextChoices):
    """How a client authenticates: with a secret that both sides have, or with an assertion that its issuer signs."""

    SECRET = "secret", _("Client credentials")
    FEDERATED = "federated", _("Workload identity")


class OAuthClientQuerySet(models.QuerySet["OAuthClient"]):
    """Queries on clients."""

    def live(self) -> "OAuthClientQuerySet":
        """Return the clients that are not revoked, including suspended ones, which can be restored."""
        return self.filter(revoked_at__isnull=True)


class OAuthClient(models.Model):
    """A client of the token endpoint (RFC 6749 §2). Its id is public; the provider's access tokens come through it."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="oauth_clients", db_index=False)
    client_id = models.CharField(max_length=40, unique=True, editable=False)
    kind = models.CharField(max_length=9, choices=ClientKind)
    label = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    suspended_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Of requests to /scim with its access tokens; a secret has its own times.
    first_used_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    request_key = models.UUIDField(null=True, editable=False)

    objects = OAuthClientQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "request_key"], name="one_client_per_request"),
            models.CheckConstraint(condition=Q(kind__in=ClientKind.values), name="known_client_kind"),
        ]

    @property
    def shown(self) -> str:
        """The name of the client where a token has its first and last characters: the whole id, which is public."""
        return self.client_id

    @property
    def prefix(self) -> str:
        """The name of the client in the log and in change events; all its access tokens have it."""
        return self.client_id[:8]

    @property
    def state(self) -> TokenState:
        """The state at this moment."""
        if self.revoked_at:
            return TokenState.REVOKED
        return TokenState.SUSPENDED if self.suspended_at else TokenState.ACTIVE


class ClientSecretQuerySet(models.QuerySet["ClientSecret"]):
    """Queries on client secrets."""

    def live(self) -> "ClientSecretQuerySet":
        """Return the secrets that are neither revoked nor expired."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=timezone.now())


class ClientSecret(models.Model):
    """A secret of a client. Only its SHA-256 is stored, and its first and last characters for recognition."""

    client = models.ForeignKey(OAuthClient, models.CASCADE, related_name="secrets")
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    prefix = models.CharField(max_length=8)
    last4 = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    first_used_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    request_key = models.UUIDField(null=True, editable=False)
    # False from the moment that the console shows the value until somebody copies it there.
    is_copied = models.BooleanField(default=True)

    objects = ClientSecretQuerySet.as_manager()

    class Meta:
        constraints = [
            # A form that is sent twice makes only one secret.
            models.UniqueConstraint(fields=["client", "request_key"], name="one_secret_per_request"),
        ]

    @property
    def shown(self) -> str:
        """The name of a secret in the console: its first and last characters, because its value is not stored."""
        return f"{self.prefix}…{self.last4}"

    @property
    def state(self) -> TokenState:
        """The state at this moment."""
        if self.revoked_at:
            return TokenState.REVOKED
        return TokenState.EXPIRED if self.expires_at <= timezone.now() else TokenState.ACTIVE

    @property
    def is_not_copied(self) -> bool:
        """Whether nobody can have the value: it was shown and not copied, and the secret was never used."""
        return not self.is_copied and self.last_used_at is None and self.state is TokenState.ACTIVE


# What an administrator enters of a trust.
TERMS = ("issuer", "jwks_url", "keys", "subject", "audiences", "tenant", "authorized_party", "is_self_signed")


class FederatedTrust(models.Model):
    """What an assertion for a client must have (`providers.assertions`).

    Without `subject` and `audiences`, an administrator has not trusted anybody yet, and `learned` is what came.
    """

    client = models.OneToOneField(OAuthClient, models.CASCADE, primary_key=True, related_name="trust")
    # Whether the client signs for itself: issuer and subject are its own client id (RFC 7523 §3).
    is_self_signed = models.BooleanField(default=False)
    issuer = models.CharField(max_length=500)
    jwks_url = models.CharField(max_length=1000, blank=True)
    # A JWK Set that somebody entered, in the place of a URL.
    keys = models.JSONField(null=True)
    subject = models.CharField(max_length=500, blank=True)
    audiences = ArrayField(models.CharField(max_length=500), default=list)
    tenant = models.CharField(max_length=100, blank=True)
    authorized_party = models.CharField(max_length=500, blank=True)
    # The claims of the last assertion with a good signature that nobody has trusted yet, and when it came.
    learned = models.JSONField(null=True)
    learned_at = models.DateTimeField(null=True)

    @property
    def terms(self) -> dict[str, Any]:
        """What an assertion must have, by column."""
        return {name: getattr(self, name) for name in TERMS}

    @property
    def is_learning(self) -> bool:
        """Whether nobody is trusted yet."""
        return not (self.is_self_signed or (self.subject and self.audiences))


class SigningKeys(models.Model):
    """The keys of an issuer, as fetched from its JWKS URL; one row for all workers."""

    jwks_url = models.CharField(max_length=1000, primary_key=True)
    document = models.JSONField(null=True)
    fetched_at = models.DateTimeField(null=True)
    # The last attempt, and the last that failed: `error` is a text of the catalogue, `detail` completes it.
    tried_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, default="")
    detail = models.CharField(max_length=200, default="")


class UsedAssertion(models.Model):
    """The `jti` of an assertion of a client that signs for itself: it is accepted once (RFC 7523 §3)."""

    client = models.ForeignKey(OAuthClient, models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=32)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "digest"], name="assertion_used_once")]
