"""A short name for what went wrong with a request: in a provider's health, and in the list of its latest problems."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.page import Text

_BY_SCIM_TYPE: Mapping[str, Text] = {
    "invalidFilter": gettext_lazy("Filter not understood"),
    "invalidPath": gettext_lazy("Path not understood"),
    "invalidSyntax": gettext_lazy("Request not understood"),
    "invalidValue": gettext_lazy("Value cannot be used"),
    "mutability": gettext_lazy("Attribute cannot be changed"),
    "noTarget": gettext_lazy("Nothing there to change"),
    "tooMany": gettext_lazy("Too many results"),
}
_BY_STATUS: Mapping[int, Text] = {
    400: gettext_lazy("Request not understood"),
    401: gettext_lazy("Token refused"),
    403: gettext_lazy("Refused"),
    404: gettext_lazy("Not found"),
    409: gettext_lazy("Conflict"),
    412: gettext_lazy("Changed meanwhile"),
    413: gettext_lazy("Too large"),
}


def name_of_problem(status: int, scim_type: str, resource_type: str) -> str:
    """A few words: `userName already taken`."""
    if scim_type == "uniqueness":
        return _("displayName already taken") if resource_type == "Group" else _("userName already taken")
    if scim_type in _BY_SCIM_TYPE:
        return str(_BY_SCIM_TYPE[scim_type])
    if status >= 500:
        return _("Our error")
    return str(_BY_STATUS.get(status, _("Request refused")))
