"""What an answer that was no success means, who must act, and what to do (AC-LOG-4).

Chosen by status, scimType and, where one status has several causes, by a word of our own `detail`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from providers.console.frame.page import Text
from providers.models import RequestLog
from providers.outcomes import Action, Outcome

ADMINISTRATOR = _("You: an administrator of iProva.")
ENTRA = _("The administrator of the directory (in Entra: of the enterprise application).")
MAKERS = _("The makers of iProva.")
NOBODY = _("Nobody, if it does not come back.")


@dataclass(frozen=True)
class Explanation:
    title: Text
    meaning: Text
    who: Text
    act: Text


_NEXT_CYCLE = _("Correct the attribute mapping; the next cycle tries again by itself.")

_BAD_REQUEST: Mapping[str, Explanation] = {
    "invalidFilter": Explanation(
        _("The filter cannot be read."),
        _("The directory looked for somebody by an attribute that does not exist, or in a way SCIM does not know."),
        ENTRA,
        _("Correct the matching attribute in the attribute mapping: our answer names the place where reading stopped."),
    ),
    "invalidPath": Explanation(
        _("The attribute path does not exist."),
        _("The directory wants to change an attribute that users and groups do not have here. Nothing was changed."),
        ENTRA,
        _NEXT_CYCLE,
    ),
    "invalidValue": Explanation(
        _("A value is missing or not allowed."),
        _("One attribute has no value where one is required, or one of another kind. Nothing was changed."),
        ENTRA,
        _NEXT_CYCLE,
    ),
    "invalidSyntax": Explanation(
        _("The request cannot be read."),
        _("What was sent is no SCIM message: it was cut off, or is not JSON. Nothing was changed."),
        ENTRA,
        _("Check that the job speaks SCIM 2.0 and that no proxy on the way alters requests."),
    ),
    "noTarget": Explanation(
        _("There is nothing to change at that path."),
        _("The directory wants to change a part of an attribute that this person does not have. Nothing was changed."),
        ENTRA,
        _("Restart provisioning, so that the directory reads this person again."),
    ),
    "mutability": Explanation(
        _("The attribute is read-only."),
        _("The directory wants to set an attribute that iProva sets by itself. Nothing was changed."),
        ENTRA,
        _("Remove it from the attribute mapping."),
    ),
    "tooMany": Explanation(
        _("Too much in one request."),
        _("The request asks for more than one request may hold. Nothing was changed."),
        ENTRA,
        _("Let the directory send fewer changes at a time."),
    ),
}
_TOKEN: Mapping[str, Explanation] = {
    "revoked": Explanation(
        _("The token was revoked."),
        _("The directory still sends a token that an administrator of iProva has revoked. Nobody is disabled by this."),
        ADMINISTRATOR,
        _("Make a new permanent token and enter it in Entra as Secret Token; then use Test Connection there."),
    ),
    "expired": Explanation(
        _("The token has expired."),
        _("The directory sends a token whose time is over. Nobody is disabled by this."),
        ADMINISTRATOR,
        _("Make a new permanent token and enter it in Entra as Secret Token; then use Test Connection there."),
    ),
    "suspended": Explanation(
        _("The token is suspended."),
        _("An administrator of iProva has suspended this token. Nobody is disabled by this."),
        ADMINISTRATOR,
        _("Restore the token; the next cycle goes on where it stopped."),
    ),
}
_UNKNOWN_TOKEN = Explanation(
    _("The provider of this token was deleted."),
    _("The directory still calls with a token of a provider that is no longer there."),
    ENTRA,
    _("Stop provisioning in Entra, or restore the provider."),
)
_PAUSED = Explanation(
    _("The provider is paused."),
    _("An administrator of iProva has paused it: the directory is asked to come back later. Nobody is disabled."),
    ADMINISTRATOR,
    _("Resume the provider; what was held back comes by itself."),
)
_HELD = Explanation(
    _("Departures are held back."),
    _("The directory disabled or deleted unusually many people at once; this one was to follow. Nothing was changed."),
    ADMINISTRATOR,
    _("Decide on the page of the provider: let them through, or reject. Entra asks again by itself."),
)
_REJECTED = Explanation(
    _("Departures are rejected."),
    _("An administrator of iProva has rejected that more people are disabled or deleted. Nothing was changed."),
    ADMINISTRATOR,
    _("Clear up with the directory who should have left, then lift the rejection on the page of the provider."),
)
_BY_DETAIL: Mapping[tuple[int, str], Explanation] = {
    (503, "paused"): _PAUSED,
    (503, "holds further ones"): _HELD,
    (403, "has rejected"): _REJECTED,
}
_UNKNOWN_ROUTE = Explanation(
    _("There is nothing at this address."),
    _("The directory calls an address that SCIM does not have here: mostly the Tenant URL has a typing error."),
    ENTRA,
    _("Copy the Tenant URL from the page of the provider once more."),
)
_STATUS: Mapping[int, Explanation] = {
    403: Explanation(
        _("The address is not allowed."),
        _("The call came with a good token from an address that the IP restriction does not cover."),
        ADMINISTRATOR,
        _("If the address is your directory's, add it under IP restriction. If nobody knows it, replace the token."),
    ),
    405: Explanation(
        _("This cannot be done at this address."),
        _("The directory uses a verb that SCIM does not have there. Nothing was changed."),
        ENTRA,
        _("Check that the job speaks SCIM 2.0."),
    ),
    409: Explanation(
        _("The name is already taken."),
        _("iProva already holds this name in another record of this provider, so nothing was changed."),
        ENTRA,
        _(
            "If both are the same person: match on the existing record instead of creating again. If not: give one of "
            "them another name. Entra tries again by itself in the next cycle."
        ),
    ),
    412: Explanation(
        _("Somebody else changed it first."),
        _("The directory wanted to change a version that is no longer the newest. Nothing was changed."),
        NOBODY,
        _("The directory reads it again and repeats the change."),
    ),
    413: Explanation(
        _("The request is too large."),
        _("The body is larger than iProva takes. Nothing was changed."),
        ADMINISTRATOR,
        _("Let the directory send fewer members at a time, or raise MAX_BODY_MIB."),
    ),
    415: Explanation(
        _("The media type is not SCIM."),
        _("The body was sent as something other than JSON. Nothing was changed."),
        ENTRA,
        _("Check that the job speaks SCIM 2.0."),
    ),
    429: Explanation(
        _("Too many requests at once."),
        _("The directory was asked to wait; nothing was lost."),
        NOBODY,
        _("It comes back by itself."),
    ),
    500: Explanation(
        _("iProva failed."),
        _("This is an error on our side. The request changed nothing."),
        MAKERS,
        _("Send us the request id. The directory repeats the request in the next cycle."),
    ),
    501: Explanation(
        _("iProva does not offer this."),
        _("The directory uses an optional part of SCIM that is not offered here, and can see so beforehand."),
        ENTRA,
        _("Switch that part off in the job."),
    ),
    503: Explanation(
        _("iProva was out of order for a moment."),
        _("The database did not answer; nothing was changed."),
        NOBODY,
        _("The directory comes back by itself. If it lasts, look at the server's own log."),
    ),
}
_NOT_FOUND = Explanation(
    _("It is not known to this provider."),
    _("The directory asks for a user or group that this provider never had, or that was removed here."),
    NOBODY,
    _("A look-up before creating is normal. If an update keeps failing, restart provisioning in Entra."),
)


def explain(row: RequestLog) -> Explanation | None:
    """The explanation of one request; None for a success."""
    if row.outcome == Outcome.SUCCESS:
        return None
    if row.status == 400:
        return _BAD_REQUEST.get(row.scim_type, _BAD_REQUEST["invalidSyntax"])
    if row.status == 401:
        return next((said for word, said in _TOKEN.items() if word in row.detail), _UNKNOWN_TOKEN)
    if row.status == 404:
        return _UNKNOWN_ROUTE if row.resource_type == "" and row.action != Action.LOOK_UP else _NOT_FOUND
    for (status, words), said in _BY_DETAIL.items():
        if row.status == status and words in row.detail:
            return said
    return _STATUS.get(row.status) or (_STATUS[500] if row.outcome == Outcome.ERROR else _BAD_REQUEST["invalidSyntax"])
