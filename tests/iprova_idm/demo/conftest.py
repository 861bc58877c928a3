"""What tests of the demo share: a small source, the whole one, and an empty folder."""

from dataclasses import replace
from pathlib import Path

import pytest

from iprova_idm.demo import ground
from iprova_idm.demo.changes import a_month_later, a_week_later
from iprova_idm.demo.directory import Account, Directory, Group, Person, make_directory


@pytest.fixture(scope="module")
def sources() -> list[Directory]:
    """The source at the first cycle, a week and a month later."""
    first = make_directory()
    week = a_week_later(first)
    return [first, week, a_month_later(week)]


def small(*persons: Person, name: str = "Team", members: tuple[Person, ...] | None = None) -> Directory:
    group = Group("g1", name, tuple(one.object_id for one in (persons if members is None else members)))
    return Directory({person.object_id: person for person in persons}, {"g1": group})


ANNA = Person("o1", "anna@x.example", "Anna", "anna@x.example", "Arts", "Zorg", None, "nl-NL")
BRAM = Person("o2", "bram@x.example", "Bram", "Bram@X.example", None, None, "030-5550000", None, manager="o1")
GONE = replace(BRAM, object_id="o3", user_name="gone@x.example", account=Account.LEFT_BEFORE)


@pytest.fixture
def source() -> Directory:
    return small(ANNA, BRAM, GONE, members=(ANNA, BRAM, GONE))


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Path:
    """DATA_DIR is empty and nothing else is set; gives the folder that the demo would make."""
    for name in ("DATABASE_URL", "MODE", "ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    return data_dir / ground.FOLDER
