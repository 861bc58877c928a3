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
from providers.models import ChangeEvent, Resource
from providers.plain_text import visible

_URN = re.compile(r"^urn:[^\s]*:extension:(\w+):[\d.]+:\w+:", re.IGNORECASE)
# What stands before the attribute's own name: a whole URN, or what `short_path` leaves of it.
_SCHEMA = re.compile(r"^(urn:\S*:|\w+:)(?=[^:]+$)", re.IGNORECASE)
_SELECTOR = re.compile(r"\[[^\]]*\]")
_TYPE = re.compile(r'\[type eq "([^"]*)"\]')

# Everyday names, by path without the schema and without a selector such as `[type eq "work"]`. A sub-attribute that
# has no row of its own takes its name from `_PARTS`, after the name of its attribute.
_NAMES: Mapping[str, Text] = {
    "active": gettext_lazy("status"),
    "addresses": gettext_lazy("address"),
    "costCenter": gettext_lazy("cost centre"),
    "department": gettext_lazy("department"),
    "displayName": gettext_lazy("display name"),
    "division": gettext_lazy("division"),
    "emails": gettext_lazy("e-mail address"),
    "employeeNumber": gettext_lazy("employee number"),
    "entitlements": gettext_lazy("entitlements"),
    "externalId": gettext_lazy("external id"),
    "groupType": gettext_lazy("kind of group"),
    "ims": gettext_lazy("chat address"),
    "locale": gettext_lazy("region"),
    "manager": gettext_lazy("manager"),
    "members": gettext_lazy("members"),
    "name": gettext_lazy("name"),
    "name.familyName": gettext_lazy("last name"),
    "name.formatted": gettext_lazy("full name"),
    "name.givenName": gettext_lazy("first name"),
    "name.honorificPrefix": gettext_lazy("title before the name"),
    "name.honorificSuffix": gettext_lazy("title after the name"),
    "name.middleName": gettext_lazy("middle name"),
    "nickName": gettext_lazy("nickname"),
    "organization": gettext_lazy("organisation"),
    "phoneNumbers": gettext_lazy("phone number"),
    "photos": gettext_lazy("photo"),
    "preferredLanguage": gettext_lazy("language"),
    "profileUrl": gettext_lazy("profile page"),
    "roles": gettext_lazy("roles"),
    "timezone": gettext_lazy("time zone"),
    "title": gettext_lazy("job title"),
    "userName": gettext_lazy("user name"),
    "userType": gettext_lazy("kind of user"),
    "x509Certificates": gettext_lazy("certificate"),
}
_PARTS: Mapping[str, Text] = {
    "country": gettext_lazy("country"),
    "display": gettext_lazy("display name"),
    "displayName": gettext_lazy("display name"),
    "formatted": gettext_lazy("whole"),
    "locality": gettext_lazy("city"),
    "postalCode": gettext_lazy("postcode"),
    "primary": gettext_lazy("primary"),
    "region": gettext_lazy("province"),
    "streetAddress": gettext_lazy("street"),
    "type": gettext_lazy("type"),
}
_TYPES: Mapping[str, Text] = {
    "fax": gettext_lazy("fax"),
    "home": gettext_lazy("home"),
    "mobile": gettext_lazy("mobile"),
    "other": gettext_lazy("other"),
    "work": gettext_lazy("work"),
}
# Values in words, by path.
_VALUES: Mapping[str, Mapping[str, Text]] = {
    "active": {"true": gettext_lazy("active"), "false": gettext_lazy("disabled")},
}
# The name with which a user signs in is what support looks for first; after it the attributes that people see.
_FIRST = ("userName", "displayName", "name", "emails")


@dataclass(frozen=True)
class Difference:
    """One simple value before and after; None means that it was not sent. `name` is the path in everyday words.

    `old_user` and `new_user` are the users that the values name, where they are known.
    """

    path: str
    before: str | None
    after: str | None
    old_user: Resource | None = None
    new_user: Resource | None = None

    @property
    def name(self) -> str:
        return name_of(self.path)

    @property
    def is_manager(self) -> bool:
        """Whether the values are ids of users."""
        return split_path(self.path) == ["manager"]


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
        found += [_difference(short_path(name), before.get(name), after.get(name)) for name in names]
    return sorted(found, key=_place)


def _difference(path: str, before: str | None, after: str | None) -> Difference:
    words = _VALUES.get(path, {})
    old, new = (None if value is None else str(words.get(value, value)) for value in (before, after))
    return Difference(path, old, new)


def _flat(change: Mapping[str, Any], side: str, plain: frozenset[str] | None = None) -> dict[str, str]:
    """The simple values of one side by path. If `plain` is given, all attributes but those are masked."""
    if side not in change:
        return {}
    value, path = change[side], change["path"]
    if plain is not None:
        name = re.split(r"[.:]", path)[-1]
        value = mask({name: value}, plain=plain)[name]
    return {name: visible(text) for name, text in rows_of(path, value)}


def short_path(path: str) -> str:
    """Return a path with the URN of an extension shortened: `enterprise:department`."""
    return _URN.sub(r"\1:", path)


def name_of(path: str) -> str:
    """Return the everyday name of an attribute: `e-mail address (work)`, `last name`, `address (home): city`.

    `path` is in the form of `short_path`, or whole. What has no everyday name keeps that of its schema.
    """
    parts = split_path(path)
    kind = _TYPE.search(path)
    qualifier = f" ({_TYPES.get(kind[1], kind[1])})" if kind else ""
    if name := _NAMES.get(".".join(parts)):
        return f"{name}{qualifier}"
    inner = ".".join(str(_PARTS.get(part, part)) for part in parts[1:])
    return f"{_NAMES.get(parts[0], parts[0])}{qualifier}" + (f": {inner}" if inner else "")


def split_path(path: str) -> list[str]:
    """Return the names in a path, without schema and selectors: `emails[type eq "work"].value` is `["emails"]`.

    A last `value` is left out: it is the attribute's value itself.
    """
    parts = _SCHEMA.sub("", _SELECTOR.sub("", path)).split(".")
    return parts[:-1] if len(parts) > 1 and parts[-1] == "value" else parts


def _place(change: Difference) -> int:
    top = split_path(change.path)[0]
    return _FIRST.index(top) if top in _FIRST else len(_FIRST)


def changed_names(event: ChangeEvent) -> list[str]:
    """Return the everyday names of the attributes that an event changed, each once."""
    tops = dict.fromkeys(split_path(change["path"])[0] for change in event.changes)
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
