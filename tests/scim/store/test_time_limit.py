"""The time that statements may take, on the real database."""

import time

import pytest
from django.db import connection, transaction

from providers.models import Provider
from scim.protocol.budget import Budget
from scim.protocol.errors import Reason, ScimError
from scim.store.time_limit import time_limit
from tests.factories import make_provider

COMMITTING = pytest.mark.django_db(transaction=True)


def used(seconds: float, left: float) -> Budget:
    """A budget of `seconds` of which `left` are left."""
    return Budget(seconds=seconds, clock=time.monotonic, started=time.monotonic() - seconds + left)


def sleep(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def limit_in_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


@COMMITTING
def test_v40_h1_a_statement_ends_when_the_time_of_its_request_does():
    with time_limit(used(10, left=0.2)), pytest.raises(ScimError, match="longer than 10 seconds") as refused:
        sleep(60)
    assert (refused.value.reason, refused.value.status) == (Reason.TOO_COSTLY, 400)
    assert connection.is_usable()


@COMMITTING
def test_m2_what_one_statement_used_the_next_does_not_have():
    with time_limit(used(10, left=1)):
        sleep(0.8)
        with pytest.raises(ScimError):
            sleep(60)


@COMMITTING
def test_v40_no_statement_begins_after_the_end_and_the_transaction_is_rolled_back(db):
    def half_done():
        with transaction.atomic():
            make_provider("Half done")
            time.sleep(0.4)
            Provider.objects.count()

    with time_limit(used(10, left=0.3)), pytest.raises(ScimError):
        half_done()
    assert not Provider.objects.exists()


@COMMITTING
def test_the_limit_ends_with_the_request():
    before = limit_in_database()
    with time_limit(used(10, left=3)):
        assert limit_in_database() != before
        with transaction.atomic():
            assert limit_in_database() != before
    assert limit_in_database() == before


def test_an_ordinary_request_pays_no_statement_for_it(db, django_assert_num_queries):
    with django_assert_num_queries(1), time_limit(used(10, left=10)):
        before = limit_in_database()
    assert before == limit_in_database()
