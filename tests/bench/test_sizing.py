"""The figures of `make sizing`: growth of tables, on a real PostgreSQL."""

import os

import psycopg
import pytest

from bench.sizing import EVENTS, LOG, MEMBERS, RESOURCES, Tables, memory_mb
from tests.conftest import database_url
from tests.factories import make_provider, make_user


def test_tables_grow_by_what_is_written(committed: None) -> None:
    provider = make_provider()
    with psycopg.connect(database_url(), autocommit=True) as connection:

        def work() -> None:
            for number in range(60):
                make_user(provider, f"sizing{number}@contoso.example", title="x" * 10_000 + str(number))

        users, members = Tables(connection).grown([RESOURCES, MEMBERS], 60, work)
    assert 100 < users < 20_000 and members == 0


@pytest.mark.parametrize("pattern", [RESOURCES, EVENTS, MEMBERS, LOG])
def test_every_pattern_has_its_tables(committed: None, pattern: str) -> None:
    with psycopg.connect(database_url(), autocommit=True) as connection:
        assert Tables(connection).size(pattern) > 0


def test_memory_counts_what_is_shared_once() -> None:
    assert 1 < memory_mb(os.getpid()) < 4_000
