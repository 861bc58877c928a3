"""Loaded before Django's settings: tests run on DATABASE_URL, or on an embedded PostgreSQL of their own without it.

The workers of pytest-xdist load it too. They find DATABASE_URL set by the process that started them, which alone
starts and stops the embedded server.
"""

import atexit
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date

import psycopg

from iprova_idm.embedded import database_url_in_environment
from iprova_idm.options import PROJECT_DIR

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
# Nothing here has to survive a power cut, and nobody asks which statements took long. Two count from the next start.
_QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "'4GB'",
    "jit": "off",
    "compute_query_id": "off",
    "pg_stat_statements.track": "none",
}
_database = ExitStack()
if not os.environ.get("DATABASE_URL"):
    os.environ["DATA_DIR"] = str(PROJECT_DIR / ".data-tests")
    with psycopg.connect(_database.enter_context(database_url_in_environment()), autocommit=True) as _connection:
        for _name, _value in _QUICK.items():
            _connection.execute(f"ALTER SYSTEM SET {_name} = {_value}")
        _connection.execute("SELECT pg_reload_conf()")
    atexit.register(_database.close)


@contextmanager
def migrated() -> Iterator[str]:
    """The name of a database with all migrations, to be copied inside the block: no other process uses it there.

    It is kept after the run, because migrating takes longer than many runs of a few tests. It is made again when a
    module of the product or a version that it requires is another one, and each day, for its partitions are of months.
    """
    from django.db import connection

    known, state = connection.settings_dict, _digest_of_sources()
    template, name, test = f"test_{known['NAME']}_migrated", known["NAME"], known["TEST"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as own:
        own.execute("SELECT pg_advisory_lock(hashtext(%s))", [template])
        query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        if own.execute(query, [template]).fetchone() != (state,):
            known["TEST"] = test | {"NAME": template}
            try:
                connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            finally:
                connection.close()
                known["NAME"], known["TEST"] = name, test
            own.execute(f"COMMENT ON DATABASE \"{template}\" IS '{state}'")
        yield template


def _digest_of_sources() -> str:
    """Of what decides on the tables and their first rows: the product's modules, the versions it requires, the day."""
    files = [file for folder in ("iprova_idm", "providers", "scim") for file in (PROJECT_DIR / folder).rglob("*.py")]
    digest = hashlib.sha256(date.today().isoformat().encode())
    for file in [PROJECT_DIR / "requirements" / "base.txt", *sorted(files)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def end_other_sessions() -> None:
    """End all other sessions of this database, so that it can be dropped: a server's threads keep theirs open."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def tables_with(text: str) -> list[str]:
    """Return the tables of which some row has this text, in whatever column."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table} r WHERE r::text LIKE %s)", [f"%{text}%"])
            found += [table] if cursor.fetchone()[0] else []
    return found


@contextmanager
def rewriting_events() -> Iterator[None]:
    """Let a test delete change events or move them in time. The product can do neither."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE providers_changeevent DISABLE TRIGGER append_only")
        yield
        cursor.execute("ALTER TABLE providers_changeevent ENABLE TRIGGER append_only")


@contextmanager
def new_database() -> Iterator[None]:
    """An empty database of its own, as the tests have, for a command that is not one of them."""
    from django.db import connection
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        end_other_sessions()
        connection.creation.destroy_test_db(name, verbosity=0)
        teardown_test_environment()
