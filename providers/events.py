"""Each kind of event, with the sentence that the console shows for it.

A `ChangeEvent` keeps the kind's value; its sentence is filled from the event's own columns.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _


class EventKind(models.TextChoices):
    """value: what is stored · label: what the console says (`{actor}` and `{subject}` are filled in)."""

    RESOURCE_CREATED = "resource.created", _("{actor} created {subject}.")
    RESOURCE_CHANGED = "resource.changed", _("{actor} changed {subject}.")
    RESOURCE_DISABLED = "resource.disabled", _("{actor} disabled {subject}.")
    RESOURCE_ENABLED = "resource.enabled", _("{actor} enabled {subject}.")
    RESOURCE_DELETED = "resource.deleted", _("{actor} deleted {subject}.")
    RESOURCE_RESTORED = "resource.restored", _("{actor} restored {subject}.")
    RESOURCE_PURGED = "resource.purged", _("{actor} purged {subject}.")
    MEMBERS_CHANGED = "group.members", _("{actor} changed the members of {subject}.")
    PROVIDER_ADDED = "provider.added", _("{actor} added provider {subject}.")
    PROVIDER_CHANGED = "provider.changed", _("{actor} changed provider {subject}.")
    PROVIDER_PAUSED = "provider.paused", _("{actor} paused provider {subject}.")
    PROVIDER_RESUMED = "provider.resumed", _("{actor} resumed provider {subject}.")
    PROVIDER_DELETED = "provider.deleted", _("{actor} deleted provider {subject}.")
    PROVIDER_RESTORED = "provider.restored", _("{actor} restored provider {subject}.")
    PROVIDER_PURGED = "provider.purged", _("{actor} purged provider {subject}.")
    BRAKE_HELD = "brake.held", _("{actor} held back further departures of {subject}.")
    BRAKE_RELEASED = "brake.released", _("{actor} let the departures of {subject} through.")
    BRAKE_REJECTED = "brake.rejected", _("{actor} rejected further departures of {subject}.")
    BRAKE_LIFTED = "brake.lifted", _("{actor} lifted the rejection for {subject}.")
    PROVIDER_TESTED = "provider.tested", _("{actor} tested the connection of {subject}.")
    IP_MODE_CHANGED = "ip.mode", _("{actor} changed the IP restriction of {subject}.")
    IP_RANGES_CHANGED = "ip.ranges", _("{actor} changed the allowed ranges of {subject}.")
    SCHEMA_ADDED = "schema.added", _("{actor} added the schema extension {subject}.")
    SCHEMA_CHANGED = "schema.changed", _("{actor} changed the schema extension {subject}.")
    SCHEMA_REMOVED = "schema.removed", _("{actor} removed the schema extension {subject}.")
    TOKEN_ISSUED = "token.issued", _("{actor} issued {subject}.")
    TOKEN_REVOKED = "token.revoked", _("{actor} revoked {subject}.")
    TOKEN_ROTATED = "token.rotated", _("{actor} rotated {subject}.")
    TOKEN_SUSPENDED = "token.suspended", _("{actor} suspended {subject}.")
    TOKEN_RESTORED = "token.restored", _("{actor} restored {subject}.")
    TOKEN_EXPIRY_SET = "token.expiry", _("{actor} changed the expiry of {subject}.")
    PAYLOAD_OPENED = "console.payload-opened", _("{actor} opened the bodies of {subject}.")
    ACCOUNT_ADDED = "account.added", _("{actor} added the account {subject}.")
    ACCOUNT_CHANGED = "account.changed", _("{actor} changed the account {subject}.")
    ACCOUNT_DISABLED = "account.disabled", _("{actor} disabled the account {subject}.")
    ACCOUNT_ENABLED = "account.enabled", _("{actor} enabled the account {subject}.")
    PASSWORD_RESET = "account.password-reset", _("{actor} reset the password of {subject}.")
    SECOND_FACTOR_ENABLED = "account.second-factor-enabled", _("{actor} turned two-step sign-in on for {subject}.")
    SECOND_FACTOR_REMOVED = "account.second-factor-removed", _("{actor} turned two-step sign-in off for {subject}.")
    EXPORTED = "console.exported", _("{actor} exported {subject}.")
    FILTER_SHARED = "console.filter-shared", _("{actor} shared the filter {subject}.")
    SIGNED_OUT = "console.signed-out", _("{actor} signed out.")
    SIGNED_IN = "console.signed-in", _("{actor} signed in.")
    SIGN_IN_FAILED = "console.sign-in-failed", _("A sign-in as {subject} failed.")
    SIGN_IN_LOCKED = "console.sign-in-locked", _("Sign-ins as {subject} were locked for 15 minutes.")
    SECOND_FACTOR_FAILED = "console.second-factor-failed", _("A sign-in as {subject} failed at its code.")
    ACT_REFUSED = "console.refused", _("{actor} tried {subject} and was refused.")


@dataclass(frozen=True)
class Actor:
    """Who does something: a provider by its token, a person in the console, or the system (all empty)."""

    token_prefix: str = ""
    person_id: int | None = None
    person_name: str = ""
    address: str | None = None
    request_id: UUID | None = None


SYSTEM = Actor()
