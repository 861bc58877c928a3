"""The requests of a cycle, in the order and the form of Entra ID."""

import io
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from iprova_idm.demo.directory import Account, Directory
from iprova_idm.demo.entra import MEMBERS_PER_PATCH, EntraId
from iprova_idm.demo.mapping import ENTERPRISE_USER, user_body
from iprova_idm.demo.report import Progress
from tests.iprova_idm.demo.conftest import ANNA, BRAM, GONE, small


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
