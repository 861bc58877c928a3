"""The checks of the bench: a wrong response is an error, and what a server drops is noted."""

import json

import pytest

from bench.scim import workloads
from bench.scim.wire import Answer
from bench.scim.workloads import Known, User, WrongError, document_of


def known(count=5):
    return Known(users=[User(str(number), document_of(number)) for number in range(count)], number=count)


def play(steps, *answers):
    """Send a workload these responses. Return what it asked for."""
    *first, last = [Answer(status, json.dumps(body).encode()) for status, body in answers]
    asked = [next(steps), *(steps.send(answer) for answer in first)]
    with pytest.raises(StopIteration):
        steps.send(last)
    return asked


def stored(user, **more):
    return user.document | {"id": user.id} | more


def test_what_a_server_drops_is_noted():
    one = known()
    user = one.users[1]
    play(workloads.get(one), (200, stored(user)))
    assert one.losses == set()
    answer = stored(one.users[2], emails=[{"value": user.document["userName"]}])
    del answer["title"], answer[workloads.ENTERPRISE]
    play(workloads.get(one), (200, answer))
    assert one.losses == {"title", "department", "emails"}


@pytest.mark.parametrize(
    ("steps", "status", "body", "problem"),
    [
        (workloads.get, 404, {}, "status 404"),
        (workloads.get, 200, {"id": "1", "userName": "somebody"}, "another user"),
        (workloads.get, 200, stored(User("9", document_of(1))), "another user"),
        (workloads.find_nobody, 200, {"totalResults": 1, "Resources": [{}]}, "finds 1 instead of 0"),
        (workloads.find_by_name, 200, {"totalResults": 0}, "finds 0 instead of 1"),
        (workloads.create, 200, {}, "status 200"),
        (workloads.list_page, 200, {"totalResults": 5, "Resources": [{}] * 5}, "5 resources of 100"),
        (workloads.bulk, 200, {"Operations": [{"status": "201"}, {"status": "409"}]}, "status 201, 409"),
    ],
)
def test_a_wrong_response_is_an_error(steps, status, body, problem):
    running = steps(known())
    next(running)
    with pytest.raises(WrongError, match=problem):
        running.send(Answer(status, json.dumps(body).encode()))


def test_a_changed_user_is_known_with_the_change():
    one = known()
    changed = one.users[1].document | {"active": False}
    [request] = play(workloads.patch_active(one), (200, changed | {"id": "1"}))
    assert request.body["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    assert one.users[1].document["active"] is False and one.losses == set()


def test_the_initial_cycle_looks_for_the_user_that_it_creates():
    one = known()
    user = User("17", document_of(6))
    looked_up, created, read = play(
        workloads.initial_cycle(one),
        (200, {"totalResults": 0, "Resources": []}),
        (201, stored(user)),
        (200, stored(user)),
    )
    assert created.body["externalId"] in looked_up.path and read.path == "/Users/17"


def test_a_group_gets_all_its_members_and_must_return_them():
    one = known()
    asked = play(workloads.make_group(one, 3), (201, {"id": "g"}), (204, {}))
    assert [part["value"] for part in asked[1].body["Operations"][0]["value"]] == ["0", "1", "2"]
    read = workloads.group_with_members(3)
    play(read(one), (200, {"members": [{"value": pk} for pk in "201"]}))
    running = read(one)
    next(running)
    with pytest.raises(WrongError, match="other members"):
        running.send(Answer(200, b'{"members": [{"value": "0"}]}'))


def test_cursor_pages_must_not_repeat_users():
    one = known(200)
    page = {"Resources": [{"id": str(number)} for number in range(100)], "nextCursor": "x"}
    running = workloads.cursor_pages(one)
    next(running)
    running.send(Answer(200, json.dumps(page).encode()))
    with pytest.raises(WrongError, match="repeat"):
        running.send(Answer(200, json.dumps(page).encode()))


def test_names_and_ids_are_unique():
    made = [document_of(number) for number in range(2_000)]
    for name in ("userName", "externalId"):
        assert len({one[name] for one in made}) == 2_000
