"""Forms of settings that show what others have changed while they were open, before anything is saved.

The form sends what it had shown, in a hidden `seen-…` for each field. Where that is no longer stored, nothing is saved
and the form is shown again. A field that the person did not touch has the new value; a field that both changed keeps
theirs, and they decide: save it, take over the new value, or discard.

An address without `seen-…` (a script's) is saved as sent.
"""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from django import forms
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.frame.page import Text, moment
from providers.models import ChangeEvent

MOST_EVENTS = 50


@dataclass(frozen=True)
class Meanwhile:
    """A field that somebody changed while the form was open. `sent` is what the person entered, if they changed it."""

    label: Text
    before: Text
    now: Text
    sent: Text = ""
    person: str = ""
    at: SafeString | str = ""


class SettingsForm(forms.Form):
    """The base of forms that change stored settings; `initial` holds the stored values.

    `paths`: the names of fields in change events, where they are others. `ids`: the ids of their controls on the page,
    where they are others. `secrets`: fields that show no stored value and that change nothing if they are empty.
    """

    paths: Mapping[str, str] = {}
    ids: Mapping[str, str] = {}
    secrets: frozenset[str] = frozenset()

    def seen(self) -> Iterator[tuple[str, str]]:
        """Yield the name and value of each hidden input: the form is made from what is stored now."""
        for name, value in self.initial.items():
            if name in self.fields:
                yield f"seen-{name}", as_text(value)

    def error_summary(self) -> list[tuple[str, Text, str]]:
        """Return each field with an error: the id of its control, its label, and its first error."""
        return [
            (self.ids.get(name, name), self.fields[name].label or name, errors[0]) for name, errors in self._wrong()
        ]

    def _wrong(self) -> list[tuple[str, Any]]:
        return [(name, errors) for name, errors in self.errors.items() if name in self.fields]

    def changed_meanwhile(self) -> list[str]:
        """Return the fields whose stored value is not the one that the form had shown."""
        known = ((name, self.data.get(f"seen-{name}")) for name in self.fields)
        return [name for name, seen in known if seen is not None and as_text(seen) != as_text(self.initial.get(name))]

    def both_changed(self) -> list[str]:
        """Return the fields among these that the person has changed too, to another value."""
        return [name for name in self.changed_meanwhile() if not self._is_untouched(name)]

    def renewed(self, taken: Collection[str] = ()) -> Self:
        """Return the form with what is stored now in the fields that the person did not change, and in `taken`."""
        data: Any = copy(self.data)
        untouched = [name for name in self.changed_meanwhile() if self._is_untouched(name)]
        for name in {*untouched, *(name for name in taken if name in self.fields)}:
            stored = as_text(self.initial.get(name))
            data[name] = "" if name in self.secrets else stored
            if isinstance(self.fields[name], forms.BooleanField) and not stored:
                del data[name]
        return type(self)(data, initial=self.initial)

    def meanwhile(self, events: Any) -> list[Meanwhile]:
        """Return what was changed, with the person and time of the newest of `events` that changed it. One query."""
        newest: dict[str, ChangeEvent] = {}
        for event in events.order_by("-id")[:MOST_EVENTS]:
            for change in event.changes:
                newest.setdefault(change["path"], event)
        both = self.both_changed()
        found = []
        for name in self.changed_meanwhile():
            event = newest.get(self.paths.get(name, name))
            found.append(
                Meanwhile(
                    self.fields[name].label or name,
                    self._shown(name, self.data[f"seen-{name}"]),
                    self._shown(name, as_text(self.initial.get(name))),
                    self._shown(name, self._sent(name)) if name in both else "",
                    (event.person_name or _("The system")) if event else "",
                    moment(event.at) if event else "",
                )
            )
        return found

    def _sent(self, name: str) -> str:
        return as_text(self.data.get(name, ""))

    def _is_untouched(self, name: str) -> bool:
        if name in self.secrets and not self._sent(name):
            return True
        return self._sent(name) in (as_text(self.data[f"seen-{name}"]), as_text(self.initial.get(name)))

    def _shown(self, name: str, text: str) -> Text:
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return _("Yes") if text else _("No")
        if isinstance(field, forms.ChoiceField):
            choices: dict[Any, Text] = dict(field.choices)  # type: ignore[arg-type]
            return choices.get(text, text)
        return ", ".join(text.splitlines()) or _("empty")


Form = TypeVar("Form", bound=SettingsForm)


def shown_again(form: Form, events: Any) -> tuple[Form, dict[str, Any]] | None:
    """Return the form to show again instead of saving it, with the context of `_meanwhile.html`; None to save it.

    `events`: the change events of what the form changes.
    """
    taken = [name for name in form.data.get("take_over", "").split(",") if name]
    if not taken and not form.changed_meanwhile():
        return None
    return form.renewed(taken), {"meanwhile": form.meanwhile(events), "both_changed": form.both_changed()}


def as_text(value: Any) -> str:
    """Return a value as a form sends it."""
    if isinstance(value, bool):
        return "on" if value else ""
    text = "" if value is None else str(value)
    return "\n".join(line.strip() for line in text.strip().splitlines())
