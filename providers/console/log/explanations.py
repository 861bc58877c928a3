"""Explains why a request was not done: a short name for lists, what it means, who must act, what to do (AC-LOG-4).

`EXPLANATIONS` is the table, by the reason that the provisioning log stores with such a request
(`scim.protocol.errors.Reason`, and `SignInFailure` of a client that wanted an access token).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from providers.console.frame.page import Text
from providers.console.log.sign_in_failures import WORDS
from providers.models import RequestLog
from providers.outcomes import Outcome
from scim.protocol.errors import Reason


@dataclass(frozen=True)
class Who:
    """Who must act: in a list, and in a sentence of its own."""

    short: Text
    sentence: Text

    def __str__(self) -> str:
        return str(self.sentence)


ADMINISTRATOR = Who(_("iProva administrator"), _("You: an administrator of iProva."))
DIRECTORY = Who(_("Directory administrator"), _("The administrator of the directory."))
MAKERS = Who(_("Vendor of iProva"), _("The vendor of iProva."))
NOBODY = Who(_("Nobody"), _("Nobody, unless it happens again."))


@dataclass(frozen=True)
class Explanation:
    """The texts about one problem: `problem` is its name in lists, `title` and `meaning` are what happened.

    `who` is who must act, and `act` is what to do.
    """

    problem: Text
    title: Text
    meaning: Text
    who: Who
    act: Text


_NEXT_CYCLE = _("Correct the attribute mapping; the next cycle tries again by itself.")
_NEW_TOKEN = _("Make a new permanent token, enter it in the directory, and test the connection there.")
_SCIM_2 = _("Check that the job uses SCIM 2.0.")
_FEWER = _("Let the directory send fewer changes at a time.")

_FILTER = Explanation(
    _("Filter not understood"),
    _("The filter cannot be read."),
    _("The directory looked for a user by an attribute that does not exist, or in a way that SCIM does not have."),
    DIRECTORY,
    _("Correct the matching attribute in the attribute mapping: our response names the place where reading stopped."),
)
_PATH = Explanation(
    _("Path not understood"),
    _("The attribute path does not exist."),
    _("The directory wants to change an attribute that users and groups do not have here. Nothing was changed."),
    DIRECTORY,
    _NEXT_CYCLE,
)
_VALUE = Explanation(
    _("Value cannot be used"),
    _("A value is missing or not allowed."),
    _("One attribute has no value where one is required, or one of another kind. Nothing was changed."),
    DIRECTORY,
    _NEXT_CYCLE,
)
_REQUIRED = replace(_VALUE, problem=_("Required value missing"))
_UNKNOWN = replace(_VALUE, problem=_("Attribute not known"))
_MEMBERS = replace(
    _VALUE,
    problem=_("Member not known"),
    act=_("Provision the users before their memberships. If they should exist here already, restart provisioning."),
)
_SYNTAX = Explanation(
    _("Request not understood"),
    _("The request cannot be read."),
    _("The request body is not a SCIM message: it was cut off, or is not JSON. Nothing was changed."),
    DIRECTORY,
    _("Check that the job uses SCIM 2.0 and that no proxy on the way changes requests."),
)
_NO_TARGET = Explanation(
    _("Nothing there to change"),
    _("There is nothing to change at that path."),
    _("The directory wants to change a part of an attribute that this user does not have. Nothing was changed."),
    DIRECTORY,
    _("Restart provisioning, so that the directory reads this user again."),
)
_READ_ONLY = Explanation(
    _("Attribute cannot be changed"),
    _("The attribute is read-only."),
    _("The directory wants to set an attribute that iProva sets by itself. Nothing was changed."),
    DIRECTORY,
    _("Remove it from the attribute mapping."),
)
_TOO_MUCH = Explanation(
    _("Too much in one request"),
    _("Too much in one request."),
    _("The request asks for more than one request may hold. Nothing was changed."),
    DIRECTORY,
    _FEWER,
)
_FULL = Explanation(
    _("The provider is full"),
    _("The provider has as many users or groups as it may have."),
    _("The directory creates more users or groups than the operator of iProva allows. Nothing was created."),
    ADMINISTRATOR,
    _(
        "Check the scope of provisioning in the directory. If it is right, have the limit raised (PROVIDER_USERS, "
        "PROVIDER_GROUPS)."
    ),
)
_CURSOR = Explanation(
    _("Page not found"),
    _("The page of the list does not exist any more."),
    _("The directory asked for the next page of a list with a mark that is too old, or of another list."),
    NOBODY,
    _("The directory begins the list again by itself."),
)
_STRICT = Explanation(
    _("Not in the standard's form"),
    _("The strict protocol rejects this form."),
    _("The directory sent a form that only some directories send, and this provider takes the standard's forms only."),
    ADMINISTRATOR,
    _("Turn the strict protocol off for this provider, or have the directory corrected."),
)
_TAKEN = Explanation(
    _("userName already taken"),
    _("The name is already taken."),
    _("iProva already holds this name in another record of this provider, so nothing was changed."),
    DIRECTORY,
    _(
        "If both are the same person: match on the existing record instead of creating again. If not: give one of them "
        "another name. The directory tries again by itself in the next cycle."
    ),
)
_NOT_FOUND = Explanation(
    _("Not found"),
    _("It is not known to this provider."),
    _("The directory asks for a user or group that this provider never had, or that was deleted here."),
    NOBODY,
    _("A look-up before creating is normal. If an update keeps failing, restart provisioning in the directory."),
)
_CHANGED_MEANWHILE = Explanation(
    _("Changed meanwhile"),
    _("Another request changed it first."),
    _("The directory wanted to change a version that is no longer the newest. Nothing was changed."),
    NOBODY,
    _("The directory reads it again and repeats the change."),
)
_UNKNOWN_ROUTE = Explanation(
    _("Not found"),
    _("There is nothing at this address."),
    _("The directory calls an address that SCIM does not have here: the Tenant URL probably has a typing error."),
    DIRECTORY,
    _("Copy the Tenant URL from the page of the provider once more."),
)
_METHOD = Explanation(
    _("Request refused"),
    _("This cannot be done at this address."),
    _("The directory uses a verb that SCIM does not have there. Nothing was changed."),
    DIRECTORY,
    _SCIM_2,
)
_MEDIA_TYPE = Explanation(
    _("Request refused"),
    _("The media type is not SCIM."),
    _("The request body was sent as something other than JSON. Nothing was changed."),
    DIRECTORY,
    _SCIM_2,
)
_ENCODING = Explanation(
    _("Request refused"),
    _("The request body is compressed."),
    _("The directory, or a proxy in front of iProva, compresses request bodies. iProva does not read such bodies."),
    DIRECTORY,
    _("Turn the compression of requests off."),
)
_NOTHING_UNDERSTOOD = Explanation(
    _("Nothing understood"),
    _("Nothing in the request was understood."),
    _("The request changes only attributes that no schema of this provider has. Nothing was changed."),
    DIRECTORY,
    _("Remove these attributes from the attribute mapping, or add a schema extension that has them."),
)
_BODY_TOO_LARGE = Explanation(
    _("Too large"),
    _("The request is too large."),
    _("The request body is larger than iProva takes. Nothing was changed."),
    ADMINISTRATOR,
    _("Let the directory send fewer members at a time, or raise MAX_BODY_MIB."),
)
_NOT_OFFERED = Explanation(
    _("Not offered"),
    _("iProva does not offer this."),
    _("The directory uses an optional part of SCIM that is not offered here, and can see so beforehand."),
    DIRECTORY,
    _("Switch that part off in the job."),
)
_REVOKED = Explanation(
    _("Token refused"),
    _("The token was revoked."),
    _("The directory still sends a token that an administrator of iProva has revoked. No user is disabled by this."),
    ADMINISTRATOR,
    _NEW_TOKEN,
)
_EXPIRED = Explanation(
    _("Token refused"),
    _("The token has expired."),
    _("The directory sends a token that has expired. No user is disabled by this."),
    ADMINISTRATOR,
    _NEW_TOKEN,
)
_ACCESS_TOKEN = Explanation(
    _("Token refused"),
    _("The access token is no longer valid."),
    _("It has expired, or its client was suspended or revoked. A client gets a new one by itself, unless it may not."),
    NOBODY,
    _("If it comes back, look for the sign-in of the client that was refused."),
)
_SUSPENDED = Explanation(
    _("Token refused"),
    _("The token is suspended."),
    _("An administrator of iProva has suspended this token. No user is disabled by this."),
    ADMINISTRATOR,
    _("Restore the token; the next cycle continues where it stopped."),
)
_PROVIDER_DELETED = Explanation(
    _("Token refused"),
    _("The provider of this token was deleted."),
    _("The directory still calls with a token of a provider that no longer exists."),
    DIRECTORY,
    _("Stop provisioning in the directory, or restore the provider."),
)
_ADDRESS = Explanation(
    _("Refused"),
    _("The address is not allowed."),
    _("The call came with a valid token from an address outside the allowed ranges."),
    ADMINISTRATOR,
    _(
        "If the address belongs to your directory, add it under IP restriction. If nobody recognises it, replace the "
        "token."
    ),
)
_PAUSED = Explanation(
    _("Paused"),
    _("The provider is paused."),
    _("An administrator of iProva has paused it: the directory is asked to come back later. No user is disabled."),
    ADMINISTRATOR,
    _("Resume the provider; what was held back comes by itself."),
)
_TOO_FAST = Explanation(
    _("Too many requests"),
    _("The directory sends too many requests a second."),
    _(
        "The provider sent more requests a second than the setting PROVIDER_RATE allows, so the directory is asked to "
        "send this one again a little later. Nothing was changed. Of many such requests the log has one a second; the "
        "figures of the provider count them all."
    ),
    ADMINISTRATOR,
    _(
        "Directories rarely send that many: look for another program that uses the token. If it is the directory, ask "
        "the operator of this server to raise PROVIDER_RATE."
    ),
)
_REFUSED_TOO_OFTEN = Explanation(
    _("Too many refused requests"),
    _("Too many refused requests came from this address."),
    _(
        "More requests from one address were refused than the setting REFUSED_RATE allows, and the others show why. "
        "Requests with a good token are not limited by this."
    ),
    ADMINISTRATOR,
    _("Look at the refused requests of this address: their reason shows what to correct."),
)
_HELD = Explanation(
    _("Removals held back"),
    _("Removals are held back."),
    _(
        "The directory has removed unusually many users at once, and this request would remove more. "
        "Nothing was changed."
    ),
    ADMINISTRATOR,
    _("Decide on the page of the provider: allow the removals, or reject them. The directory asks again by itself."),
)
_REJECTED = Explanation(
    _("Removals rejected"),
    _("Removals are rejected."),
    _("An administrator of iProva has rejected that more users are removed. Nothing was changed."),
    ADMINISTRATOR,
    _("Ask the directory's administrator whom to remove, then lift the rejection on the page of the provider."),
)
_DATABASE_AWAY = Explanation(
    _("Our error"),
    _("iProva was briefly unavailable."),
    _("The database did not respond; nothing was changed."),
    NOBODY,
    _("The directory tries again by itself. If this lasts, look in the log of the server."),
)
_INTERNAL = Explanation(
    _("Our error"),
    _("Something went wrong in iProva."),
    _("This is an error on our side. The request changed nothing."),
    MAKERS,
    _("Send us the request id. The directory repeats the request in the next cycle."),
)
_NOT_FINISHED = Explanation(
    _("Not finished"),
    _("The request has not ended."),
    _(
        "It has run for more than 5 seconds. If this does not change, iProva was stopped in the meantime and did not "
        "respond."
    ),
    MAKERS,
    _("Send us the request id if this happens again. The directory repeats the request in the next cycle."),
)
_ADAPTER = Explanation(
    _("Request refused"),
    _("An adapter of this installation refused the request."),
    _("Your own adapter decides on these requests; its sentence is in our response."),
    ADMINISTRATOR,
    _("Ask the author of the adapter."),
)

EXPLANATIONS: Mapping[str, Explanation] = {
    Reason.INVALID_FILTER: _FILTER,
    Reason.DISCOVERY_FILTER: _FILTER,
    Reason.INVALID_PATH: _PATH,
    Reason.INVALID_SYNTAX: _SYNTAX,
    Reason.MISSING_SCHEMA: _SYNTAX,
    Reason.INVALID_VALUE: _VALUE,
    Reason.FOREIGN_SCHEMA: _VALUE,
    Reason.UNKNOWN_ATTRIBUTE: _UNKNOWN,
    Reason.REQUIRED_ATTRIBUTE: _REQUIRED,
    Reason.UNKNOWN_MEMBERS: _MEMBERS,
    Reason.DELETED_MEMBERS: _MEMBERS,
    Reason.NO_MEMBER_LEFT: _MEMBERS,
    Reason.NOT_STORABLE: _VALUE,
    Reason.RESOURCE_TOO_LARGE: _VALUE,
    Reason.STRICT_PROTOCOL: _STRICT,
    Reason.INVALID_CURSOR: _CURSOR,
    Reason.EXPIRED_CURSOR: _CURSOR,
    Reason.INVALID_COUNT: _SYNTAX,
    Reason.NO_TARGET: _NO_TARGET,
    Reason.READ_ONLY: _READ_ONLY,
    Reason.IMMUTABLE: _READ_ONLY,
    Reason.REQUIRED_REMOVED: _READ_ONLY,
    Reason.TOO_MANY: _TOO_MUCH,
    Reason.TOO_COSTLY: _TOO_MUCH,
    Reason.BULK_TOO_LONG: _TOO_MUCH,
    Reason.LEFT_OVER: _TOO_MUCH,
    Reason.BULK_ID_UNRESOLVED: _VALUE,
    Reason.NAME_TAKEN: _TAKEN,
    Reason.NOT_FOUND: _NOT_FOUND,
    Reason.VERSION_MISMATCH: _CHANGED_MEANWHILE,
    Reason.UNKNOWN_ROUTE: _UNKNOWN_ROUTE,
    Reason.METHOD_NOT_ALLOWED: _METHOD,
    Reason.MEDIA_TYPE: _MEDIA_TYPE,
    Reason.CONTENT_ENCODING: _ENCODING,
    Reason.BODY_TOO_LARGE: _BODY_TOO_LARGE,
    Reason.ME: _NOT_OFFERED,
    # A request with such a token belongs to no provider, so it is counted as a refused call and not logged.
    Reason.TOKEN_UNUSABLE: _PROVIDER_DELETED,
    Reason.TOKEN_REVOKED: _REVOKED,
    Reason.TOKEN_EXPIRED: _EXPIRED,
    Reason.TOKEN_SUSPENDED: _SUSPENDED,
    Reason.ACCESS_TOKEN_ENDED: _ACCESS_TOKEN,
    Reason.PROVIDER_DELETED: _PROVIDER_DELETED,
    Reason.ADDRESS_REFUSED: _ADDRESS,
    Reason.TOO_FAST: _TOO_FAST,
    Reason.REFUSED_TOO_OFTEN: _REFUSED_TOO_OFTEN,
    Reason.PAUSED: _PAUSED,
    Reason.PROVIDER_FULL: _FULL,
    Reason.REMOVALS_HELD: _HELD,
    Reason.REMOVALS_REJECTED: _REJECTED,
    Reason.ADAPTER: _ADAPTER,
    Reason.DATABASE_AWAY: _DATABASE_AWAY,
    Reason.NOT_FINISHED: _NOT_FINISHED,
    Reason.INTERNAL_ERROR: _INTERNAL,
    Reason.NOTHING_UNDERSTOOD: _NOTHING_UNDERSTOOD,
    **{
        failure: Explanation(
            words.title, words.title, words.meaning, ADMINISTRATOR if words.is_ours else DIRECTORY, words.act
        )
        for failure, words in WORDS.items()
    },
}


def explain(row: RequestLog) -> Explanation | None:
    """Return the explanation of one request; None for a success that needs none."""
    return None if row.outcome == Outcome.SUCCESS and not row.reason else explanation_of(row.reason, row.status)


def explanation_of(reason: str, status: int) -> Explanation:
    """Return the explanation of a stored reason. Earlier versions stored none (""): then the status decides."""
    if not reason:
        return _INTERNAL if status >= 500 else _SYNTAX
    return EXPLANATIONS[reason]


def name_of_problem(status: int, reason: str, resource_type: str) -> str:
    """Return what went wrong in a few words: `userName already taken`."""
    if reason == Reason.NAME_TAKEN and resource_type == "Group":
        return _now("displayName already taken")
    return str(explanation_of(reason, status).problem).rstrip(".")


def why(status: int, reason: str, resource_type: str, rejected: Sequence[str]) -> str:
    """Return what went wrong in a few words, with the attributes that it was about: `Value cannot be used: active`."""
    problem = name_of_problem(status, reason, resource_type)
    names = ", ".join(rejected[:3]) if reason not in _NOT_ABOUT_VALUES else ""
    return f"{problem}: {names}" if names and names not in problem else problem


# These are about a whole request, and a name that is taken is in the words already.
_NOT_ABOUT_VALUES = (Reason.REMOVALS_HELD, Reason.REMOVALS_REJECTED, Reason.NAME_TAKEN, Reason.PROVIDER_FULL)


def why_of(row: RequestLog, rejected: Sequence[str]) -> str:
    """Return the same for one request; "" for a success."""
    return why(row.status, row.reason, row.resource_type, rejected) if row.outcome != Outcome.SUCCESS else ""
