"""Classes of requests: the action, the outcome, and the reason why a request without a usable token was refused.

Each is a table, and every page takes its words, icons and tones from here. The database classifies
the log's rows by the same rules (functions `providers_outcome` and `providers_action`, migration 0007).
"""

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.states import Shown

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Outcome(Shown):
    """How a request ended."""

    SUCCESS = "success", "check", "ok", _("Success")
    REJECTED = "rejected", "alert", "warn", _("Rejected data")
    NOT_FOUND = "not-found", "search", "", _("Not found")
    REFUSED = "refused", "stop", "bad", _("Refused")
    THROTTLED = "throttled", "clock", "warn", _("Throttled")
    ERROR = "error", "x", "bad", _("Our error")


class Action(models.TextChoices):
    """What a request asks for, as far as its method and address show. Its change events show what it has done.

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
    DISCOVER = "discover", "", "", _("Read what iProva can do")
    CREATE = "create", _("Create user"), _("Create group"), _("Create")
    UPDATE = "update", _("Update user"), _("Update group"), _("Update")
    DELETE = "remove", _("Delete user"), _("Delete group"), _("Delete")
    # fmt: on

    def of(self, resource_type: str) -> str:
        """Return the word for a resource type, such as `Create user`, or `Unknown request` for an unknown type."""
        if self is Action.DISCOVER and not resource_type:
            return str(self.label)
        return str({"User": self.of_user, "Group": self.of_group}.get(resource_type) or _("Unknown request"))


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


def outcome_of(status: int) -> Outcome:
    """Return the class of an HTTP status. The log's column `outcome` follows the same rules (migration 0007)."""
    if status < 400:
        return Outcome.SUCCESS
    if status in (401, 403):
        return Outcome.REFUSED
    if status == 404:
        return Outcome.NOT_FOUND
    # A paused provider gets 503. Like 429, it means "later": it is not an error of ours.
    if status in (429, 503):
        return Outcome.THROTTLED
    # 501 is the client's mistake: it used a part of SCIM that /ServiceProviderConfig declares as not supported.
    return Outcome.REJECTED if status < 500 or status == 501 else Outcome.ERROR


def is_problem(outcome: str, *, is_change: bool) -> bool:
    """Return whether an outcome counts as an error. A look-up that finds nothing does not (AC-HEA-3)."""
    if outcome == Outcome.NOT_FOUND:
        return is_change
    return outcome in (Outcome.REJECTED, Outcome.REFUSED, Outcome.ERROR)
