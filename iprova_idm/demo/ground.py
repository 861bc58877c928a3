"""The empty database for the demo: in a folder of its own, or the one of DATABASE_URL.

The demo empties only what an earlier demo has made. Otherwise it refuses to run.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg

from iprova_idm.embedded import DatabaseError, database_folder
from iprova_idm.options import read_options
from iprova_idm.serve import StartError

FOLDER = "demo"
MARKER = "made-by-make-demo"
_MARKER_TEXT = "Everything in this folder is removed when `make demo` starts.\n"


@contextlib.contextmanager
def empty_ground() -> Iterator[None]:
    """Inside the block, the environment has settings for an empty database and an administrator's password.

    Raises `StartError` if the demo must not run, and `DatabaseError` if the database does not respond.
    """
    options = read_options(os.environ)
    if options.is_production:
        raise StartError("The demo fills the database with invented users: it does not run with MODE=production.")
    before = dict(os.environ)
    try:
        os.environ["ADMIN_PASSWORD"] = options.admin_password or secrets.token_urlsafe(12)
        if options.database_url:
            _refuse_used_database(options.database_url)
            yield
        else:
            with _own_folder(options.data_dir / FOLDER):
                yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _refuse_used_database(url: str) -> None:
    """Raise `StartError` if the database has providers. Runs before any migration.

    A deleted provider counts too, because the console would show its history next to the demo's.
    """
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            exists = connection.execute("SELECT to_regclass('providers_provider') IS NOT NULL").fetchone()
            used = exists == (True,) and connection.execute("SELECT 1 FROM providers_provider LIMIT 1").fetchone()
    except psycopg.Error as error:
        raise DatabaseError(str(error).strip()) from error
    if used:
        raise StartError(
            "The database of DATABASE_URL has providers, and the demo needs an empty one. Make another with "
            "CREATE DATABASE, or unset DATABASE_URL: the demo then makes a database of its own."
        )


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Empty `folder` and make it the DATA_DIR. It is locked inside the block; its content stays afterwards."""
    os.environ["DATA_DIR"] = str(folder)
    database = database_folder(os.environ)  # for root with a DATA_DIR in a clone, this is not below `folder`
    with contextlib.ExitStack() as held:
        try:
            _refuse_foreign(folder, database)
            held.enter_context(_locked_marker(folder))
            _refuse_running_database(database)
            for path in [database, *folder.iterdir()]:
                if path.name != MARKER:
                    _remove(path)
        except OSError as error:
            raise StartError(f"cannot use {error.filename or folder}: {error.strerror or error}") from error
        yield


def _refuse_foreign(folder: Path, database: Path) -> None:
    """Raise `StartError` for a folder that has content and no marker of an earlier demo."""
    if (folder / MARKER).is_file():
        return
    for path in (folder, database):
        if path.exists() and any(path.iterdir()):
            raise StartError(
                f"{path} was not made by the demo, so it is not emptied. Move it away, or set another DATA_DIR."
            )


@contextlib.contextmanager
def _locked_marker(folder: Path) -> Iterator[None]:
    _make_folder(folder)
    with (folder / MARKER).open("a+") as marker:
        _lock(marker, folder)
        if not marker.tell():
            marker.write(_MARKER_TEXT)
            marker.flush()
        yield


def _make_folder(folder: Path) -> None:
    """Make a folder. If root makes it, the OS user that runs the database can enter it."""
    for path in [path for path in (folder, *folder.parents) if not path.exists()][::-1]:
        path.mkdir()
        if os.geteuid() == 0:
            path.chmod(0o755)


def _refuse_running_database(folder: Path) -> None:
    """Raise `StartError` if a server runs in the folder: `make run` can show the data of an earlier demo."""
    with contextlib.suppress(FileNotFoundError), (folder / "owner.lock").open() as lock:
        _lock(lock, folder)


def _lock(file: IO[str], folder: Path) -> None:
    """Lock `file` until it is closed. Raises `StartError` if another process has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"{folder} is in use by another running instance. Stop that one first.") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
