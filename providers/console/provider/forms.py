"""The forms of a provider: its title, its ranges, *Edit provider*, and the last day of a token."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.timezone import localdate, make_aware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.console.frame.page import Text
from providers.console.frame.settings_form import SettingsForm
from providers.ip_rules import EVERYONE, Network, RangeProblem, read_ranges
from providers.kinds import CHOICES, DEFAULT
from providers.models import IpMode, Provider, RemovalLimit
from providers.switches import SWITCHES
from scim.protocol.values import comparison_key

_TITLE = Provider._meta.get_field("title").max_length
_TITLE_KEY = Provider._meta.get_field("title_key").max_length or 0


class TitleForm(forms.Form):
    """The base of every form with a provider's title; `holder` is the provider that has the title already."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=_TITLE,
        error_messages={"required": gettext_lazy("Give the provider a title.")},
    )

    holder: Provider | None = None

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        key = comparison_key(title)
        if not key:
            raise forms.ValidationError(_("This title has no character that can be seen."))
        if len(key) > _TITLE_KEY:
            raise forms.ValidationError(_("This title is too long."))
        return title

    def title_is_taken(self) -> None:
        """Add the error that the title is taken, and set `holder`, to which the form links."""
        key = comparison_key(self.cleaned_data["title"])
        self.holder = Provider.objects.live().filter(title_key=key).first()
        self.add_error("title", _("Another provider has this title."))


def _of(lowest: int, highest: int) -> dict[str, Any]:
    said = format_lazy(gettext_lazy("Enter a whole number from {lowest} to {highest}."), lowest=lowest, highest=highest)
    return dict.fromkeys(("required", "invalid", "min_value", "max_value"), said)


class ProviderForm(SettingsForm, TitleForm):
    """The form *Edit provider*."""

    ids = {
        "late_after_minutes": "late",
        "silent_after_hours": "silent",
        "notification_email": "email",
        "removal_limit_users": "removal-limit-users",
        "removal_limit_percent": "removal-limit-percent",
    }

    # A form that was opened before an update has no such field.
    kind = forms.ChoiceField(label=gettext_lazy("Kind of directory"), choices=CHOICES, required=False)
    # Entra ID calls every 40 minutes: with less than that, every provider would be late.
    late_after_minutes = forms.IntegerField(
        label=gettext_lazy("Late after (minutes)"), min_value=41, max_value=10_080, error_messages=_of(41, 10_080)
    )
    silent_after_hours = forms.IntegerField(
        label=gettext_lazy("Silent after (hours)"), min_value=2, max_value=1_000, error_messages=_of(2, 1_000)
    )

    notification_email = forms.EmailField(
        label=gettext_lazy("Address for notices"),
        required=False,
        max_length=254,
        error_messages={"invalid": gettext_lazy("Enter a valid e-mail address.")},
    )
    removal_limit = forms.ChoiceField(label=gettext_lazy("Removal limit"), choices=RemovalLimit)
    removal_limit_users = forms.IntegerField(
        label=gettext_lazy("Removal limit: users within an hour"),
        min_value=1,
        max_value=100_000,
        error_messages=_of(1, 100_000),
    )
    removal_limit_percent = forms.IntegerField(
        label=gettext_lazy("Removal limit: per cent of the active users"),
        min_value=1,
        max_value=100,
        error_messages=_of(1, 100),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, switch in SWITCHES.items():
            self.fields[name] = forms.BooleanField(required=False, label=str(switch.label), help_text=str(switch.hint))

    def clean_kind(self) -> str:
        return str(self.cleaned_data["kind"] or self.initial.get("kind") or DEFAULT)

    def switches(self) -> list[forms.BoundField]:
        return [self[name] for name in SWITCHES]

    def clean(self) -> dict[str, Any]:
        late, silent = (self.cleaned_data.get(name) for name in ("late_after_minutes", "silent_after_hours"))
        if late and silent and late >= 60 * silent:
            self.add_error("silent_after_hours", _("This must be longer than the time after which contact is late."))
        return self.cleaned_data


class RangesForm(forms.Form):
    """Ranges, one per line, each with a note after `#`. Errors are reported line by line."""

    ip_ranges = forms.CharField(label=gettext_lazy("Allowed ranges"), required=False)

    networks: Mapping[Network, str] = {}
    range_problems: Sequence[RangeProblem] = ()

    def clean(self) -> dict[str, Any]:
        self.read_ranges()
        if not self.networks and not self.errors:
            self.add_error("ip_ranges", _("Enter at least one allowed range."))
        return self.cleaned_data

    def read_ranges(self) -> None:
        """Set `networks` and `range_problems`, and add an error for each line that is not an allowed range."""
        self.networks, self.range_problems = read_ranges(self.cleaned_data.get("ip_ranges", ""))
        for problem in self.range_problems:
            said = _("Line %(number)s: %(reason)s") % {"number": problem.line, "reason": problem.reason}
            self.add_error("ip_ranges", said)
        for network in self.networks:
            if network in EVERYONE:
                said = _("%(range)s allows everyone: leave it out, or turn the restriction off instead.")
                self.add_error("ip_ranges", said % {"range": network})

    @cached_property
    def range_errors(self) -> list[tuple[str, RangeProblem | None]]:
        """Each error of the ranges, with its problem if that has a suggestion for a button to apply."""
        texts = [str(text) for text in self.errors.get("ip_ranges", [])]
        problems: list[RangeProblem | None] = [*self.range_problems]
        problems += [None] * (len(texts) - len(problems))
        return list(zip(texts, problems, strict=True))


class AddProviderForm(TitleForm, RangesForm):
    """The form *Add provider*."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind of directory"), choices=CHOICES, required=False, initial=DEFAULT)
    ip_restrict = forms.BooleanField(required=False)

    def error_summary(self) -> list[tuple[str, Text, str]]:
        """Return each error: the id of its control, its label, and its text. Each line of the ranges has its own."""
        ids = {"ip_ranges": "ip-ranges"}
        return [
            (ids.get(name, name), self.fields[name].label or name, str(error))
            for name, errors in self.errors.items()
            for error in errors
        ]

    def clean(self) -> dict[str, Any]:
        """Read the ranges only if the restriction is on."""
        self.cleaned_data["kind"] = self.cleaned_data.get("kind") or DEFAULT
        if self.cleaned_data.get("ip_restrict"):
            self.read_ranges()
        return self.cleaned_data


class IpModeForm(SettingsForm):
    """The mode of the IP restriction."""

    mode = forms.ChoiceField(label=gettext_lazy("IP restriction"), choices=IpMode)


class ExpiryForm(SettingsForm):
    """The last day on which a token works, in local time. Empty means that the token never expires."""

    paths = {"last_day": "expires_at"}

    last_day = forms.DateField(
        label=gettext_lazy("Last day"), required=False, error_messages={"invalid": gettext_lazy("Enter a valid date.")}
    )

    def clean_last_day(self) -> datetime | None:
        """Return the midnight that ends the last day; None if the token never expires."""
        day: date | None = self.cleaned_data["last_day"]
        if day is None:
            return None
        if day < localdate():
            raise forms.ValidationError(_("This day is in the past. To stop the token now, revoke it."))
        if day.year > 9000:
            raise forms.ValidationError(_("Enter a valid date."))
        return make_aware(datetime.combine(day + timedelta(days=1), time()))


def with_suggestion(sent: QueryDict) -> QueryDict:
    """Return a copy of what was sent; after a *Use …* button, with its suggestion in place of the line."""
    sent = sent.copy()
    if "use" in sent:
        sent["ip_ranges"] = take_suggestion(str(sent.get("ip_ranges", "")), str(sent["use"]))
    return sent


def take_suggestion(ranges: str, suggestion: str) -> str:
    """Return the ranges with one line replaced; `suggestion` is its number and range: `3:20.190.128.0/18`."""
    number, _colon, network = suggestion.partition(":")
    lines = ranges.splitlines()
    if number.isdecimal() and len(number) < 9 and 0 < int(number) <= len(lines):
        _written, mark, comment = lines[int(number) - 1].partition("#")
        lines[int(number) - 1] = f"{network} {mark}{comment}" if mark else network
    return "\n".join(lines)
