"""Every sentence of a user's summary (`providers.console.users.summary`), with the places to be filled in.

None needs to know whether the user is a woman or a man.
"""

from django.db.models import TextChoices
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _


def strong(text: object) -> SafeString:
    """Return a word of a sentence that stands out."""
    return format_html("<strong>{}</strong>", text)


def in_brackets(link: SafeString | str) -> SafeString | str:
    """Return the link to a request as sentences end with it; "" if there is none."""
    return format_html(" ({})", link) if link else ""


class Filled(TextChoices):
    """A table of texts with places."""

    def fill(self, **parts: object) -> SafeString:
        """Return the text in the current language as HTML, with its places filled in."""
        return format_html(str(self.label), **parts) if parts else format_html("{}", self.label)


class Sentence(Filled):
    """The sentences. `{state}` stands at the beginning; `{request}` is empty or the link to the request in brackets."""

    # fmt: off
    # The state of the record
    CREATED = "created", _("{state} Created on {time} by {actor}{request}, and not changed since.")
    GROUPS_CHANGED = "groups changed", _(
        "{state} Created on {time} by {actor}{request}; the attributes have not changed since.")
    ENABLED = "enabled", _("{state} Enabled on {time} by {actor}: it sent {sent}{request}.")
    ENABLED_AFTER = "enabled after", _(
        "{state} Enabled on {time} by {actor}: it sent {sent}{request}. Disabled before that, since {since}.")
    ENABLED_HERE = "enabled here", _("{state} Enabled on {time} by {actor} in iProva.")
    RESTORED = "restored", _("{state} Restored from the recycle bin on {time} by {actor}.")
    CHANGED = "changed", _("{state} Last changed on {time} by {actor}: {changes}{request}.")
    DISABLED = "disabled", _("{state} on {time} by {actor}: it sent {sent}{request}.")
    DISABLED_HERE = "disabled here", _("{state} on {time} by {actor}.")
    NEVER_ACTIVE = "never active", _(
        "{state} since creation on {time} by {actor}: the first request had {sent}{request}.")
    DELETED = "deleted", _("{state} on {time} by {actor} (DELETE{comma}), after being disabled on {since}.")
    DELETED_ACTIVE = "deleted while active", _(
        "{state} on {time} by {actor} (DELETE{comma}), without being disabled first.")
    DELETED_DISABLED = "created disabled and deleted", _(
        "{state} on {time} by {actor} (DELETE{comma}). This user was never active: disabled since creation.")
    OLDER = "older", _("{state} Nothing has been recorded about this user since the history started, on {day}.")
    DISABLED_BEFORE = "disabled before", _("{state} since before the history started, on {day}.")
    NOTHING = "nothing", _("{state} Nothing is recorded about this user.")
    # What changed with it, before it or after it
    CHANGED_TOO = "changed too", _("Changed by the same request: {changes}.")
    CHANGED_SINCE = "changed since", _("Changed after that, on {time} by {actor}: {changes}{request}.")
    REPLACED = "replaced", _("The request replaced the whole user and left these attributes out.")
    DELETED_SINCE = "deleted since", _("Deleted after that, on {time} by {actor}{request}.")
    RESTORED_SINCE = "restored since", _("Restored from the recycle bin on {time} by {actor}.")
    DELETED_BEFORE = "deleted before", _("Deleted before that, on {time} by {actor}{request}.")
    UNAWARE = "unaware", _(
        "The directory does not notice that the user was restored, and may delete or create them again.")
    DISABLED_BEFORE_THAT = "disabled before that", _(
        "Disabled before that, on {time} by {actor}: it sent {sent}{request}.")
    UNAWARE_ENABLED = "unaware enabled", _(
        "The directory does not notice that the user was enabled, and may disable the user again.")
    GROUPS = "groups", _("Groups last changed on {time} by {actor}: {groups}{request}.")
    JOINED_TOO = "joined too", _("Within 5 minutes also added to: {groups}.")
    LEFT_TOO = "left too", _("Within 5 minutes also removed from: {groups}.")
    ENDED_TOO = "ended too", _("The deletion also ended the membership of: {groups}.")
    # The state of the provider
    PROVIDER_DELETED = "provider deleted", _(
        "This user is no longer kept up to date: {provider} was deleted on {time}. The user will be purged on {until}.")
    PROVIDER_PAUSED = "provider paused", _(
        "{provider} has been paused since {time}, so newer changes in the directory have not arrived.")
    ADDRESS_REFUSED = "address refused", _(
        "Since {time} iProva has refused every request from {provider}, because {address} is not in an allowed range. "
        "Newer changes in the directory have not arrived.")
    TOKEN_REFUSED = "token refused", _(
        "Since {time} iProva has refused every request from {provider}, because its token is {token}. Newer changes "
        "in the directory have not arrived.")
    SILENT = "silent", _(
        "iProva last accepted a request from {provider} on {time}, so newer changes in the directory may not have "
        "arrived.")
    # Notes
    NEWER_RECORD = "newer record", _("There is a newer user with this user name: {user}, {state}.")
    NAME_IN_USE = "name in use", _(
        "There is a newer user with this user name: {user}, {state}. As long as that user has the name, this one "
        "cannot be restored.")
    EARLIER_RECORD = "earlier record", _(
        "An earlier user with this user name was deleted on {time}: {user}.")
    EARLIER_GROUPS = "earlier groups", _(
        "An earlier user with this user name was deleted on {time}: {user}. The groups of that user were not carried "
        "over.")
    OTHER_PROVIDER = "other provider", _("{provider} also has a user with this user name: {user}, {state}.")
    SAME_EXTERNAL_ID = "same external id", _(
        "Another user of {provider} has the same externalId: {user}, {state}. The directory may confuse the two.")
    NESTED = "nested", _(
        "{inner} is itself a member of {outer}. The members of {inner} do not become members of {outer}.")
    WHERE_TO_LOOK = "where to look", _(
        "{provider} does not send a reason. Usual causes: no longer assigned to iProva, no longer in scope, blocked or "
        "deleted in the directory. To find out, look around {clock} in {logs}.")
    # What the directory asked for in vain; `{why}` is one of `Why`
    ASKED = "asked", _("{actor} asked on {time} to {wish}; {why}{request}.")
    ASKED_AGAIN = "asked again", _(
        "Since {first}, {actor} has asked {count} times, most recently on {time}, to {wish}; {why}{request}.")
    GROUP_HELD = "group held", _("{actor} asked on {time} to remove members of {group}, including this user; {why}.")
    GROUP_DELETION_HELD = "group deletion held", _(
        "{actor} asked on {time} to delete the group {group}, which would also remove this user from it; {why}.")
    # fmt: on


class Why(Filled):
    """Why a request was not done, as the end of a sentence."""

    # fmt: off
    HELD = "held", _(
        "iProva is holding this back because the removal limit was reached, until an administrator decides")
    HELD_ALLOWED = "held, then allowed", _(
        "iProva held this back. An administrator has allowed it until {until}, but the directory has not asked again")
    HELD_OFF = "held, then off", _(
        "iProva held this back. The removal limit has since been switched off until {until}, but the directory has "
        "not asked again")
    HELD_ENDED = "held once", _(
        "iProva held this back. Removals have been accepted again since, but the directory has not asked again")
    HELD_REJECTED = "held, then rejected", _(
        "iProva held this back, and an administrator has rejected further removals since")
    HELD_DELETED = "held, then deleted", _("iProva was still holding this back when the provider was deleted")
    REJECTED = "rejected", _("iProva refuses it, because an administrator has rejected further removals")
    REJECTED_ENDED = "rejected once", _(
        "iProva refused it, because an administrator had rejected further removals. Removals have been "
        "accepted again since, but the directory has not asked again")
    PAUSED = "paused", _("the provider was paused, so nothing was changed")
    PAUSED_ENDED = "paused once", _(
        "the provider was paused, so nothing was changed. It has been resumed since, but the directory has not asked "
        "again")
    ADDRESS = "address", _("iProva refused it, because {address} is not in an allowed range")
    TOKEN = "token", _("iProva refused it without reading it, because the token is {token}")
    GONE = "gone", _("iProva refused it without reading it, because the provider was deleted")
    TAKEN = "taken", _("iProva rejected it, because {holder} has that user name")
    TAKEN_THEN = "taken then", _("iProva rejected it, because another user had that user name")
    TAKEN_TOO = "taken too", _(
        "iProva rejected the whole request, because it also asked for the user name {name}, which another user has. "
        "The directory has not asked again")
    SLOWER = "slower", _(
        "iProva was receiving too many requests, so nothing was changed. The directory has not asked again")
    AWAY = "away", _("the database of iProva did not respond, so nothing was changed")
    OURS = "ours", _("because of an internal error in iProva, nothing was changed")
    NOT_FOUND = "not found", _("iProva did not find the user")
    DATA = "data", _("iProva rejected it with the response “{detail}”")
    # fmt: on
