"""The kept numbers of users and groups are exact after every write, in every snapshot, and make nobody wait."""

import random
import threading
from importlib import import_module

import pytest
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from providers.events import SYSTEM
from providers.housekeeping import empty_recycle_bin, run_job
from providers.models import Provider, Resource, ResourceCount
from providers.resources import many
from providers.resources.recycle_bin import purge, restore
from providers.totals import Total, check_totals, total_of_all, totals
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_provider, make_user
from tests.scim.store.plans import fill_users

# What is there, next to what is kept, in one snapshot.
BOTH = """
SELECT (SELECT count(*) FROM providers_resource WHERE provider_id = %(id)s AND deleted_at IS NULL),
  (SELECT sum(live) FROM providers_resourcecount WHERE provider_id = %(id)s),
  (SELECT count(*) FROM providers_resource WHERE provider_id = %(id)s AND deleted_at IS NULL AND NOT active),
  (SELECT sum(disabled) FROM providers_resourcecount WHERE provider_id = %(id)s),
  (SELECT count(*) FROM providers_resource WHERE provider_id = %(id)s AND deleted_at IS NOT NULL),
  (SELECT sum(deleted) FROM providers_resourcecount WHERE provider_id = %(id)s)
"""


def numbers(provider):
    """The numbers that are kept: live, disabled and deleted; an error if they are not those that are there."""
    with connection.cursor() as cursor:
        cursor.execute(BOTH, {"id": provider.pk})
        live, kept_live, disabled, kept_disabled, deleted, kept_deleted = cursor.fetchone()
    assert (kept_live or 0, kept_disabled or 0, kept_deleted or 0) == (live, disabled, deleted)
    return live, disabled, deleted


def set_active(provider, user, is_active):
    body = {"Operations": [{"op": "replace", "path": "active", "value": is_active}]}
    verbs.patch(call(provider), str(user.pk), body, answers=False)


def test_every_write_that_changes_a_number_is_counted(provider, stranger):
    assert numbers(provider) == (0, 0, 0)
    users = [make_user(provider) for _ in range(5)]
    make_user(stranger, active=False)
    group = make_group(provider, members=users)
    assert numbers(provider) == (6, 0, 0)
    set_active(provider, users[0], False)
    set_active(provider, users[1], False)
    assert numbers(provider) == (6, 2, 0)
    set_active(provider, users[0], True)
    verbs.delete(call(provider), str(users[1].pk))
    verbs.delete(call(provider), str(users[2].pk))
    verbs.delete(call(provider, GROUP), str(group.pk))
    assert numbers(provider) == (3, 0, 3)
    assert restore(provider.pk, users[1].pk, SYSTEM, uuid7())
    assert numbers(provider) == (4, 1, 2)
    assert purge(provider.pk, users[2].pk, SYSTEM)
    assert numbers(provider) == (4, 1, 1)
    assert totals("User", [provider.pk, stranger.pk]) == {provider.pk: Total(4, 1), stranger.pk: Total(1, 1)}
    assert totals("Group", [provider.pk]) == {provider.pk: Total()}
    assert (total_of_all("User"), total_of_all("User").active) == (Total(5, 2), 3)


def test_writes_to_many_at_once_are_counted(provider):
    users = [make_user(provider, active=number > 3) for number in range(8)]
    for user in users[2:6]:
        verbs.delete(call(provider), str(user.pk))
    ids = [user.pk for user in users]
    with transaction.atomic():
        many.lock(ids)
        assert many.restore(ids, SYSTEM) == 4
        assert numbers(provider) == (8, 4, 0)
        assert many.enable(ids, SYSTEM) == 4
    assert numbers(provider) == (8, 0, 0)
    Resource.objects.of(provider).update(deleted_at="2020-01-01T00:00Z")
    assert numbers(provider) == (0, 0, 8)
    run_job(empty_recycle_bin)
    assert numbers(provider) == (0, 0, 0)


def test_rows_that_sql_inserts_and_deletes_are_counted_in_one_row_each(provider, stranger):
    fill_users(provider.pk, 500)
    assert ResourceCount.objects.filter(provider_id=provider.pk).count() <= 1
    assert numbers(provider) == (500, 0, 0)
    Resource.objects.of(provider).filter(user_name__endswith="7").update(provider=stranger)
    assert (numbers(provider), numbers(stranger)) == ((450, 0, 0), (50, 0, 0))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM providers_resource WHERE provider_id = %s", [provider.pk])
    assert (numbers(provider), numbers(stranger)) == ((0, 0, 0), (50, 0, 0))


def test_a_change_of_something_else_writes_no_row(provider):
    user = make_user(provider)
    before = ResourceCount.objects.count()
    verbs.patch(
        call(provider),
        str(user.pk),
        {"Operations": [{"op": "replace", "path": "title", "value": "Nurse"}]},
        answers=False,
    )
    assert ResourceCount.objects.count() == before


def test_what_is_rolled_back_does_not_count(provider):
    make_user(provider)
    with transaction.atomic():
        for _ in range(150):  # far enough that rows are replaced by their sum
            make_user(provider)
        transaction.set_rollback(True)
    assert numbers(provider) == (1, 0, 0)


def test_rows_are_replaced_by_their_sum(provider, stranger):
    """However many were created one by one, a reader adds up few; also of two providers that write in turns."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""DO $$ BEGIN FOR number IN 1..3000 LOOP
              INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted)
              VALUES ({provider.pk:d} + number % 2 * ({stranger.pk:d} - {provider.pk:d}), 'User', 1, 0, 0);
            END LOOP; END $$"""
        )
    for one in (provider, stranger):
        assert ResourceCount.objects.filter(provider_id=one.pk).count() < 1_000
        assert totals("User", [one.pk]) == {one.pk: Total(1_500, 0)}


def test_a_wrong_total_is_found_and_corrected(provider, caplog):
    user = make_user(provider)
    make_group(provider)
    assert run_job(check_totals) == "all correct"
    assert not caplog.records
    ResourceCount.objects.filter(resource_type="User").update(live=7, deleted=-2)
    assert "corrected" in run_job(check_totals)
    assert "differed" in caplog.text
    assert numbers(provider) == (2, 0, 0)
    ResourceCount.objects.all().delete()
    check_totals()
    set_active(provider, user, False)
    assert numbers(provider) == (2, 1, 0)
    assert run_job(check_totals) == "all correct"


def test_the_migration_computes_the_first_numbers(provider, stranger):
    for number in range(3):
        make_user(provider, active=bool(number))
    make_user(stranger)
    verbs.delete(call(provider), str(make_user(provider).pk))
    before = [(numbers(one), totals("User", [one.pk])) for one in (provider, stranger)]
    ResourceCount.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("providers.migrations.0028_resource_counts").FIRST)
    assert [(numbers(one), totals("User", [one.pk])) for one in (provider, stranger)] == before


# With transactions that are open at the same time.


def in_thread(act):
    """Run `act` on a connection of its own, while this one's transaction is open. It must not wait for it."""
    found = []

    def run():
        try:
            found.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits for the other transaction"
    return found[0]


@pytest.mark.parametrize("commits", [True, False])
def test_an_open_transaction_makes_no_other_one_wait(committed, commits):
    provider = make_provider()
    users = [make_user(provider) for _ in range(3)]

    def create_others():
        for _ in range(130):
            make_user(provider)
        verbs.delete(call(provider), str(users[0].pk))
        return numbers(provider)

    with transaction.atomic():
        for _ in range(130):
            make_user(provider)
        set_active(provider, users[1], False)
        assert in_thread(create_others) == (132, 0, 1)
        assert numbers(provider) == (262, 1, 1)
        transaction.set_rollback(not commits)
    assert numbers(provider) == ((262, 1, 1) if commits else (132, 0, 1))


def test_totals_are_exact_in_every_snapshot_while_many_write(committed):
    provider = make_provider()
    failures = []
    ends = threading.Event()

    def write(seed):
        chance = random.Random(seed)
        mine = []
        for _ in range(90):
            is_undone = chance.random() < 0.2
            with transaction.atomic():
                match chance.randrange(5):
                    case 0 if mine:
                        set_active(provider, chance.choice(mine), chance.random() < 0.5)
                    case 1 if len(mine) > 3:
                        user = chance.choice(mine)
                        verbs.delete(call(provider), str(user.pk))
                        mine = mine if is_undone else [one for one in mine if one != user]
                    case _:
                        user = make_user(provider, active=chance.random() < 0.7)
                        mine = mine if is_undone else [*mine, user]
                transaction.set_rollback(is_undone)

    def run(act, *args):
        try:
            act(*args)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    def read():
        seen = 0
        while not ends.is_set():
            numbers(provider)
            seen += 1
        assert seen > 10

    writers = [threading.Thread(target=run, args=(write, seed)) for seed in range(4)]
    reader = threading.Thread(target=run, args=(read,))
    for thread in [*writers, reader]:
        thread.start()
    for thread in writers:
        thread.join(60)
    ends.set()
    reader.join(10)
    assert failures == []
    live, _, deleted = numbers(provider)
    assert live > 50 and deleted > 0
    Provider.objects.filter(pk=provider.pk).update(deleted_at="2020-01-01T00:00Z")
