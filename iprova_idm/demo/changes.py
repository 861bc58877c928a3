"""Changes to the source after the first cycle: those of the first week, and those of the month after it.

Each function returns a new `Directory` and does not change the given one. `entra` finds the
differences, as Entra ID does.
"""

from collections.abc import Iterable
from dataclasses import replace

from iprova_idm.demo.directory import (
    DOMAIN,
    EVERYONE,
    PERSONS,
    Account,
    Dice,
    Directory,
    Group,
    Person,
    object_id,
    to_ascii,
)
from iprova_idm.demo.names import SURNAMES

RENAMED, NEW_NAME = "Nachtdienst", "Avond- en nachtdienst"
DISSOLVED = "MIC/VIM-commissie"
FOUNDED = "Werkgroep Duurzaamheid"
_SEED = 2027


class _Draft:
    """A directory that is being changed, with the dice that choose who is affected."""

    def __init__(self, directory: Directory, seed: int) -> None:
        self.persons = dict(directory.persons)
        self.groups = dict(directory.groups)
        self.dice = Dice(seed)

    def finished(self) -> Directory:
        """Return the changed directory."""
        return Directory(self.persons, self.groups)

    def staff(self) -> list[Person]:
        """Return the enabled employees who manage nobody, in the order of the directory."""
        managers = {person.manager for person in self.persons.values()}
        return [one for one in self.persons.values() if one.is_active and one.object_id not in managers]

    def free_user_name(self, name: str) -> str:
        """Return a user name for `name` that nobody has yet."""
        taken = {person.user_name for person in self.persons.values()}
        numbers = ("", *map(str, range(2, 1000)))
        return next(one for number in numbers if (one := f"{to_ascii(name)}{number}@{DOMAIN}") not in taken)

    def change(self, person: Person, **attributes: object) -> None:
        """Set the given attributes. Earlier changes of the same person stay."""
        self.persons[person.object_id] = replace(self.persons[person.object_id], **attributes)  # type: ignore[arg-type]

    def group(self, name: str) -> Group:
        """Return the group with this display name."""
        return next(group for group in self.groups.values() if group.display_name == name)

    def add_members(self, name: str, persons: Iterable[Person]) -> None:
        """Add persons to the group with this display name."""
        group = self.group(name)
        members = {*group.members, *(person.object_id for person in persons)}
        self.groups[group.object_id] = replace(group, members=tuple(sorted(members)))

    def remove_members(self, name: str, persons: Iterable[Person]) -> None:
        """Remove persons from the group with this display name."""
        group = self.group(name)
        members = set(group.members) - {person.object_id for person in persons}
        self.groups[group.object_id] = replace(group, members=tuple(sorted(members)))


def a_week_later(directory: Directory) -> Directory:
    """Return the source a week later: changed attributes, names, managers, departments, accounts and groups."""
    draft = _Draft(directory, _SEED)
    persons = draft.dice.sample(draft.staff(), 100)
    _change_attributes(draft, persons[:36])
    _marry(draft, persons[36:44])
    _move_to_treatment(draft, [one for one in persons[44:86] if one.department == "Zorg"])
    for person in persons[86:98]:
        draft.change(person, account=Account.DISABLED)
    _join_company(draft, like=persons[98:])
    _come_back(draft)
    _reorganise_groups(draft, persons[:9])
    return draft.finished()


def a_month_later(directory: Directory) -> Directory:
    """Return the source a month later: two accounts are enabled again, four deleted for good, and a team is smaller."""
    draft = _Draft(directory, _SEED + 1)
    disabled = [one for one in draft.persons.values() if one.account is Account.DISABLED]
    for person in disabled[:2]:
        draft.change(person, account=Account.ENABLED)
    for person in disabled[2:6]:
        for group in list(draft.groups.values()):
            draft.remove_members(group.display_name, [person])
        del draft.persons[person.object_id]
    team = [draft.persons[member] for member in draft.group("BHV-ploeg").members]
    draft.remove_members("BHV-ploeg", draft.dice.sample(team, 6))
    return draft.finished()


def _change_attributes(draft: _Draft, persons: list[Person]) -> None:
    """Change titles and languages, and add, change and remove telephone numbers."""
    for number, person in enumerate(persons):
        if number % 3 == 0:
            title = person.title or "Medewerker"
            draft.change(person, title=f"Senior {title[0].lower()}{title[1:]}")
        if number % 3 == 1:
            draft.change(person, phone=f"+31 30 555 {9000 + number}")
        if number % 6 == 2:
            draft.change(person, language="fy-NL", title=None)
        if number % 6 == 5:
            draft.change(person, phone=None)


def _marry(draft: _Draft, persons: list[Person]) -> None:
    """Give each person another surname: displayName, userName and e-mail address change at once."""
    for person in persons:
        given = person.display_name.partition(" ")[0]
        name = f"{given} {draft.dice.pick(SURNAMES)}"
        user_name = draft.free_user_name(name)
        draft.change(person, display_name=name, user_name=user_name, mail=user_name)


def _move_to_treatment(draft: _Draft, persons: list[Person]) -> None:
    """Move the persons from care to treatment: department, manager and both departments' groups."""
    lead = next(one for one in draft.persons.values() if one.department == "Behandeling" and one.title == "Teamleider")
    for person in persons:
        draft.change(person, department="Behandeling", manager=lead.object_id)
    draft.remove_members("Afdeling Zorg", persons)
    draft.add_members("Afdeling Behandeling", persons)


def _join_company(draft: _Draft, *, like: list[Person]) -> None:
    """Add two new employees, each with the department and the manager of somebody in `like`."""
    for number, (example, name) in enumerate(zip(like, ("Noor Überfeld", "Yaël d'Hondt"), strict=True), PERSONS * 2):
        user_name = draft.free_user_name(name)
        person = replace(
            example,
            object_id=object_id("person", number),
            user_name=user_name,
            display_name=name,
            mail=user_name,
            account=Account.ENABLED,
        )
        draft.persons[person.object_id] = person
        draft.add_members(EVERYONE, [person])
        draft.add_members(f"Afdeling {person.department}", [person])


def _come_back(draft: _Draft) -> None:
    """Enable a former employee. The target gets this user only now, with the memberships that the source always had."""
    former = next(one for one in draft.persons.values() if one.account is Account.LEFT_BEFORE)
    draft.change(former, account=Account.ENABLED)


def _reorganise_groups(draft: _Draft, founders: list[Person]) -> None:
    """Rename one group, delete one and add one."""
    renamed, dissolved = draft.group(RENAMED), draft.group(DISSOLVED)
    draft.groups[renamed.object_id] = replace(renamed, display_name=NEW_NAME)
    del draft.groups[dissolved.object_id]
    founded = Group(object_id("group", FOUNDED), FOUNDED, ())
    draft.groups[founded.object_id] = founded
    draft.add_members(FOUNDED, founders)
