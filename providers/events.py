"""Each kind of event, with the sentence that the console shows for it.

A `ChangeEvent` keeps the kind's value; its sentence is filled from the event's own columns.
"""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID


class EventKind(Enum):
    """value: what is stored · sentence: what the console says (`{actor}`, `{subject}` are filled in)."""

    RESOURCE_CREATED = "resource.created", "{actor} created {subject}."
    RESOURCE_CHANGED = "resource.changed", "{actor} changed {subject}."
    RESOURCE_DISABLED = "resource.disabled", "{actor} disabled {subject}."
    RESOURCE_ENABLED = "resource.enabled", "{actor} enabled {subject}."
    RESOURCE_DELETED = "resource.deleted", "{actor} deleted {subject}."
    RESOURCE_RESTORED = "resource.restored", "{actor} restored {subject}."
    MEMBERS_CHANGED = "group.members", "{actor} changed the members of {subject}."
    PROVIDER_ADDED = "provider.added", "{actor} added provider {subject}."
    PROVIDER_CHANGED = "provider.changed", "{actor} changed provider {subject}."
    PROVIDER_PAUSED = "provider.paused", "{actor} paused provider {subject}."
    PROVIDER_RESUMED = "provider.resumed", "{actor} resumed provider {subject}."
    PROVIDER_DELETED = "provider.deleted", "{actor} deleted provider {subject}."
    TOKEN_ISSUED = "token.issued", "{actor} issued {subject}."
    TOKEN_REVOKED = "token.revoked", "{actor} revoked {subject}."
    SIGNED_IN = "console.signed-in", "{actor} signed in."
    SIGN_IN_FAILED = "console.sign-in-failed", "A sign-in as {subject} failed."
    ACT_REFUSED = "console.refused", "{actor} tried {subject} and was refused."

    def __init__(self, value: str, sentence: str) -> None:
        self._value_ = value
        self.sentence = sentence


@dataclass(frozen=True)
class Actor:
    """Who does something: a provider by its token, a person in the console, or the system (all empty)."""

    token_prefix: str = ""
    person_id: int | None = None
    person_name: str = ""
    address: str | None = None
    request_id: UUID | None = None


SYSTEM = Actor()
