"""The switches of a provider: boolean columns of `Provider` that an administrator can turn on.

The form *Edit provider*, the audit, `manage.py add_provider` and `tokens.find_caller` use this table. `is_strict`
chooses the policy of the protocol. Each other switch is a field of `scim.protocol.policy.Policy` with the same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Switch:
    """The texts of one switch: `label` for form and audit, `hint` for the form, `option` and `help` for the command."""

    label: Promise
    hint: Promise
    option: str
    help: str


SWITCHES: Mapping[str, Switch] = {
    "is_strict": Switch(
        _("Strict protocol"),
        _("Rejects what the RFCs do not allow, also the usual habits of directories. Only for tests of a client."),
        "--strict-protocol",
        "reject what the RFCs do not allow",
    ),
    "skips_unknown_members": Switch(
        _("Leave out unknown members"),
        _(
            "Members that this directory never provided are left out and noted in the log, instead of rejecting the "
            "whole request."
        ),
        "--skip-unknown-members",
        "leave out members whose ids were never provisioned, instead of rejecting the request",
    ),
}
