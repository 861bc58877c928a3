"""Backups: one file with all of the database, checked before and after it is restored.

A backup is a tar file, and encrypted if there is a recipient:

    database/000000, database/000001, …   what pg_dump writes (custom format), in parts of 4 MiB
    manifest.json                          version, migrations, SHA-256 of the dump, rows and hash of each table
    manifest.sha256                        SHA-256 of the manifest

The parts and the rows are of one moment: pg_dump reads the snapshot in which the rows are counted. `make_backup` and
`restore_backup` stream, so their memory does not grow with the database. A backup appears under its name only when it
is complete. A restore first reads the whole file, then replaces all tables in one transaction: one that fails leaves
the database as it was.

Without this program, `tar -xOf FILE --wildcards 'database/*'` writes the dump for pg_restore.
"""

# ruff: noqa: S603 (every command below is ours, word for word; no shell reads it)

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql
from psycopg.conninfo import make_conninfo

from iprova_idm.embedded import DatabaseError, wheels_programs
from iprova_idm.options import PROJECT_DIR

FORMAT = 1
PART = 4 * 1024 * 1024
_LONGEST_MANIFEST = 16 * 1024 * 1024
_KINDS = {"dump": "database/", "manifest": "manifest.json", "digest": "manifest.sha256"}
_LOCK_WAIT = "30s"  # for a session that uses a table which is to be replaced
_BY_DIGEST = 8  # bytes of each row's SHA-256 that are added up

# How to encrypt for a recipient and how to read it again, by the program's name.
_ENCRYPT = {
    "age": lambda recipient: ["age", "--encrypt", "--recipient", recipient],
    "gpg": lambda recipient: ["gpg", "--batch", "--trust-model", "always", "--encrypt", "--recipient", recipient],
}
_DECRYPT = {
    "age": lambda identity: ["age", "--decrypt", *(["--identity", str(identity)] if identity else [])],
    "gpg": lambda identity: ["gpg", "--batch", "--quiet", "--decrypt"],
}
_SUFFIX = {"": ".tar", "age": ".tar.age", "gpg": ".tar.gpg"}

Progress = Callable[[str, int], None]  # what is done now, and how many bytes or rows of it


class BackupError(Exception):
    """A backup cannot be made, read or restored. The text has the reason and what to do."""


@dataclass(frozen=True)
class Table:
    """How many rows a table has, and the sum of their hashes, which does not depend on their order."""

    rows: int
    hash: str


def program_of(recipient: str) -> str:
    """Return which program encrypts for this recipient: age for `age1…` and SSH keys, else gpg; "" for none."""
    if not recipient:
        return ""
    return "age" if recipient.startswith(("age1", "ssh-")) else "gpg"


def default_name(recipient: str, now: datetime) -> str:
    """Return the name of a backup of this moment."""
    return f"iprova-idm-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}{_SUFFIX[program_of(recipient)]}"


def make_backup(path: Path, *, recipient: str, progress: Progress) -> dict[str, Any]:
    """Write a backup to `path`, which must not exist, and return its manifest. Raises `BackupError`."""
    if path.exists():
        raise BackupError(f"{path} exists already; a backup never replaces a file.")
    unfinished = path.with_name(f"{path.name}.unfinished")
    with contextlib.ExitStack() as stack, psycopg.connect(_conninfo(), **_password()) as snapshot:
        try:
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise BackupError(f"{unfinished} cannot be made: {error.strerror}. A stopped backup leaves it.") from error
        stack.callback(unfinished.unlink, missing_ok=True)
        file = stack.enter_context(os.fdopen(handle, "wb"))
        with _encrypted(file, recipient) as target, tarfile.open(fileobj=target, mode="w|", bufsize=65_536) as archive:
            manifest = _write_archive(archive, snapshot, progress)
        file.flush()
        os.fsync(file.fileno())
        unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)  # so that the name survives a power cut
    os.close(folder)
    return manifest


def check_backup(path: Path, *, identity: Path | None, progress: Progress) -> dict[str, Any]:
    """Read the whole file, compare its checksums and return its manifest. Raises `BackupError` if it is damaged."""
    digest, size, found = hashlib.sha256(), 0, dict[str, bytes]()
    with _opened(path, identity) as archive:
        for name, part in _members(path, archive):
            if name.startswith(_KINDS["dump"]):
                digest.update(part)
                size += len(part)
                progress("checked", size)
            else:
                found[name] = part
    manifest = found.get(_KINDS["manifest"], b"")
    if hashlib.sha256(manifest).hexdigest().encode() != found.get(_KINDS["digest"]):
        raise BackupError(f"{path} is damaged: its manifest is missing or is not the one that was written.")
    read: dict[str, Any] = json.loads(manifest)
    if read["format"] != FORMAT:
        raise BackupError(f"{path} has format {read['format']}, and this version reads {FORMAT}: use a later version.")
    if (digest.hexdigest(), size) != (read["dump"]["sha256"], read["dump"]["bytes"]):
        raise BackupError(f"{path} is damaged: the dump in it is not the one that was written.")
    return read


def restore_backup(
    path: Path, manifest: dict[str, Any], *, identity: Path | None, replace: bool, progress: Progress
) -> None:
    """Restore a checked backup into the database and compare each table with the manifest. Raises `BackupError`.

    With `replace`, tables that are there are replaced; without it, a database with tables is refused.
    """
    with psycopg.connect(_conninfo(), autocommit=True, **_password()) as own:
        _refuse_unfit(own, manifest, replace)
        programs = _programs(own.info.server_version // 10_000)
        with _opened(path, identity) as archive:
            _load(programs, _members(path, archive), progress)
        own.execute("ANALYZE")
        restored = _tables_of(own, progress)
    written = {name: Table(**table) for name, table in manifest["tables"].items()}
    differing = sorted(name for name in written.keys() | restored.keys() if written.get(name) != restored.get(name))
    if differing:
        raise BackupError(f"Restored, but these tables are not as they were saved: {', '.join(differing)}.")


def missing_migrations(manifest: dict[str, Any]) -> set[str]:
    """Return the migrations of this version that a backup does not have yet."""
    return _known_migrations() - set(manifest["migrations"])


# Writing


def _write_archive(archive: tarfile.TarFile, snapshot: Any, progress: Progress) -> dict[str, Any]:
    snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    (moment, name) = snapshot.execute("SELECT now(), pg_export_snapshot()").fetchone()
    migrations = snapshot.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    server = snapshot.info.server_version // 10_000
    digest, size = hashlib.sha256(), 0
    command = [_programs(server) / "pg_dump", "--format=custom", "--no-password", "--lock-wait-timeout=60s"]
    with _running([*command, f"--snapshot={name}", f"--dbname={_conninfo()}"], stdout=subprocess.PIPE) as dump:
        assert dump.stdout is not None
        for number, part in enumerate(iter(partial(dump.stdout.read, PART), b"")):
            _add(archive, f"{_KINDS['dump']}{number:06}", part)
            digest.update(part)
            size += len(part)
            progress("saved", size)
    manifest = {
        "format": FORMAT,
        "made_at": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "version": tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["project"]["version"],
        "postgresql": server,
        "migrations": [f"{app}.{migration}" for app, migration in migrations],
        "dump": {"bytes": size, "sha256": digest.hexdigest()},
        "tables": {name: vars(table) for name, table in _tables_of(snapshot, progress).items()},
    }
    written = json.dumps(manifest, indent=1).encode()
    _add(archive, _KINDS["manifest"], written)
    _add(archive, _KINDS["digest"], hashlib.sha256(written).hexdigest().encode())
    return manifest


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


@contextlib.contextmanager
def _encrypted(file: IO[bytes], recipient: str) -> Iterator[IO[bytes]]:
    """Yield what to write to: the file itself, or a program that encrypts into it."""
    if not recipient:
        yield file
        return
    with _running(_ENCRYPT[program_of(recipient)](recipient), stdin=subprocess.PIPE, stdout=file) as program:
        assert program.stdin is not None
        yield program.stdin


# Reading


@contextlib.contextmanager
def _opened(path: Path, identity: Path | None) -> Iterator[tarfile.TarFile]:
    """Yield the tar file, decrypted if it is encrypted. Raises `BackupError` if it is damaged."""
    try:
        with (
            # Unbuffered: a program that decrypts reads on where this process has stopped.
            path.open("rb", buffering=0) as file,
            _decrypted(file, identity) as source,
            tarfile.open(fileobj=source, mode="r|", bufsize=65_536) as archive,
        ):
            yield archive
            # To the end, or a program that decrypts would fail because nobody takes its last bytes.
            while source.read(PART):
                pass
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(f"{path} cannot be read, is damaged or is not a backup: {error}") from error


@contextlib.contextmanager
def _decrypted(file: io.FileIO, identity: Path | None) -> Iterator[IO[bytes]]:
    start = file.read(512)
    file.seek(0)
    if start[257:262] == b"ustar":
        yield file
        return
    name = "age" if start.startswith(b"age-encryption.org/") else "gpg"
    with _running(_DECRYPT[name](identity), stdin=file, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        yield program.stdout


def _members(path: Path, archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each member. Raises `BackupError` for one that no backup has."""
    for member in archive:
        is_part = member.name.startswith(_KINDS["dump"])
        if not (is_part or member.name in _KINDS.values()) or not member.isfile():
            raise BackupError(f"{path} is not a backup, or is damaged: it contains {member.name!r}.")
        if member.size > (PART if is_part else _LONGEST_MANIFEST):
            raise BackupError(f"{path} is damaged: {member.name} has {member.size} bytes.")
        content = archive.extractfile(member)
        yield member.name, content.read() if content else b""


# Restoring

# Drops everything of ours in the schema, but not the schema itself with its rights, nor what belongs to an extension.
_EMPTY = """
DO $$
BEGIN
  SET LOCAL client_min_messages = warning; -- not a line for each thing that depends on another
  EXECUTE coalesce((
    SELECT string_agg(format('DROP %s IF EXISTS public.%I CASCADE', kind, relname), '; ')
    FROM pg_class c JOIN (VALUES ('r', 'TABLE'), ('p', 'TABLE'), ('v', 'VIEW'), ('m', 'MATERIALIZED VIEW'),
      ('S', 'SEQUENCE')) AS kinds (relkind, kind) ON kinds.relkind = c.relkind::text
    WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))), '');
  EXECUTE coalesce((
    SELECT string_agg(format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure), '; ')
    FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e')), '');
END $$
"""


def _refuse_unfit(own: Any, manifest: dict[str, Any], replace: bool) -> None:
    """Raise `BackupError` if this program or this database cannot have the backup, or has data of its own."""
    later = set(manifest["migrations"]) - _known_migrations()
    if later:
        raise BackupError(
            f"The backup is of version {manifest['version']}, which has migrations that this one does not know "
            f"({', '.join(sorted(later)[:3])}): restore it with that version."
        )
    server = own.info.server_version // 10_000
    if server < manifest["postgresql"]:
        raise BackupError(
            f"The backup is of PostgreSQL {manifest['postgresql']}, and the database is PostgreSQL {server}, which is "
            "older."
        )
    if not replace and _names_of_tables(own):
        raise BackupError(
            f"The database {own.info.dbname!r} has tables. Restore into an empty one, or replace all of its data with "
            "--replace."
        )


def _known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or ()}


def _load(programs: Path, members: Iterator[tuple[str, bytes]], progress: Progress) -> None:
    """Send the dump through pg_restore, which turns it into SQL, to psql, which runs it as one transaction.

    COMMIT is sent only after pg_restore has ended well. Without it, psql ends, and PostgreSQL rolls all of it back.
    """
    # Roles of another machine need not exist here: everything belongs to the role that restores it.
    to_sql = [programs / "pg_restore", "--no-owner", "--no-acl", "--no-comments", "--file=-"]
    psql = [programs / "psql", "--no-psqlrc", "--quiet", "--no-password", f"--dbname={_conninfo()}"]
    begin = ["--set=ON_ERROR_STOP=1", "--command=BEGIN", f"--command=SET LOCAL lock_timeout = '{_LOCK_WAIT}'"]
    reading, writing = os.pipe()
    sent = os.fdopen(writing, "wb", buffering=0)
    with _running([*psql, *begin, f"--command={_EMPTY}", "--file=-"], stdin=reading, stdout=subprocess.DEVNULL):
        os.close(reading)
        with sent:  # psql ends at the end of its input
            with _running(to_sql, stdin=subprocess.PIPE, stdout=sent) as source:
                assert source.stdin is not None
                size = 0
                for name, part in members:
                    if name.startswith(_KINDS["dump"]):
                        source.stdin.write(part)
                        size += len(part)
                        progress("restored", size)
            sent.write(b"\nCOMMIT;\n")


# What both need


def _tables_of(own: Any, progress: Progress) -> dict[str, Table]:
    """Return the rows and the hash of each table. It reads every row, one table at a time."""
    # The text of a row depends on these settings, and role or database may have others.
    for name, value in {"TimeZone": "UTC", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres"}.items():
        own.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    own.execute("SET bytea_output = hex; SET extra_float_digits = 1; SET search_path = public")
    own.execute("SET statement_timeout = 0")
    found = {}
    for name in _names_of_tables(own):
        query = sql.SQL(
            "SELECT count(*), coalesce(sum(('x' || encode(substr(sha256(convert_to(r::text, 'UTF8')), 1, {}), 'hex'))"
            "::bit(64)::bigint), 0)::text FROM ONLY {} r"
        ).format(sql.Literal(_BY_DIGEST), sql.Identifier(name))
        found[name] = Table(*own.execute(query).fetchone())
        progress(f"compared {name}", found[name].rows)
    return found


def _names_of_tables(own: Any) -> list[str]:
    rows = own.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    return [name for (name,) in rows.fetchall()]


def _parameters() -> dict[str, Any]:
    """Return the parameters of the database connection that libpq knows."""
    known = connection.get_connection_params()
    others = ("prepare_threshold", "cursor_factory", "context", "client_encoding", "server_side_binding")
    return {name: value for name, value in known.items() if name not in others}


def _conninfo() -> str:
    """Return the connection string without the password, because every OS user can read a command line."""
    return make_conninfo(**{name: value for name, value in _parameters().items() if name != "password"})


def _password() -> dict[str, Any]:
    return {name: value for name, value in _parameters().items() if name == "password"}


def _programs(server: int) -> Path:
    """Return the folder of pg_dump, pg_restore and psql for a server: of its version, or the next later one there is.

    An older pg_dump refuses a newer server, and a dump for a newer one may not run on an older.
    """
    folders = [Path(f"/usr/lib/postgresql/{server}/bin"), Path(f"/usr/pgsql-{server}/bin")]
    if on_path := shutil.which("pg_dump"):
        folders.append(Path(on_path).resolve().parent)
    with contextlib.suppress(DatabaseError):
        folders.append(wheels_programs())
    found = {_version_of(folder): folder for folder in reversed(folders) if (folder / "pg_dump").exists()}
    usable = [version for version in found if version >= server]
    if not usable:
        raise BackupError(f"pg_dump {server} is not installed (Debian: apt-get install postgresql-client-{server}).")
    return found[min(usable)]


def _version_of(folder: Path) -> int:
    done = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"\d+", done.stdout)
    return int(number[0]) if number else 0


@contextlib.contextmanager
def _running(command: list[Any], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program during the block and wait for its end. Raises `BackupError` with its message if it fails.

    Its message explains more than the error that it caused in the block, such as a broken pipe or the failure of a
    program that writes to it.
    """
    name = Path(command[0]).name
    environment = os.environ | {f"PG{key.upper()}": value for key, value in _password().items()}
    with tempfile.TemporaryFile() as messages:  # a pipe that nobody reads could fill up
        try:
            program = subprocess.Popen(command, stderr=messages, env=environment, **streams)
        except FileNotFoundError as error:
            raise BackupError(f"{name} is not installed (Debian: apt-get install {name}).") from error
        problem: Exception | None = None
        try:
            yield program
            if program.stdin is not None:
                program.stdin.close()
        except (BackupError, OSError, tarfile.TarError) as error:
            problem = error
        except BaseException:
            program.kill()
            raise
        finally:
            with contextlib.suppress(OSError):  # what is left in the buffer of a broken pipe
                for stream in (program.stdin, program.stdout):
                    if stream is not None:
                        stream.close()
            status = program.wait()
        messages.seek(0)
        said = messages.read(100_000).decode(errors="replace").strip()[-800:]
        if status and (said or problem is None):
            raise BackupError(f"{name} failed with status {status}: {said}") from problem
        if problem is not None:
            raise problem
