"""Describes what a change event changed, attribute by attribute, with everyday names for the attributes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.masking import IMPERSONAL, IMPERSONAL_OF_GROUP, mask, rows_of
from providers.console.frame.page import Text
from providers.events import EventKind
from providers.models import ChangeEvent

_URN = re.compile(r"^urn:[^\s]*:extension:(\w+):[\d.]+:\w+:", re.IGNORECASE)

_NAMES: Mapping[str, Text] = {
    "active": gettext_lazy("status"),
    "addresses": gettext_lazy("address"),
    "costCenter": gettext_lazy("cost centre"),
    "department": gettext_lazy("department"),
    "displayName": gettext_lazy("display name"),
    "division": gettext_lazy("division"),
    "emails": gettext_lazy("e-mail address"),
    "employeeNumber": gettext_lazy("employee number"),
    "externalId": gettext_lazy("external id"),
    "manager": gettext_lazy("manager"),
    "name": gettext_lazy("name"),
    "organization": gettext_lazy("organisation"),
    "phoneNumbers": gettext_lazy("phone number"),
    "preferredLanguage": gettext_lazy("language"),
    "roles": gettext_lazy("roles"),
    "title": gettext_lazy("job title"),
    "userName": gettext_lazy("user name"),
    "userType": gettext_lazy("kind of user"),
}


@dataclass(frozen=True)
class Difference:
    """One simple value before and after; None means that it was not sent."""

    path: str
    before: str | None
    after: str | None


def differences_of(event: ChangeEvent, *, can_see_names: bool) -> list[Difference]:
    """Return each simple value that an event changed, before and after.

    Personal values are masked unless `can_see_names`.
    """
    plain = IMPERSONAL_OF_GROUP if event.resource_type == "Group" else IMPERSONAL
    found = []
    for change in event.changes:
        if "added" in change:
            continue
        before, after = _flat(change, "before"), _flat(change, "after")
        # The values are compared before they are masked: two different names may have the same mask.
        names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
        if not can_see_names:
            before, after = _flat(change, "before", plain), _flat(change, "after", plain)
        found += [Difference(short_path(name), before.get(name), after.get(name)) for name in names]
    return found


def _flat(change: Mapping[str, Any], side: str, plain: frozenset[str] | None = None) -> dict[str, str]:
    """The simple values of one side by path. If `plain` is given, all attributes but those are masked."""
    if side not in change:
        return {}
    value, path = change[side], change["path"]
    if plain is not None:
        name = re.split(r"[.:]", path)[-1]
        value = mask({name: value}, plain=plain)[name]
    return dict(rows_of(path, value))


def short_path(path: str) -> str:
    """Return a path with the URN of an extension shortened: `enterprise:department`."""
    return _URN.sub(r"\1:", path)


def changed_names(event: ChangeEvent) -> list[str]:
    """Return the everyday names of the attributes that an event changed, each once."""
    paths = [_URN.sub("", change["path"]) for change in event.changes]
    tops = dict.fromkeys(re.split(r"[.\[]", path)[0] for path in paths)
    return [str(_NAMES.get(top, top)) for top in tops]


def title_of(event: ChangeEvent) -> str:
    """Return what an event did to its own resource, in a few words: `Changed: name and status`."""
    kind = event.event_kind
    if kind is EventKind.RESOURCE_CREATED:
        sent = {change["path"]: change.get("after") for change in event.changes}
        return _("Created, disabled") if sent.get("active") is False else str(kind.word)
    if kind not in (EventKind.RESOURCE_CHANGED, EventKind.MEMBERS_CHANGED):
        return str(kind.word)
    names = changed_names(event)
    more = len(names) - 3
    listed = joined([*names[:3], _("%(count)s more") % {"count": more}] if more > 0 else names)
    return _("Changed: %(names)s") % {"names": listed}


def joined(names: Sequence[str]) -> str:
    """Return a list of names in words: `a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": ", ".join(names[:-1]), "last": names[-1]}
