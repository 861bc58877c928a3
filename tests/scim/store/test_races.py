"""Two connections at once, in both orders: no lost update, no deleted member, no second userName."""

import threading

import pytest
from django.db import connection

from providers.events import EventKind
from providers.models import ChangeEvent, Membership, Resource
from providers.resources import writes
from scim.protocol.attributes import GROUP
from scim.protocol.errors import ScimError
from scim.store import verbs
from tests.factories import call, make_group, make_provider, make_user
from tests.races import race


@pytest.fixture
def cast(committed: None):
    provider = make_provider()
    return provider, make_user(provider), make_group(provider)


def add(provider, group, *people):
    members = [{"value": str(person.pk)} for person in people]
    body = {"Operations": [{"op": "add", "path": "members", "value": members}]}
    return lambda: verbs.patch(call(provider, GROUP), str(group.pk), body, answers=False)


def current(group):
    return set(Membership.objects.filter(group=group, left_at=None).values_list("member_id", flat=True))


@pytest.mark.smoke
@pytest.mark.parametrize("deletes_first", [True, False])
def test_deleting_a_person_against_adding_her_leaves_no_deleted_member(cast, deletes_first):
    provider, person, group = cast
    acts = [lambda: verbs.delete(call(provider), str(person.pk)), add(provider, group, person)]
    results = race(*(acts if deletes_first else acts[::-1]))
    assert not [result for result in results if isinstance(result, Exception)]
    assert Resource.objects.get(pk=person.pk).deleted_at
    assert current(group) == set()


@pytest.mark.parametrize("deletes_first", [True, False])
def test_deleting_a_group_against_adding_to_it_leaves_no_current_member(cast, deletes_first):
    provider, person, group = cast
    acts = [lambda: verbs.delete(call(provider, GROUP), str(group.pk)), add(provider, group, person)]
    results = race(*(acts if deletes_first else acts[::-1]))
    assert [isinstance(result, ScimError) for result in results] == [False, deletes_first]
    assert current(group) == set()


@pytest.mark.smoke
def test_v44_two_patches_of_one_group_both_take_effect(cast):
    provider, person, group = cast
    other = make_user(provider)
    race(add(provider, group, person), add(provider, group, other))
    assert current(group) == {person.pk, other.pk}
    assert Resource.objects.get(pk=group.pk).version == 3


def remove(provider, group, person):
    body = {"Operations": [{"op": "remove", "path": f'members[value eq "{person.pk}"]'}]}
    return lambda: verbs.patch(call(provider, GROUP), str(group.pk), body, answers=False)


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("is_member", "acts", "changes"),
    [
        (False, (add, add), [(1, 0)]),
        (False, (add, remove), [(1, 0), (0, 1)]),
        (True, (remove, remove), [(0, 1)]),
        (True, (remove, add), [(0, 1), (1, 0)]),
    ],
)
def test_v44_the_same_member_at_the_same_time_joins_and_leaves_in_one_order(cast, is_member, acts, changes):
    """The statement of the second waits for the group's lock, and does not see what the first has committed."""
    provider, person, group = cast
    if is_member:
        group = make_group(provider, members=[person])
    before = Resource.objects.get(pk=group.pk).version
    results = race(*(act(provider, group, person) for act in acts))
    assert results == [None, None]
    assert current(group) == ({person.pk} if changes[-1] == (1, 0) else set())
    assert Resource.objects.get(pk=group.pk).version == before + len(changes)
    noted = ChangeEvent.objects.filter(resource_id=group.pk, kind=EventKind.MEMBERS_CHANGED).order_by("version")
    assert [(part["added"], part["removed"]) for event in noted for part in event.changes] == changes
    assert {event.subject for event in noted} == {group.display_name}


def test_v44_two_patches_of_one_user_both_take_effect(cast):
    provider, person, _ = cast

    def change(path, value):
        body = {"Operations": [{"op": "replace", "path": path, "value": value}]}
        return lambda: verbs.patch(call(provider), str(person.pk), body, answers=True)

    race(change("title", "Nurse"), change("nickName", "Jo"))
    now = Resource.objects.get(pk=person.pk)
    assert (now.document["title"], now.document["nickName"], now.version) == ("Nurse", "Jo", 3)


@pytest.mark.parametrize("meanwhile", ["changed", "deleted"])
def test_v44_what_was_read_without_a_lock_and_changed_since_is_read_again(cast, monkeypatch, meanwhile):
    provider, person, _ = cast
    find = writes.find

    def find_and_be_overtaken(*asked):
        found = find(*asked)
        body = {"userName": person.user_name, "nickName": "Jo"}
        acts = {
            "changed": lambda: verbs.replace(call(provider), str(person.pk), body),
            "deleted": lambda: verbs.delete(call(provider), str(person.pk)),
        }
        monkeypatch.setattr(writes, "find", find)
        acts[meanwhile]()
        return found

    monkeypatch.setattr(writes, "find", find_and_be_overtaken)
    body = {"Operations": [{"op": "replace", "path": "title", "value": "Nurse"}]}
    if meanwhile == "deleted":
        with pytest.raises(ScimError) as refused:
            verbs.patch(call(provider), str(person.pk), body, answers=True)
        assert refused.value.status == 404
        return
    verbs.patch(call(provider), str(person.pk), body, answers=True)
    now = Resource.objects.get(pk=person.pk)
    assert (now.document["title"], now.document["nickName"], now.version) == ("Nurse", "Jo", 3)


@pytest.mark.smoke
def test_v9_the_same_user_name_created_twice_is_one_user_and_one_409(cast):
    provider, *_ = cast
    results = race(
        lambda: verbs.create(call(provider), {"userName": "twin"}),
        lambda: verbs.create(call(provider), {"userName": "TWIN"}),
    )
    assert isinstance(results[1], ScimError)
    assert (results[1].status, results[1].scim_type) == (409, "uniqueness")
    assert Resource.objects.filter(provider=provider, user_name_key="twin").count() == 1


def test_v44_two_puts_with_one_if_match_are_one_200_and_one_412(cast):
    provider, person, _ = cast
    tag = verbs.read(call(provider), str(person.pk)).etag

    def put(title):
        body = {"userName": person.user_name, "title": title}
        return lambda: verbs.replace(call(provider, if_match=tag), str(person.pk), body)

    results = race(put("A"), put("B"))
    assert isinstance(results[1], ScimError)
    assert results[1].status == 412
    assert Resource.objects.get(pk=person.pk).document["title"] == "A"


def test_v62_a_put_that_races_with_a_delete_does_not_bring_her_back(cast):
    provider, person, _ = cast
    results = race(
        lambda: verbs.delete(call(provider), str(person.pk)),
        lambda: verbs.replace(call(provider), str(person.pk), {"userName": person.user_name, "title": "Nurse"}),
    )
    assert isinstance(results[1], ScimError)
    assert results[1].status == 404
    assert Resource.objects.get(pk=person.pk).deleted_at


def test_many_at_once_lose_nothing_and_do_not_deadlock(cast):
    provider, _, group = cast
    people = [make_user(provider) for _ in range(24)]
    other = make_group(provider)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        person = people[number]
        try:
            add(provider, group, person)()
            add(provider, other, person)()
            if number % 3 == 0:
                verbs.delete(call(provider), str(person.pk))
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    wanted = {person.pk for number, person in enumerate(people) if number % 3}
    assert current(group) == current(other) == wanted
