"""The source of the demo: the users and groups that an invented care organisation has in Entra ID.

The result is the same at each run. `changes` has the changes of the following weeks.
"""

import random
import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeVar

from iprova_idm.demo.names import GIVEN_NAMES, LANGUAGES, OTHER_SCRIPTS, SURNAMES, TEAMS, TITLES

PERSONS = 500
LEFT_BEFORE = 12  # in addition: former employees whose accounts were disabled before the first cycle
EVERYONE = "Alle medewerkers"
DOMAIN = "zonnehoek.example"

_SEED = 2026
_NAMESPACE = uuid.UUID("6f1a3c52-6b0e-4f0c-9d5e-1c1f6f5b7a10")
_LEADS = 3  # team leads a department, after its head
_NO_DECOMPOSITION = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i", "ß": "ss", "æ": "ae", "ð": "d", "þ": "th"}
)
T = TypeVar("T")


class Account(Enum):
    """The state of a person's account in Entra ID."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    # Entra ID does not create a user who was disabled before the first cycle, so the target never gets them.
    LEFT_BEFORE = "left before the first cycle"


@dataclass(frozen=True)
class Person:
    """A user in Entra ID, with the attributes that the mapping sends. `manager` is the `object_id` of another one."""

    object_id: str
    user_name: str
    display_name: str
    mail: str
    title: str | None
    department: str | None
    phone: str | None
    language: str | None
    manager: str | None = None
    account: Account = Account.ENABLED

    @property
    def is_active(self) -> bool:
        """Whether the account is enabled; the value of `active`."""
        return self.account is Account.ENABLED

    @property
    def is_expected(self) -> bool:
        """Whether the target should have this user, active or not."""
        return self.account is not Account.LEFT_BEFORE


@dataclass(frozen=True)
class Group:
    """A security group. `members` are object ids, including those of users that the target does not have."""

    object_id: str
    display_name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Directory:
    """The whole source at one moment, by object id. It does not contain deleted users and groups."""

    persons: Mapping[str, Person]
    groups: Mapping[str, Group]


class Dice:
    """Random choices that are the same in each version of Python, which guarantees that of `random()` alone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (not a secret: the same persons at each run)

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.below(len(values))]

    def sample(self, values: Sequence[T], count: int) -> list[T]:
        """Return `count` different values, in the order in which they were chosen."""
        rest = list(values)
        return [rest.pop(self.below(len(rest))) for _ in range(count)]


def make_directory() -> Directory:
    """Return the source at the first cycle: `PERSONS` in scope, `LEFT_BEFORE` disabled, 20 groups."""
    dice = Dice(_SEED)
    makers = _PersonMaker(dice)
    persons = [makers.make(number) for number in range(PERSONS + LEFT_BEFORE)]
    persons = [_with_account(person, number) for number, person in enumerate(_with_managers(persons))]
    groups = _groups(dice, persons)
    return Directory({person.object_id: person for person in persons}, {group.object_id: group for group in groups})


def object_id(kind: str, name: str | int) -> str:
    """Return the id in Entra ID of a person or group: a UUID that depends on `kind` and `name` only."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind} {name}"))


def to_ascii(text: str) -> str:
    """Return `text` in the characters of a user name: lower-case letters, digits, hyphens, apostrophes and dots."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_NO_DECOMPOSITION))
    return re.sub(r"[^a-z0-9'-]+", ".", plain.encode("ascii", "ignore").decode()).strip(".")


@dataclass
class _PersonMaker:
    """Makes persons with different user names."""

    dice: Dice
    taken: set[str] = field(default_factory=set)

    def make(self, number: int) -> Person:
        """Return a person. Every 40th has a name in another script, every 60th is a guest."""
        shown, latin = self._name(number)
        department = self._department(number)
        user_name = self._user_name(latin, is_guest=number % 60 == 59)
        return Person(
            object_id=object_id("person", number),
            user_name=user_name,
            display_name=shown,
            mail=self._mail(latin, user_name),
            title=_management_title(number) or self.dice.pick(TITLES[department or "Zorg"]),
            department=department,
            phone=self._phone(),
            language=self.dice.pick(LANGUAGES) if self.dice.below(10) else None,
        )

    def _name(self, number: int) -> tuple[str, str]:
        if number % 40 == 39:
            return OTHER_SCRIPTS[number // 40 % len(OTHER_SCRIPTS)]
        name = f"{self.dice.pick(GIVEN_NAMES)} {self.dice.pick(SURNAMES)}"
        return name, name

    def _department(self, number: int) -> str | None:
        """Return the department of person `number`.

        The director has none. Heads and team leads come next, so that each department has its own.
        Half of the others work in care.
        """
        departments = list(TITLES)
        if number == 0:
            return None
        if number <= len(departments) * (1 + _LEADS):
            return departments[(number - 1) % len(departments)]
        return "Zorg" if self.dice.below(10) < 5 else self.dice.pick(departments)

    def _user_name(self, latin: str, *, is_guest: bool) -> str:
        """Return a unique user name. A guest's contains `#EXT#`; Entra ID makes it from the guest's own address."""
        plain = to_ascii(latin)
        number, local = 1, plain
        while local in self.taken:
            number += 1
            local = f"{plain}{number}"
        self.taken.add(local)
        return f"{local}_partner.example#EXT#@{DOMAIN}" if is_guest else f"{local}@{DOMAIN}"

    def _mail(self, latin: str, user_name: str) -> str:
        """Return the e-mail address: the user name, in one of eight cases with capitals, which must be kept."""
        if "#" in user_name:
            return user_name.partition("#")[0].replace("_", "@")
        if self.dice.below(8):
            return user_name
        local, _, domain = user_name.partition("@")
        return f"{local[0].upper()}{local[1:]}@{domain.capitalize()}"

    def _phone(self) -> str | None:
        """Return a telephone number in one of three usual spellings. One in six persons has none."""
        number = f"{self.dice.below(10_000):04d}"
        spellings = (f"+31 30 555 {number}", f"030-555{number}", f"+31 (0)30 555 {number[:2]} {number[2:]}")
        return self.dice.pick(spellings) if self.dice.below(6) else None


def _management_title(number: int) -> str | None:
    if number == 0:
        return "Bestuurder"
    if number <= len(TITLES):
        return "Manager"
    return "Teamleider" if number <= len(TITLES) * (1 + _LEADS) else None


def _with_managers(persons: Sequence[Person]) -> list[Person]:
    """Give each person except the director a manager: one of the rank above, in the same department.

    The ranks are director, head of a department, team lead, and everybody else.
    """
    departments = list(TITLES)
    last_lead = len(departments) * (1 + _LEADS)
    managed = [persons[0]]
    for number, person in enumerate(persons[1:], 1):
        place = departments.index(person.department or departments[0]) + 1
        if number <= len(departments):
            manager = 0
        elif number <= last_lead:
            manager = place
        else:
            manager = place + len(departments) * (1 + number % _LEADS)
        managed.append(replace(person, manager=persons[manager].object_id))
    return managed


def _with_account(person: Person, number: int) -> Person:
    """Disable the person if they are one of the last `LEFT_BEFORE`. None of these is a manager."""
    return person if number < PERSONS else replace(person, account=Account.LEFT_BEFORE)


def _groups(dice: Dice, persons: Sequence[Person]) -> list[Group]:
    """Return the groups: everybody, each department, all managers, and teams of 1 to 120 members."""
    groups = [_group(EVERYONE, persons)]
    for department in TITLES:
        groups.append(_group(f"Afdeling {department}", [one for one in persons if one.department == department]))
    groups.append(_group("Leidinggevenden", persons[: len(TITLES) * (1 + _LEADS) + 1]))
    sizes = (9, 120, 40, 15, 11, 7, 64, 5, 1, 80)
    for name, size in zip(TEAMS, sizes, strict=True):
        groups.append(_group(name, dice.sample(persons, size)))
    return groups


def _group(name: str, persons: Sequence[Person]) -> Group:
    return Group(object_id("group", name), name, tuple(sorted(person.object_id for person in persons)))
