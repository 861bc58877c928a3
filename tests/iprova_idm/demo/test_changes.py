"""The source a week and a month later, the same at each run."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict

from iprova_idm.demo.changes import a_month_later, a_week_later
from iprova_idm.demo.directory import Account, Directory, make_directory

DIGEST = "624ada9e2c3e07ca"


def digest(*directories: Directory) -> str:
    text = json.dumps([asdict(one) for one in directories], default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_source_is_the_same_at_each_run_and_on_each_python(sources: list[Directory]) -> None:
    week = a_week_later(make_directory())
    assert digest(make_directory(), week, a_month_later(week)) == digest(*sources) == DIGEST


def test_each_kind_of_change_happens(sources: list[Directory]) -> None:
    first, week, month = sources
    known = [(first.persons[oid], person) for oid, person in week.persons.items() if oid in first.persons]
    for attribute in ("title", "phone", "language", "department", "manager", "user_name", "display_name", "mail"):
        assert any(getattr(before, attribute) != getattr(after, attribute) for before, after in known), attribute
    accounts = Counter((before.account, after.account) for before, after in known if before.account != after.account)
    assert accounts == {(Account.ENABLED, Account.DISABLED): 12, (Account.LEFT_BEFORE, Account.ENABLED): 1}
    assert len(set(week.persons) - set(first.persons)) == 2
    assert len(set(week.persons) - set(month.persons)) == 4
    assert sum(week.persons[oid] != person for oid, person in month.persons.items()) == 2


def test_changes_leave_the_earlier_state_alone(sources: list[Directory]) -> None:
    first = make_directory()
    before = digest(first)
    a_month_later(a_week_later(first))
    assert digest(first) == before
