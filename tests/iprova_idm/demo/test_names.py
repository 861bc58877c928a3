"""The names of invented persons: no name twice, and a Latin form where the user name needs one."""

from iprova_idm.demo import names
from iprova_idm.demo.directory import to_ascii


def test_no_name_is_there_twice():
    for known in (names.GIVEN_NAMES, names.SURNAMES, names.TEAMS, names.OTHER_SCRIPTS):
        assert len(set(known)) == len(known)


def test_every_name_has_letters_for_a_user_name():
    for name in (*names.GIVEN_NAMES, *names.SURNAMES, *(latin for _own, latin in names.OTHER_SCRIPTS)):
        assert to_ascii(name).strip("'."), name
    assert all(to_ascii(own) == "" for own, _latin in names.OTHER_SCRIPTS)
