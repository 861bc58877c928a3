"""Turns a change event into one sentence: who did what to whom. Every page takes its sentences from here."""

import re
from collections.abc import Callable, Mapping

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from providers.console.accounts.sign_in import UNKNOWN_NAME
from providers.console.frame.masking import is_uuid, mask_path, mask_text
from providers.console.frame.page import Text, grouped
from providers.console.history.acts import added_and_removed
from providers.events import EventKind
from providers.models import ChangeEvent, Provider


def sentence_of(event: ChangeEvent, provider: Provider | None = None, *, can_see_names: bool) -> SafeString:
    """Return the sentence about an event. A user's name is masked unless `can_see_names`.

    `provider` is given if the page wants the provider named whose token caused the event.
    """
    said = format_html(
        event.event_kind.sentence,
        actor=format_html("<strong>{}</strong>", _actor_of(event, provider)),
        subject=format_html("<bdi>{}</bdi>", subject_of(event, can_see_names=can_see_names)),
    )
    moves = [change for change in event.changes if event.kind == EventKind.MEMBERS_CHANGED and "added" in change]
    if moves:
        return format_html("{} ({})", said, added_and_removed(moves[0]["added"], moves[0]["removed"]))
    return said


def _actor_of(event: ChangeEvent, provider: Provider | None) -> str:
    if event.person_name:
        return event.person_name
    if event.token_prefix and provider:
        return f"{provider.title} ({event.token_prefix}…)"
    return _("Somebody") if event.kind == EventKind.SIGN_IN_FAILED else _("The system")


def _without_search(subject: str) -> str:
    """What was exported, without the text that was searched for: `users: 3 ?status=active`."""
    what, mark, query = subject.partition("?")
    kept = "&".join(part for part in query.split("&") if part.partition("=")[0] != "q")
    return f"{what}{mark}{kept}" if kept else what.rstrip()


def _without_path(subject: str) -> str:
    """Whose bodies were opened, with the path masked: `GET /scim/Users/••• (0198…)`."""
    method, _space, rest = subject.partition(" ")
    path, _space, request_id = rest.rpartition(" ")
    return f"{method} {mask_path(path)} {request_id}"


def _without_name(subject: str) -> str:
    """The role that a filter is shared with; its name may be that of a user."""
    return f"••• {subject[subject.rfind('(') :]}"


# The lists that can be exported, by the name that is stored.
LIST_TITLES: Mapping[str, Text] = {
    "users": gettext_lazy("Users"),
    "groups": gettext_lazy("Groups"),
    "log": gettext_lazy("Provisioning log"),
    "not_provisioned": gettext_lazy("Not provisioned"),
    "audit": gettext_lazy("Audit of admin actions"),
}
_EXPORTED = re.compile(r"([\w-]+): ([0-9]+)(.*)", re.DOTALL)


def _exported(subject: str) -> str:
    """What was exported, in words: `1,289 rows of Provisioning log ?status=active` for `log: 1289 ?status=active`."""
    found = _EXPORTED.fullmatch(subject)
    title = LIST_TITLES.get(found[1]) if found else None
    if not found or not title:
        return subject
    count = int(found[2])
    said = ngettext("%(count)s row of %(list)s", "%(count)s rows of %(list)s", count)
    return said % {"count": grouped(count), "list": title} + found[3]


# The subjects of acts that may hold what somebody searched for, or the name of a user.
_MASKS: Mapping[str, Callable[[str], str]] = {
    EventKind.EXPORTED: _without_search,
    EventKind.BODIES_OPENED: _without_path,
    EventKind.FILTER_SHARED: _without_name,
}


def subject_of(event: ChangeEvent, *, can_see_names: bool) -> str:
    """Return whom or what an event is about.

    A user's name is masked unless `can_see_names`. Texts of our own, such as "an unknown name", are translated.
    """
    is_ours = event.kind == EventKind.ACT_REFUSED or event.subject == UNKNOWN_NAME
    if is_ours and event.subject:
        return _(event.subject)
    if not can_see_names and (mask := _MASKS.get(event.kind)):
        return _exported(mask(event.subject)) if event.kind == EventKind.EXPORTED else mask(event.subject)
    if event.kind == EventKind.EXPORTED:
        return _exported(event.subject)
    is_personal = event.resource_id is not None and event.resource_type != "Group"
    is_masked = is_personal and not can_see_names and not is_uuid(event.subject)
    return mask_text(event.subject) if is_masked else event.subject
