"""The base of all states that pages show: each is a row of a table with its stored value, icon, tone and word."""

from typing import Self

from django.db import models


class Shown(models.TextChoices):
    """A choice that pages show as a badge. A row is `value, icon, tone, word`.

    icon: the name of a symbol in `templates/console/frame/icons.html`.
    tone: `ok`, `warn`, `bad`, or empty for grey. The word is the choice's `label`.
    """

    icon: str
    tone: str

    def __new__(cls, value: str, *shown: str) -> Self:
        state = str.__new__(cls, value)
        state._value_ = value
        state.icon, state.tone = shown
        return state
