"""Classes of requests: action, outcome, and why one without a usable token, or a client at sign-in, was refused.

Each is a table, and every page takes its words, icons and tones from here. The database classifies
the log's rows by the same rules (the functions `providers_outcome`, `providers_is_problem` and `providers_action`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.states import Shown
from scim.protocol.errors import Reason

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Outcome(Shown):
    """How a request ended.

    Held back and paused are decisions of administrators: the directory tries again later. Throttled means too fast.
    """

    SUCCESS = "success", "check", "ok", _("Success")
    REJECTED = "rejected", "alert", "warn", _("Rejected data")
    NOT_FOUND = "not-found", "search", "", _("Not found")
    REFUSED = "refused", "stop", "bad", _("Refused")
    HELD = "held", "hold", "warn", _("Held back")
    PAUSED = "paused", "pause", "warn", _("Paused")
    THROTTLED = "throttled", "clock", "warn", _("Throttled")
    ERROR = "error", "x", "bad", _("Our error")


class Action(models.TextChoices):
    """What a request asks for, whatever became of it. Its change events show what it has done.

    A row is `value, word for a user, word for a group, word in menus`; `of` chooses one. An action without a resource
    type has only the word in menus.
    """

    of_user: str
    of_group: str

    def __new__(cls, value: str, *words: str) -> Self:
        action = str.__new__(cls, value)
        action._value_ = value
        action.of_user, action.of_group = words
        return action

    # fmt: off
    LOOK_UP = "look-up", _("Look up user"), _("Look up group"), _("Look up")
    TEST = "test", _("Connection test"), _("Connection test"), _("Connection test")
    DISCOVER = "discover", "", "", _("Read capabilities")
    CREATE = "create", _("Create user"), _("Create group"), _("Create")
    UPDATE = "update", _("Update user"), _("Update group"), _("Update")
    DISABLE = "disable", _("Disable user"), _("Disable user"), _("Disable")
    ENABLE = "enable", _("Enable user"), _("Enable user"), _("Enable")
    MEMBERS = "members", _("Change members"), _("Change members"), _("Membership")
    DELETE = "remove", _("Delete user"), _("Delete group"), _("Delete")
    BULK = "bulk", "", "", _("Several operations in one request")
    SIGN_IN = "sign-in", "", "", _("Sign in for an access token")
    # fmt: on

    def of(self, resource_type: str) -> str:
        """Return the word for a resource type, such as `Create user`, or `Unknown request` for an unknown type."""
        if not self.of_user and not resource_type:
            return str(self.label)
        return str({"User": self.of_user, "Group": self.of_group}.get(resource_type) or _("Unknown request"))


# The actions that change users and groups.
WRITES = (Action.CREATE, Action.UPDATE, Action.DISABLE, Action.ENABLE, Action.MEMBERS, Action.DELETE)
# Those that change a resource that exists and keeps existing.
UPDATES = frozenset({Action.UPDATE, Action.DISABLE, Action.ENABLE, Action.MEMBERS})


class Refusal(Shown):
    """Why a request belongs to no provider. Nothing else of such a request is kept (AC-REF-3, AC-REF-4)."""

    NO_TOKEN = "no-token", "stop", "warn", _("No token")
    JWT = "jwt", "stop", "bad", _("A token of Entra's own")
    BEARER_TWICE = "bearer-twice", "stop", "bad", _("The word Bearer twice")
    QUOTED = "quoted-token", "stop", "bad", _("A token in quotes")
    SPACED = "spaced-token", "stop", "bad", _("A token with spaces")
    ALTERED = "altered-token", "stop", "bad", _("A token that was cut off or changed")
    NEVER_ISSUED = "never-issued", "stop", "bad", _("A token that is not ours")
    UNKNOWN = "unknown-token", "stop", "bad", _("Unknown token")
    CLIENT_SECRET = "client-secret", "stop", "bad", _("A client secret in the place of a token")
    ACCESS_ENDED = "access-ended", "clock", "", _("An access token that has expired")
    UNKNOWN_CLIENT = "unknown-client", "stop", "bad", _("Unknown client at sign-in")
    UNPROVEN = "unproven-client", "stop", "bad", _("Client that did not prove itself")
    LOCKED = "locked-client", "stop", "bad", _("Client that was refused too often")


class SignInFailure(StrEnum):
    """Why a known client got no access token. The provisioning log stores the value as its reason.

    All get the same response: nobody learns from it what was wrong. `proves_itself`: the client had shown a secret that
    was its own, or an assertion that was signed for it, so the request is certainly from its directory.
    """

    proves_itself: bool

    def __new__(cls, value: str, proves_itself: bool = False) -> Self:
        failure = str.__new__(cls, value)
        failure._value_ = value
        failure.proves_itself = proves_itself
        return failure

    # fmt: off
    METHOD = "sign-in-method"
    SECRET_WRONG = "secret-wrong"
    SECRET_REVOKED = "secret-revoked", True
    SECRET_EXPIRED = "secret-expired", True
    CLIENT_REVOKED = "client-revoked"
    CLIENT_SUSPENDED = "client-suspended"
    PROVIDER_DELETED = "client-provider-deleted"
    ASSERTION_TOO_LONG = "assertion-too-long"
    ASSERTION_FORM = "assertion-form"
    ASSERTION_ALGORITHM = "assertion-algorithm"
    ASSERTION_NO_KEY_ID = "assertion-no-key-id"
    ASSERTION_ISSUER = "assertion-issuer"
    ASSERTION_KEYS = "assertion-keys"
    ASSERTION_KEY = "assertion-key"
    ASSERTION_SIGNATURE = "assertion-signature"
    ASSERTION_EXPIRED = "assertion-expired"
    ASSERTION_NOT_YET = "assertion-not-yet"
    ASSERTION_LIFE = "assertion-life"
    ASSERTION_TENANT = "assertion-tenant"
    ASSERTION_SUBJECT = "assertion-subject"
    ASSERTION_AUDIENCE = "assertion-audience"
    ASSERTION_AUTHORIZED_PARTY = "assertion-authorized-party"
    ASSERTION_NO_ID = "assertion-no-id", True
    ASSERTION_USED = "assertion-used", True
    # fmt: on


_BY_REASON: Mapping[str, Outcome] = {
    Reason.REMOVALS_HELD: Outcome.HELD,
    Reason.PAUSED: Outcome.PAUSED,
    Reason.LEFT_OVER: Outcome.THROTTLED,
    Reason.NOTHING_UNDERSTOOD: Outcome.REJECTED,  # answered with success, although nothing was done
}
# The directory is asked to come back later, so nothing has failed.
WAITING = frozenset({Outcome.HELD, Outcome.PAUSED, Outcome.THROTTLED})


def outcome_of(status: int, reason: str = "") -> Outcome:
    """Return the outcome of a response by its HTTP status and its `Reason`. The log's column has the same rules."""
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    if status < 400:
        return Outcome.SUCCESS
    if status in (401, 403):
        return Outcome.REFUSED
    if status == 404:
        return Outcome.NOT_FOUND
    if status == 429:
        return Outcome.THROTTLED
    # 501 is the client's mistake: it used a part of SCIM that /ServiceProviderConfig declares as not supported.
    return Outcome.REJECTED if status < 500 or status == 501 else Outcome.ERROR


def is_problem(outcome: str, *, is_change: bool) -> bool:
    """Return whether a request is a problem: it was not done. A look-up that finds nothing is not one (AC-HEA-3)."""
    return outcome != Outcome.SUCCESS and (is_change or outcome != Outcome.NOT_FOUND)


def is_failure(outcome: str, *, is_change: bool) -> bool:
    """Return whether a request failed: a problem, except that it was refused or only has to come back later."""
    return is_problem(outcome, is_change=is_change) and outcome not in {Outcome.REFUSED, *WAITING}
