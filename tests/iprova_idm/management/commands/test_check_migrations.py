"""`manage.py check_migrations`, tried on migrations of this project that are older than it."""

import pytest
from django.core.management import CommandError, call_command

from iprova_idm.management.commands import check_migrations


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("0017_removal_limit", "RENAMING columns"),
        ("0018_outcomes", "DROPPING columns"),
        ("0007_request_classes", "NOT NULL constraint on columns"),
        ("0004_modified_hour", "CREATE INDEX locks table"),
    ],
)
def test_a_migration_that_the_old_version_does_not_survive_is_refused(committed, name, problem):
    assert f"{name}: {problem}" in check_migrations.problems_of(name)


def test_indexes_that_are_built_concurrently_and_new_tables_are_safe(committed):
    assert check_migrations.problems_of("0029_sought") == check_migrations.problems_of("0025_exports") == []


def test_those_after_the_landed_ones_are_checked_and_all_are_safe(committed, monkeypatch, capsys):
    call_command("check_migrations")
    assert "are safe" in capsys.readouterr().out
    monkeypatch.setattr(check_migrations, "LANDED", "0016_request_reason")
    with pytest.raises(CommandError, match="0017_removal_limit: RENAMING columns"):
        call_command("check_migrations")


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("# unsafe-migration: the column has not been read since version 0.2", True),
        ("    # unsafe-migration: the table is empty in every installation", True),
        ("# unsafe-migration:", False),
        ("# unsafe-migration: yes", False),
        ("x = 1  # unsafe-migration: not a line of its own", False),
    ],
)
def test_only_a_comment_with_a_reason_makes_an_exception(line, counts):
    assert bool(check_migrations.MARK.search(f"from django.db import migrations\n{line}\n")) is counts
