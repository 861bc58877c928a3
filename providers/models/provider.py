"""The tables of a provider: its settings, tokens, allowed ranges, schema extensions and held removals.

A provider is the connection to one directory, and the tenant to which all its data belong (docs/architecture.md).
"""

import ipaddress
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from providers.kinds import CHOICES, DEFAULT, KINDS, Kind
from providers.states import Shown
from scim.protocol.values import comparison_key

# The prefix of the token of a connection test. All records of requests have the prefix, so figures about the directory
# can leave the test's requests out. No other token starts with it.
TEST_PREFIX = "ipr_test"
# Deleted users, groups and providers can be restored for this time. Then housekeeping purges them.
RECYCLE_BIN_DAYS = 30


class IpMode(models.TextChoices):
    """The IP restriction of a provider. Observing only notes requests from outside the allowed ranges."""

    OFF = "off", _("Off")
    OBSERVE = "observe", _("Observing")
    ENFORCE = "enforce", _("Enforced")


class RemovalLimit(models.TextChoices):
    """What happens when a provider removes more users at once than its removal limit."""

    OFF = "off", _("Off")
    WARN = "warn", _("Warn")
    HOLD = "hold", _("Hold")


class TokenState(Shown):
    """The state of a token."""

    ACTIVE = "active", "check", "ok", _("Active")
    SUSPENDED = "suspended", "pause", "", _("Suspended")
    EXPIRED = "expired", "clock", "warn", _("Expired")
    REVOKED = "revoked", "slash", "", _("Revoked")


class CidrField(models.Field):  # type: ignore[type-arg]
    """PostgreSQL's `cidr`: an IPv4 or IPv6 network without host bits, as an `ipaddress` network."""

    def db_type(self, connection: Any) -> str:
        return "cidr"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(value)

    def to_python(self, value: Any) -> Any:
        return value if value is None or not isinstance(value, str) else ipaddress.ip_network(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class OfProvider(models.QuerySet[Any]):
    """Rows that bear the provider to which they belong."""

    def of(self, provider: models.Model | int) -> Self:
        """The rows of one provider, given as such or by its id."""
        return self.filter(provider_id=provider if isinstance(provider, int) else provider.pk)

    def of_any(self, providers: Iterable[int]) -> Self:
        """The rows of several providers, given by their ids."""
        return self.filter(provider_id__in=list(providers))


class ProviderQuerySet(models.QuerySet["Provider"]):
    """Queries on providers."""

    def live(self) -> "ProviderQuerySet":
        """Return the providers that are not deleted."""
        return self.filter(deleted_at__isnull=True)

    def by_title(self) -> "ProviderQuerySet":
        return self.order_by("title_key")

    def with_oauth(self) -> "ProviderQuerySet":
        """Return the same providers with `uses_oauth`: whether each has a live OAuth client."""
        clients = apps.get_model("providers", "OAuthClient").objects.live()
        return self.annotate(uses_oauth=models.Exists(clients.filter(provider=models.OuterRef("pk"))))

    def restorable(self) -> "ProviderQuerySet":
        """Return the deleted providers whose purge has certainly not started."""
        return self.filter(deleted_at__gt=timezone.now() - timedelta(days=RECYCLE_BIN_DAYS))


class Provider(models.Model):
    """One directory that provisions users and groups. No provider can see anything of another."""

    title = models.CharField(max_length=100)
    title_key = models.CharField(max_length=400, editable=False, db_collation="C")
    # What the directory is: a name in `KINDS`, which has the words, the rhythm and the guide of each.
    kind = models.CharField(max_length=10, choices=CHOICES, default=DEFAULT, db_default=DEFAULT)
    ip_mode = models.CharField(max_length=7, choices=IpMode, default=IpMode.OFF)
    is_strict = models.BooleanField(default=False)
    skips_unknown_members = models.BooleanField(default=False)
    # Raised by each change of its schema extensions; 0: it has none (providers/schemas.py).
    schemas_version = models.IntegerField(default=0)
    notification_email = models.EmailField(blank=True)
    # How long a provider can be silent before the console shows it; a kind without a cycle is never late.
    late_after_minutes = models.PositiveIntegerField(default=90)
    silent_after_hours = models.PositiveIntegerField(default=26)
    # The removal limit: this number of users, and this share of the active ones, within an hour.
    removal_limit = models.CharField(max_length=4, choices=RemovalLimit, default=RemovalLimit.WARN)
    removal_limit_users = models.PositiveIntegerField(default=20)
    removal_limit_percent = models.PositiveIntegerField(default=10)
    # Removals before this moment do not count. It is in the future while an administrator allows all removals.
    removals_count_from = models.DateTimeField(null=True)
    held_at = models.DateTimeField(null=True)
    # Set in addition to `held_at`: removals are rejected instead of held back.
    rejected_at = models.DateTimeField(null=True)
    # The steps of the setup guide that somebody has ticked.
    guide_steps = models.JSONField(default=list, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # As `providers.quota` counted them last, those in the recycle bin included.
    user_count = models.BigIntegerField(default=0)
    group_count = models.BigIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = ProviderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint("title_key", condition=Q(deleted_at__isnull=True), name="unique_title"),
            models.CheckConstraint(condition=Q(ip_mode__in=IpMode.values), name="known_ip_mode"),
            models.CheckConstraint(condition=~Q(title_key=""), name="title_not_empty"),
            models.CheckConstraint(condition=Q(removal_limit__in=RemovalLimit.values), name="known_removal_limit"),
        ]
        permissions = [
            ("view_payload", "Can see request and response bodies"),
            ("view_personal", "Can see full personal attributes"),
            ("view_audit", "Can see the audit of admin actions"),
            ("export_data", "Can export CSV"),
            ("manage_accounts", "Can manage console accounts"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def directory(self) -> Kind:
        """What is known about directories of this kind."""
        return KINDS[self.kind]

    def clean_title(self) -> None:
        """Make the title one line and set the key that makes titles unique, ignoring case. Call it before saving."""
        self.title = " ".join(self.title.split())
        self.title_key = comparison_key(self.title)


class TokenQuerySet(models.QuerySet["Token"]):
    """Queries on tokens."""

    def live(self) -> "TokenQuerySet":
        """Return the tokens that are neither revoked nor expired, including suspended ones, which can be restored."""
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
        if settings.OPTIONS.keep_until_used:
            unexpired |= Q(replaced_by__isnull=False, replaced_by__first_used_at=None, replaced_by__revoked_at=None)
        return self.permanent().filter(unexpired, revoked_at__isnull=True)

    def permanent(self) -> "TokenQuerySet":
        """Return the tokens that administrators issued: not those of connection tests, and no access tokens."""
        return self.filter(client=None).exclude(prefix=TEST_PREFIX)

    def access(self) -> "TokenQuerySet":
        """Return the access tokens, which OAuth clients got from the token endpoint."""
        return self.filter(client__isnull=False)


class TokenKind(models.TextChoices):
    """Who issued a token: an administrator, a connection test, or the token endpoint to an OAuth client."""

    PERMANENT = "permanent"
    TEST = "test"
    ACCESS = "access"


class Token(models.Model):
    """A bearer token. Only its SHA-256 is stored, and its first and last characters for recognition.

    An access token has the OAuth client that got it, with the client's prefix, and the secret that was shown for it.
    """

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="tokens", db_index=False)
    label = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    prefix = models.CharField(max_length=8)
    last4 = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Set by a rotation: the token that replaces this one. This one expires with the overlap.
    replaced_by = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    first_used_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    request_key = models.UUIDField(null=True, editable=False)
    # False from the moment that the console shows the value until somebody copies it there.
    is_copied = models.BooleanField(default=True, db_default=True)
    client = models.ForeignKey("OAuthClient", models.CASCADE, null=True, related_name="tokens", db_index=False)
    secret = models.ForeignKey("ClientSecret", models.CASCADE, null=True, related_name="+", db_index=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            # A form that is sent twice issues only one token (AC-TOK-5).
            models.UniqueConstraint(fields=["provider", "request_key"], name="one_token_per_request"),
        ]
        indexes = [models.Index(fields=["client", "secret"], condition=Q(client__isnull=False), name="access_tokens")]

    @property
    def kind(self) -> TokenKind:
        """Who issued the token."""
        if self.client_id is not None:
            return TokenKind.ACCESS
        return TokenKind.TEST if self.prefix == TEST_PREFIX else TokenKind.PERMANENT

    @property
    def shown(self) -> str:
        """The name of a token in the console: its first and last characters, because its value is not stored."""
        return f"{self.prefix}…{self.last4}"

    @property
    def is_ended(self) -> bool:
        """Whether the token is revoked or expired."""
        return self.state in (TokenState.REVOKED, TokenState.EXPIRED)

    @property
    def is_not_copied(self) -> bool:
        """Whether nobody can have the value: it was shown and not copied, and the token was never used."""
        return not self.is_copied and self.last_used_at is None and self.state is TokenState.ACTIVE

    @property
    def is_retiring(self) -> bool:
        """Whether the token was rotated and still works, until the overlap ends."""
        return self.replaced_by_id is not None and not self.is_ended

    @property
    def _is_kept(self) -> bool:
        """Whether EUM_KEEP_UNTIL_USED keeps the token working past its expiry: its replacement was never used."""
        if not settings.OPTIONS.keep_until_used or self.replaced_by is None:
            return False
        return self.replaced_by.first_used_at is None and self.replaced_by.revoked_at is None

    @property
    def state(self) -> TokenState:
        """The state at this moment."""
        if self.revoked_at:
            return TokenState.REVOKED
        if self.expires_at and self.expires_at <= timezone.now() and not self._is_kept:
            return TokenState.EXPIRED
        return TokenState.SUSPENDED if self.suspended_at else TokenState.ACTIVE


class IpRule(models.Model):
    """An allowed range: a network from which a provider can send requests."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="ip_rules", db_index=False)
    cidr = CidrField()
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # The service tag of Microsoft's file; empty for a range that somebody typed.
    tag = models.CharField(max_length=100, blank=True)
    change_number = models.PositiveIntegerField(null=True)
    imported_at = models.DateTimeField(null=True)

    objects = OfProvider.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "cidr"], name="unique_range")]


class SchemaExtension(models.Model):
    """Attributes that one provider's directory sends in addition to those of all providers (RFC 7643 §3.3, §7)."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="schema_extensions", db_index=False)
    resource_type = models.CharField(max_length=50)
    urn_key = models.CharField(max_length=300)
    document = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfProvider.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "urn_key"], name="one_extension_per_urn")]


class HeldRemovalQuerySet(OfProvider):
    """Queries on the removals that are held back."""

    def waiting(self) -> Self:
        """Return the removals that wait for a decision; one whose permission has expired waits again."""
        return self.exclude(allowed_until__gt=timezone.now())

    def allowed(self) -> Self:
        """Return the removals that an administrator has allowed and that the directory has not requested again yet."""
        return self.filter(allowed_until__gt=timezone.now())

    def affecting(self, user_id: UUID) -> Self:
        """Return the removals of a user, and those of groups that would cost the user a membership."""
        return self.filter(Q(resource_id=user_id) | Q(user_ids__contains=[user_id]))


class HeldRemoval(models.Model):
    """A removal that a provider requested while removals are held, until an administrator decides.

    `resource_id` is the user to disable or delete, or the group (`resource_type`) that would lose its members.
    """

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="held_removals", db_index=False)
    resource_id = models.UUIDField()
    resource_type = models.CharField(max_length=50, default="User")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    is_deletion = models.BooleanField()
    # The number of users whom the removal affects. Their ids are kept for a group only.
    user_count = models.PositiveIntegerField(default=1)
    user_ids = ArrayField(models.UUIDField(), default=list)
    # An administrator has allowed exactly this removal, until this moment.
    allowed_until = models.DateTimeField(null=True)

    objects = HeldRemovalQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "resource_id"], name="held_once")]

    @property
    def is_allowed(self) -> bool:
        """Whether an administrator has allowed the removal, and the directory has not requested it again yet."""
        return self.allowed_until is not None and self.allowed_until > timezone.now()
