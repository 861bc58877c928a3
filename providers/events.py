"""The kinds of change events: a table with one row for each, holding all that pages show of it.

A `ChangeEvent` keeps the stored value of its kind. Its sentence is filled from the event's own columns
(`providers.console.history.sentences`).
"""

from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


class EventKind(models.TextChoices):
    """A row is `value, is_act, icon, tone, word, sentence`.

    value: what is stored; it never changes, even where the word for the thing did.
    is_act: an act of a person or the system, which the audit lists. The others are changes that directories make to
        users and groups.
    icon, tone: as in `providers.states.Shown`.
    word: the name of the kind in menus and in the title of a row.
    sentence: the choice's label, with the places `{actor}` and `{subject}` to be filled in.
    """

    is_act: bool
    icon: str
    tone: str
    word: str

    def __new__(cls, value: str, *row: Any) -> Self:
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.is_act, kind.icon, kind.tone, kind.word = row
        return kind

    @property
    def sentence(self) -> str:
        """The sentence of the kind in the current language, with `{actor}` and `{subject}` not filled in."""
        return str(self.label)

    # fmt: off
    # Users and groups
    RESOURCE_CREATED = ("resource.created", False, "plus", "ok",
        _("Created"), _("{actor} created {subject}."))
    RESOURCE_CHANGED = ("resource.changed", False, "pen", "",
        _("Changed"), _("{actor} changed {subject}."))
    RESOURCE_DISABLED = ("resource.disabled", False, "slash", "bad",
        _("Disabled"), _("{actor} disabled {subject}."))
    RESOURCE_ENABLED = ("resource.enabled", False, "check", "ok",
        _("Enabled"), _("{actor} enabled {subject}."))
    RESOURCE_DELETED = ("resource.deleted", False, "trash", "",
        _("Deleted"), _("{actor} deleted {subject}."))
    RESOURCE_RESTORED = ("resource.restored", True, "up", "ok",
        _("Restored from the recycle bin"), _("{actor} restored {subject}."))
    RESOURCE_ENABLED_AGAIN = ("resource.enabled-again", True, "check", "ok",
        _("Enabled by an administrator"), _("{actor} enabled {subject}."))
    USERS_RESTORED = ("users.restored", True, "up", "ok",
        _("Undid removals of several users"), _("{actor} undid the removal of several users of {subject}."))
    RESOURCE_PURGED = ("resource.purged", True, "trash", "bad",
        _("Purged from the recycle bin"), _("{actor} purged {subject}."))
    MEMBERS_CHANGED = ("group.members", False, "user", "",
        _("Changed members"), _("{actor} changed the members of {subject}."))

    # Providers
    PROVIDER_ADDED = ("provider.added", True, "pen", "",
        _("Added a provider"), _("{actor} added provider {subject}."))
    PROVIDER_CHANGED = ("provider.changed", True, "pen", "",
        _("Changed a provider"), _("{actor} changed provider {subject}."))
    PROVIDER_PAUSED = ("provider.paused", True, "pen", "",
        _("Paused a provider"), _("{actor} paused provider {subject}."))
    PROVIDER_RESUMED = ("provider.resumed", True, "pen", "",
        _("Resumed a provider"), _("{actor} resumed provider {subject}."))
    PROVIDER_DELETED = ("provider.deleted", True, "pen", "",
        _("Deleted a provider"), _("{actor} deleted provider {subject}."))
    PROVIDER_RESTORED = ("provider.restored", True, "pen", "",
        _("Restored a provider"), _("{actor} restored provider {subject}."))
    PROVIDER_PURGED = ("provider.purged", True, "pen", "",
        _("Purged a provider"), _("{actor} purged provider {subject}."))
    PROVIDER_TESTED = ("provider.tested", True, "pen", "",
        _("Tested a connection"), _("{actor} tested the connection of {subject}."))
    REMOVALS_HELD = ("brake.held", True, "doc", "",
        _("Held removals back"), _("{actor} held back further removals of {subject}."))
    HELD_REMOVALS_ALLOWED = ("removals.allowed", True, "doc", "",
        _("Allowed the removals that waited"), _("{actor} allowed the removals of {subject} that waited."))
    LIMIT_SWITCHED_OFF = ("brake.released", True, "doc", "",
        _("Switched a removal limit off"), _("{actor} switched the removal limit of {subject} off for a time."))
    REMOVALS_HELD_AGAIN = ("removals.held-again", True, "doc", "",
        _("Held removals again"), _("{actor} held the removals of {subject} again."))
    HOLD_ENDED = ("removals.hold-ended", True, "doc", "",
        _("Ended a hold of removals"), _("{actor} ended the hold of removals of {subject}."))
    REMOVALS_REJECTED = ("brake.rejected", True, "doc", "",
        _("Rejected removals"), _("{actor} rejected further removals of {subject}."))
    REJECTION_LIFTED = ("brake.lifted", True, "doc", "",
        _("Lifted a rejection of removals"), _("{actor} lifted the rejection for {subject}."))
    ALERTS_CHANGED = ("alerts.changed", True, "gear", "",
        _("Changed who gets alerts"), _("{actor} changed who gets alerts about {subject}."))
    ALERT_SENT = ("alert.sent", True, "doc", "",
        _("Sent an alert"), _("{actor} sent an alert about {subject}."))
    ALERT_FAILED = ("alert.failed", True, "alert", "warn",
        _("Could not send an alert"), _("{actor} could not send an alert about {subject} and gave up."))
    IP_MODE_CHANGED = ("ip.mode", True, "gear", "",
        _("Changed an IP restriction"), _("{actor} changed the IP restriction of {subject}."))
    IP_RANGES_CHANGED = ("ip.ranges", True, "gear", "",
        _("Changed allowed ranges"), _("{actor} changed the allowed ranges of {subject}."))
    SCHEMA_ADDED = ("schema.added", True, "doc", "",
        _("Added a schema extension"), _("{actor} added the schema extension {subject}."))
    SCHEMA_CHANGED = ("schema.changed", True, "doc", "",
        _("Changed a schema extension"), _("{actor} changed the schema extension {subject}."))
    SCHEMA_REMOVED = ("schema.removed", True, "doc", "",
        _("Removed a schema extension"), _("{actor} removed the schema extension {subject}."))

    # Tokens
    TOKEN_ISSUED = ("token.issued", True, "key", "",
        _("Issued a token"), _("{actor} issued {subject}."))
    TOKEN_REVOKED = ("token.revoked", True, "key", "",
        _("Revoked a token"), _("{actor} revoked {subject}."))
    TOKEN_ROTATED = ("token.rotated", True, "key", "",
        _("Rotated a token"), _("{actor} rotated {subject}."))
    TOKEN_SUSPENDED = ("token.suspended", True, "key", "",
        _("Suspended a token"), _("{actor} suspended {subject}."))
    TOKEN_RESTORED = ("token.restored", True, "key", "",
        _("Restored a token"), _("{actor} restored {subject}."))
    TOKEN_EXPIRY_SET = ("token.expiry", True, "key", "",
        _("Changed the expiry of a token"), _("{actor} changed the expiry of {subject}."))

    # OAuth clients
    CLIENT_ADDED = ("client.added", True, "key", "",
        _("Added a client"), _("{actor} added {subject}."))
    CLIENT_SUSPENDED = ("client.suspended", True, "key", "",
        _("Suspended a client"), _("{actor} suspended {subject}."))
    CLIENT_RESTORED = ("client.restored", True, "key", "",
        _("Restored a client"), _("{actor} restored {subject}."))
    CLIENT_REVOKED = ("client.revoked", True, "key", "",
        _("Revoked a client"), _("{actor} revoked {subject}."))
    SECRET_ROTATED = ("client.secret-rotated", True, "key", "",
        _("Rotated a client secret"), _("{actor} rotated the secret of {subject}."))
    SECRET_REVOKED = ("client.secret-revoked", True, "key", "",
        _("Revoked a client secret"), _("{actor} revoked a secret of {subject}."))
    TRUST_CHANGED = ("client.trust", True, "key", "",
        _("Changed whom a client trusts"), _("{actor} changed whom {subject} trusts."))

    # Console accounts, and what they read
    ACCOUNT_ADDED = ("account.added", True, "doc", "",
        _("Added an account"), _("{actor} added the account {subject}."))
    ACCOUNT_CHANGED = ("account.changed", True, "doc", "",
        _("Changed an account"), _("{actor} changed the account {subject}."))
    ACCOUNT_DISABLED = ("account.disabled", True, "doc", "",
        _("Disabled an account"), _("{actor} disabled the account {subject}."))
    ACCOUNT_ENABLED = ("account.enabled", True, "doc", "",
        _("Enabled an account"), _("{actor} enabled the account {subject}."))
    PASSWORD_RESET = ("account.password-reset", True, "doc", "",
        _("Reset a password"), _("{actor} reset the password of {subject}."))
    TWO_STEP_TURNED_ON = ("account.second-factor-enabled", True, "doc", "",
        _("Turned two-step sign-in on"), _("{actor} turned two-step sign-in on for {subject}."))
    TWO_STEP_TURNED_OFF = ("account.second-factor-removed", True, "doc", "",
        _("Turned two-step sign-in off"), _("{actor} turned two-step sign-in off for {subject}."))
    SIGNED_IN = ("console.signed-in", True, "stop", "",
        _("Signed in"), _("{actor} signed in."))
    SIGNED_OUT = ("console.signed-out", True, "stop", "",
        _("Signed out"), _("{actor} signed out."))
    SIGN_IN_FAILED = ("console.sign-in-failed", True, "stop", "",
        _("Sign-in failed"), _("A sign-in as {subject} failed."))
    SIGN_IN_LOCKED = ("console.sign-in-locked", True, "stop", "",
        _("Sign-ins locked"), _("Sign-ins as {subject} were locked for 15 minutes."))
    ADDRESS_LOCKED = ("console.address-locked", True, "stop", "",
        _("Sign-ins from an address locked"), _("Sign-ins from {subject} were locked for 15 minutes."))
    TWO_STEP_FAILED = ("console.second-factor-failed", True, "stop", "",
        _("Two-step sign-in failed"), _("A sign-in as {subject} failed at the two-step code."))
    ACT_REFUSED = ("console.refused", True, "stop", "",
        _("Tried and refused"), _("{actor} tried {subject} and was refused."))
    BODIES_OPENED = ("console.payload-opened", True, "stop", "",
        _("Opened request and response bodies"), _("{actor} opened the request and response bodies of {subject}."))
    EXPORTED = ("console.exported", True, "stop", "",
        _("Exported"), _("{actor} exported {subject}."))
    FILTER_SHARED = ("console.filter-shared", True, "stop", "",
        _("Shared a filter"), _("{actor} shared the filter {subject}."))
    # fmt: on


@dataclass(frozen=True)
class Actor:
    """The actor of a change: a provider by its token, a person in the console, or the system (all fields empty)."""

    token_prefix: str = ""
    person_id: int | None = None
    person_name: str = ""
    address: str | None = None
    request_id: UUID | None = None


SYSTEM = Actor()
