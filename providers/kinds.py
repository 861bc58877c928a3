"""The kinds of directories: what each is called, when it calls, and where its administrator finds things.

`KINDS` is the table. Pages, mails and the rules of health take all that differs between directories from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True)
class Kind:
    """One kind of directory. `name` is what sentences call it; the other texts are whole sentences or parts of one.

    `cycle` is how often it calls when nothing has changed; None: it calls only when something has, so silence is not
    lateness. `silent_after_hours` is the setting that a new provider begins with.
    """

    label: Text
    name: Text
    cycle: timedelta | None
    silent_after_hours: int
    rhythm: Text
    secret: Text  # the field for the token
    first_step: Text
    own_test: Text
    silence: Text  # what may be the cause of silence
    logs: Text  # where it shows why it did something
    renewal: Text  # where a new token is entered
    object_id: Text  # the name of its id for a user, which arrives as externalId
    notes: Sequence[tuple[str, Text]]  # each with its icon
    service_tag: str = ""  # the one in Microsoft's file with the addresses from which it calls


KINDS: Mapping[str, Kind] = {
    "entra": Kind(
        label=_("Microsoft Entra ID"),
        name="Entra ID",
        cycle=timedelta(minutes=40),
        silent_after_hours=26,
        rhythm=_("Entra ID calls about every 40 minutes, and once a day while it is in quarantine."),
        secret=_("Secret token"),
        first_step=_("Use Test Connection in Entra ID."),
        own_test=_("This does not prove that Entra ID has the right values: use Test Connection there."),
        silence=_("Provisioning may be off or in quarantine in Entra ID."),
        logs=_("Entra ID → Provisioning logs"),
        renewal=_("in Entra ID: Provisioning, Secret token"),
        object_id=_("object id in Entra ID"),
        notes=(
            ("user", _("Disabled in Entra ID means disabled here; deleted there is deleted here up to 30 days later.")),
            ("key", _("Entra ID holds one token. Rotate it here with an overlap, and paste the new one there.")),
        ),
        service_tag="AzureActiveDirectory",
    ),
    "okta": Kind(
        label=_("Okta"),
        name="Okta",
        cycle=None,
        silent_after_hours=168,
        rhythm=_("Okta calls only when something has changed, so it is never late. A week of silence is unusual."),
        secret=_("Authorization (Bearer)"),
        first_step=_("Use Test Connector Configuration in Okta."),
        own_test=_("This does not prove that Okta has the right values: use Test Connector Configuration there."),
        silence=_("Nothing may have changed, or provisioning may be off in Okta."),
        logs=_("Okta → Reports → System Log"),
        renewal=_("in Okta: Provisioning → Integration"),
        object_id=_("user id in Okta"),
        notes=(
            (
                "user",
                _("Deactivated in Okta, or no longer assigned there, means disabled here: Okta deletes no users."),
            ),
            ("key", _("Okta holds one token. Rotate it here with an overlap, and paste the new one there.")),
        ),
    ),
    "other": Kind(
        label=_("Another directory"),
        name=_("the directory"),
        cycle=None,
        silent_after_hours=168,
        rhythm=_(
            "Nothing is known about when this directory calls, so it is never late. A week of silence is unusual."
        ),
        secret=_("bearer token"),
        first_step=_("Test the connection in the directory."),
        own_test=_("This does not prove that the directory has the right values: test the connection there too."),
        silence=_("Nothing may have changed, or provisioning may be off in the directory."),
        logs=_("the directory's own log of provisioning"),
        renewal=_("where it keeps its bearer token"),
        object_id=_("the directory's own id"),
        notes=(("key", _("Rotate the token here with an overlap, and enter the new one in the directory.")),),
    ),
}
DEFAULT = "entra"
CHOICES = [(name, kind.label) for name, kind in KINDS.items()]
