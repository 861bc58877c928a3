"""The empty database that the demo plays on: a folder of its own, or the one that DATABASE_URL names.

Whatever is not certainly an earlier demo's is refused, never emptied.
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
    """Inside the block the environment's settings describe an empty database and an administrator's password.

    Raises `StartError` where the demo must not run, `DatabaseError` where a database cannot be asked.
    """
    options = read_options(os.environ)
    if options.is_production:
        raise StartError("The demo fills the database with invented people: it does not run with MODE=production.")
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
    """Before anything is migrated. A provider in the recycle bin counts: its history would stand beside ours."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            exists = connection.execute("SELECT to_regclass('providers_provider') IS NOT NULL").fetchone()
            used = exists == (True,) and connection.execute("SELECT 1 FROM providers_provider LIMIT 1").fetchone()
    except psycopg.Error as error:
        raise DatabaseError(str(error).strip()) from error
    if used:
        raise StartError(
            "The database that DATABASE_URL names has providers, and the demo needs an empty one. Name another "
            "(CREATE DATABASE makes it), or unset DATABASE_URL: the demo then brings a database of its own."
        )


@contextlib.contextmanager
def _own_folder(folder: Path) -> Iterator[None]:
    """Make DATA_DIR `folder`, emptied. It is ours alone until the block ends; its content stays for a look."""
    os.environ["DATA_DIR"] = str(folder)
    database = database_folder(os.environ)  # for root in a clone elsewhere, in a folder named after this one
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
    """What has content, and no marker of an earlier demo, is somebody else's."""
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
    """Passable, when root makes it, for the OS user that then runs the database."""
    for path in [path for path in (folder, *folder.parents) if not path.exists()][::-1]:
        path.mkdir()
        if os.geteuid() == 0:
            path.chmod(0o755)


def _refuse_running_database(folder: Path) -> None:
    """`make run` may have been pointed at the folder to look at an earlier demo."""
    with contextlib.suppress(FileNotFoundError), (folder / "owner.lock").open() as lock:
        _lock(lock, folder)


def _lock(file: IO[str], folder: Path) -> None:
    """Held until the file is closed. Raises `StartError`."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StartError(f"{folder} is in use by another running instance. Stop that one first.") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
