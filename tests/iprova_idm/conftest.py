"""Folders for databases of the tests' own, and the settings of a production server."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    with tempfile.TemporaryDirectory(dir=reachable_folder) as name:
        os.chmod(name, 0o711)
        yield Path(name).resolve()
