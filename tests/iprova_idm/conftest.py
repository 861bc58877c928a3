"""Folders for databases of the tests' own, and the settings of a production server."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iprova_idm.embedded import EmbeddedPostgres

PRODUCTION = {
    "MODE": "production",
    "DATABASE_URL": "postgresql://x@/x",
    "SECRET_KEY": "abcdefghij" * 5,
    "PUBLIC_URL": "https://idm.example.com",
}


@pytest.fixture(scope="session")
def reachable_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the database's OS user can reach: pytest's own is closed to it when root runs the tests."""
    if os.geteuid() != 0:
        yield tmp_path_factory.mktemp("data")
        return
    with tempfile.TemporaryDirectory(prefix="iprova-test-", dir="/var/tmp") as name:
        os.chmod(name, 0o711)
        yield Path(name).resolve()


@pytest.fixture
def data_dir(reachable_folder: Path) -> Iterator[Path]:
    """A new folder in it, for one test."""
    with _new_folder(reachable_folder) as folder:
        yield folder


@pytest.fixture(scope="session")
def stopped_database(reachable_folder: Path) -> Path:
    """The files of a new database that was stopped in good order."""
    with EmbeddedPostgres(reachable_folder / "stopped" / "postgres", must_own=True) as server:
        pass
    return server.data


@pytest.fixture
def made_before(reachable_folder: Path, stopped_database: Path) -> Iterator[Path]:
    """The database folder of a new DATA_DIR as a first start leaves it. Copying takes a tenth of making one."""
    with _new_folder(reachable_folder) as data_dir:
        folder = data_dir / "postgres"
        folder.mkdir(mode=0o700)
        subprocess.run(["cp", "-a", stopped_database, folder], check=True)
        yield folder


@contextmanager
def _new_folder(place: Path) -> Iterator[Path]:
    # The server of an owner that was killed may still be writing while it ends: `place` is removed after all tests.
    with tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o711)
        yield Path(name).resolve()
