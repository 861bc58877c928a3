"""Describes in words what an act in the console changed in a provider, a token, a range or an account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers import alerts
from providers.console.frame.page import Text, grouped, moment
from providers.health import State
from providers.kinds import CHOICES
from providers.models import ChangeEvent, IpMode, RemovalLimit
from providers.switches import SWITCHES

_NAMES: Mapping[str, Text] = {
    "alert": gettext_lazy("Alert"),
    "alert addresses": gettext_lazy("E-mail addresses"),
    "daily summary": gettext_lazy("Daily summary"),
    "to": gettext_lazy("To"),
    "webhook": gettext_lazy("Webhook"),
    "removal_limit": gettext_lazy("Removal limit"),
    "removal_limit_users": gettext_lazy("Removal limit: users within an hour"),
    "removal_limit_percent": gettext_lazy("Removal limit: per cent of the active users"),
    "email": gettext_lazy("E-mail address"),
    "expires": gettext_lazy("Expires"),
    "expires_at": gettext_lazy("Expires"),
    "first_name": gettext_lazy("First name"),
    "ip_mode": gettext_lazy("IP restriction"),
    "kind": gettext_lazy("Directory"),
    "last_name": gettext_lazy("Last name"),
    "late_after_minutes": gettext_lazy("Late after (minutes)"),
    "mode": gettext_lazy("IP restriction"),
    "notification_email": gettext_lazy("Address for notices"),
    "old token ends": gettext_lazy("The old token expires"),
    "passed": gettext_lazy("Passed"),
    "ranges": gettext_lazy("Allowed ranges"),
    "role": gettext_lazy("Role"),
    "silent_after_hours": gettext_lazy("Silent after (hours)"),
    "suspended_at": gettext_lazy("Suspended"),
    **{name: switch.label for name, switch in SWITCHES.items()},
    "title": gettext_lazy("Title"),
    "token": gettext_lazy("Token"),
    "until": gettext_lazy("Until"),
    "users": gettext_lazy("Users"),
    "users enabled": gettext_lazy("Users enabled"),
    "users restored": gettext_lazy("Users restored"),
}
# The names of fields in events of earlier versions.
_FORMERLY: Mapping[str, str] = {
    "brake": "removal_limit",
    "brake_people": "removal_limit_users",
    "brake_percent": "removal_limit_percent",
}
_WORDS: Mapping[str, Mapping[Any, Text]] = {
    "alert": {
        **dict(State.choices),
        alerts.FAILED: gettext_lazy("Failed"),
        alerts.WORKS: gettext_lazy("Works again"),
        alerts.MANY: gettext_lazy("Several changes of state"),
        alerts.SUMMARY: gettext_lazy("Daily summary"),
        alerts.TEST: gettext_lazy("Test"),
    },
    "kind": dict(CHOICES),
    "removal_limit": dict(RemovalLimit.choices),
    "ip_mode": dict(IpMode.choices),
    "mode": dict(IpMode.choices),
    "expires": {None: gettext_lazy("Never")},
    "expires_at": {None: gettext_lazy("Never")},
}
_TIMES = frozenset({"expires", "expires_at", "old token ends", "suspended_at", "until"})
_YES_NO: Mapping[bool, Text] = {True: gettext_lazy("Yes"), False: gettext_lazy("No")}


@dataclass(frozen=True)
class Change:
    """One changed field: its values before and after, as texts. Of two lists only the differences are kept."""

    name: str
    before: Sequence[Text]
    after: Sequence[Text]

    @property
    def brief(self) -> SafeString:
        """The change in a few words, for a line of a list: `IP restriction: Off → Enforce`, or how many of a list."""
        before, after = len(self.before), len(self.after)
        if before == after == 1:
            return format_html("{}: {} → {}", self.name, self.before[0], self.after[0])
        if before + after == 1:
            sign = "\N{MINUS SIGN}" if before else "+"
            return format_html("{}: {} {}", self.name, sign, [*self.before, *self.after][0])
        return format_html("{}: {}", self.name, added_and_removed(after, before))


def added_and_removed(added: int, removed: int) -> str:
    """Return how many entries of a list were added and removed, in words: `3 added, 1 removed`."""
    parts = []
    if added:
        parts.append(_("%(count)s added") % {"count": grouped(added)})
    if removed:
        parts.append(_("%(count)s removed") % {"count": grouped(removed)})
    return ", ".join(parts)


def changes_of(event: ChangeEvent) -> list[Change]:
    """Return what an act changed; nothing for an event of a user or group, which has attributes (see `changes`)."""
    changes = [] if event.resource_id else [_change(change) for change in event.changes]
    return [change for change in changes if change.before or change.after]  # empty before and after: no change


def _change(change: Mapping[str, Any]) -> Change:
    field = _FORMERLY.get(change["path"], change["path"])
    before, after = _texts(field, change, "before"), _texts(field, change, "after")
    return Change(
        str(_NAMES.get(field, field)),
        [text for text in before if text not in after],
        [text for text in after if text not in before],
    )


def _texts(field: str, change: Mapping[str, Any], side: str) -> list[Text]:
    if side not in change:
        return []
    value = change[side]
    found = [_text(field, part) for part in (value if isinstance(value, list) else [value])]
    return [text for text in found if text]


def _text(field: str, value: Any) -> Text:
    if word := _WORDS.get(field, {}).get(value):
        return word
    if isinstance(value, bool):
        return _YES_NO[value]
    if value is None or value == "":
        return ""
    if field == "role":
        return _(value)
    return moment(datetime.fromisoformat(value)) if field in _TIMES else str(value)
