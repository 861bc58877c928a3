"""The directories of `make soak`, at a real server: what they see, and what they find changed behind their backs."""

import time
from urllib.parse import urlsplit

import pytest

from bench.scim.servers import Server
from bench.soak import load
from bench.soak.__main__ import begin
from bench.soak.load import Directory, Pace
from providers.models import SyncedUser
from tests.factories import issue, make_provider


def test_requests_are_due_at_their_pace_and_not_after_the_end():
    pace = Pace(50.0, 10.0, 30.0, "a seed")
    due = list(iter(pace.next, None))
    assert 900 < len(due) < 1_100 and due == sorted(due)
    assert due[0] > 10.0 and due[-1] < 30.0


@pytest.fixture
def directory(server: str, committed: None, monkeypatch: pytest.MonkeyPatch) -> Directory:
    monkeypatch.setattr(load, "USERS", 5)
    monkeypatch.setattr(load, "OUTSIDE", 2)
    monkeypatch.setattr(load, "GROUP_SIZE", 3)
    provider = make_provider()
    made = Directory("Soak", Server("Soak", urlsplit(server).port or 0, "/scim", issue(provider)[1], 0, url=server))
    made.prepare()
    return made


def test_what_a_directory_was_told_is_what_it_finds(directory: Directory) -> None:
    began = time.monotonic()
    for client in begin([directory], 40.0, began, began + 3.0):
        client.join(30)
    assert directory.wrong == [] and directory.missing() == []
    assert 60 < len(directory.seen) <= directory.answered
    assert {"filter externalId", "get", "PATCH"} <= {one.kind for one in directory.seen}


def test_a_lost_write_is_found(directory: Directory) -> None:
    [first, second, third] = [client.known.users[0] for client in directory.clients]
    SyncedUser.objects.filter(pk=first.id).update(document=first.document | {"title": "another"})
    SyncedUser.objects.filter(pk=second.id).update(deleted_at="2026-01-01T00:00Z")
    directory.clients[2].known.users.remove(third)
    missing = directory.missing()
    assert f"{first.document['userName']}: other title" in missing
    assert f"{second.document['userName']}: does not exist" in missing
    assert f"{third.document['userName']}: nobody was told that it was created" in missing
