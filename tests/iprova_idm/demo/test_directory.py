"""The source of the demo: the users and groups of an invented company."""

from collections import Counter

import pytest

from iprova_idm.demo.directory import EVERYONE, Account, Directory, to_ascii


def test_source_has_500_users_in_scope_and_20_groups(sources: list[Directory]) -> None:
    persons = sources[0].persons.values()
    assert Counter(person.account for person in persons) == {Account.ENABLED: 500, Account.LEFT_BEFORE: 12}
    assert len(sources[0].groups) == 20
    sizes = {group.display_name: len(group.members) for group in sources[0].groups.values()}
    assert sizes[EVERYONE] == 512 and min(sizes.values()) == 1


@pytest.mark.parametrize("index", [0, 1, 2])
def test_names_are_unique_and_references_point_at_somebody(sources: list[Directory], index: int) -> None:
    source = sources[index]
    names = [person.user_name.lower() for person in source.persons.values()]
    assert len(set(names)) == len(names) and all(name.isascii() for name in names)
    assert len({group.display_name.lower() for group in source.groups.values()}) == 20
    managers = [source.persons[person.manager] for person in source.persons.values() if person.manager]
    assert all(manager.is_expected for manager in managers)
    assert all(member in source.persons for group in source.groups.values() for member in group.members)


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Þóra Guðmundsdóttir", "thora.gudmundsdottir"), ("Đorđe d'Ancona", "dorde.d'ancona"), ("王 芳", "")],
)
def test_user_names_are_ascii(name: str, plain: str) -> None:
    assert to_ascii(name) == plain
