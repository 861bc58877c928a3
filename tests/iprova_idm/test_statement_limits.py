"""The limits of PostgreSQL for statements of a web process."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created

from iprova_idm import statement_limits


@pytest.fixture
def new_connection(db):
    """A connection as a web process makes it."""
    statement_limits.limit_statements()
    made = connection.copy()
    yield made
    made.close()
    connection_created.disconnect(dispatch_uid="statement_limits")


def asked(of, name):
    with of.cursor() as cursor:
        return cursor.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_a_web_process_ends_statements_that_run_too_long_or_for_nobody(new_connection):
    assert asked(new_connection, "statement_timeout") == "20s"
    assert asked(new_connection, "client_connection_check_interval") == "5s"
    with new_connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '50ms'")
        with pytest.raises(OperationalError, match="statement timeout"):
            cursor.execute("SELECT pg_sleep(5)")


def test_migrations_and_housekeeping_have_no_limit(db):
    assert asked(connection, "statement_timeout") == "0"


def test_behind_a_pooler_the_session_is_left_alone(new_connection):
    """A pooler gives its clients a process id of its own; its sessions are used by others next."""
    with new_connection.cursor() as cursor:
        cursor.execute("RESET ALL")
        pooled = SimpleNamespace(
            cursor=new_connection.cursor, connection=SimpleNamespace(info=SimpleNamespace(backend_pid=1))
        )
        statement_limits._limit(pooled)
    assert asked(new_connection, "statement_timeout") == "0"
