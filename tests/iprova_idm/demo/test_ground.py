"""Where the demo may run, and which data it never touches."""

import os
from pathlib import Path

import pytest

from iprova_idm.demo import ground
from iprova_idm.serve import StartError
from tests.conftest import database_url
from tests.factories import make_provider


def test_own_folder_is_emptied_at_the_next_demo_only(no_database: Path) -> None:
    with ground.empty_ground():
        assert os.environ["DATA_DIR"] == str(no_database) and os.environ["ADMIN_PASSWORD"]
        (no_database / "postgres").mkdir()
        (no_database / "postgres" / "data").write_text("old")
        (no_database / "secret_key").write_text("old")
    assert (no_database / "postgres" / "data").exists() and "ADMIN_PASSWORD" not in os.environ
    with ground.empty_ground():
        assert [path.name for path in no_database.iterdir()] == [ground.MARKER]


def test_a_folder_of_somebody_else_is_refused_and_kept(no_database: Path) -> None:
    no_database.mkdir()
    (no_database / "secret_key").write_text("precious")
    with pytest.raises(StartError, match="is not emptied"), ground.empty_ground():
        pass
    assert (no_database / "secret_key").read_text() == "precious"


def test_a_database_outside_an_unmarked_folder_is_refused(
    no_database: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for root in a clone, whose databases are under /var/lib."""
    elsewhere = data_dir / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "data").write_text("precious")
    monkeypatch.setattr(ground, "database_folder", lambda environ: elsewhere)
    for _ in range(2):  # the refusal must not leave a marker that would allow it next time
        with pytest.raises(StartError, match="is not emptied"), ground.empty_ground():
            pass
    assert (elsewhere / "data").read_text() == "precious"


def test_a_demo_that_runs_is_not_pulled_away(no_database: Path) -> None:
    with ground.empty_ground():
        os.environ["DATA_DIR"] = str(no_database.parent)
        with pytest.raises(StartError, match="in use"), ground.empty_ground():
            pass


def test_production_is_refused(no_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "MODE": "production",
        "PUBLIC_URL": "https://x.example",
        "DATABASE_URL": "postgresql:///x",
        "SECRET_KEY": "abcdefghij" * 5,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match="production"), ground.empty_ground():
        pass


def test_a_database_with_providers_is_refused(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url())
    made = make_provider()
    try:
        with pytest.raises(StartError, match="has providers"), ground.empty_ground():
            pass
    finally:
        made.delete()
