"""`make run`: a small parent process that starts the database, the migrations and gunicorn, and stops them together.

`python -m iprova_idm.serve` runs until Ctrl-C, SIGTERM or the end of the terminal. Requests in
progress can then finish. If one of the parts dies, the others are stopped too. `serving()` is the
same as a context manager, for code that needs a running server.
"""

# ruff: noqa: S603 (every command below is ours, word for word; no shell reads it)

import contextlib
import errno
import http.client
import io
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from iprova_idm.embedded import DatabaseError, EmbeddedPostgres, database_in_environment, die_with_parent
from iprova_idm.options import PROJECT_DIR, ConfigurationError, Options, read_options

OLDEST_POSTGRESQL = 15
_MIGRATION_LOCK = 7_205_759_402  # an advisory lock: any number that no other code of this project uses
_START_S = 60.0
_STOP_S = 40.0  # gunicorn allows its requests 30 seconds to finish
_HOUSEKEEPING_S = 5 * 60
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartError(RuntimeError):
    """The product cannot be served. The text has the reason and what to do."""


@dataclass
class Server:
    """The running parts inside `serving()`. `database` is None if DATABASE_URL is set."""

    options: Options
    database: EmbeddedPostgres | None
    gunicorn: subprocess.Popen[bytes]
    _housekeeping: subprocess.Popen[bytes] | None = None

    def wait(self) -> int:
        """Wait until gunicorn ends and return its exit status. Start the housekeeping every five minutes.

        Raises `DatabaseError` if the database dies first, and KeyboardInterrupt if the terminal is closed.
        """
        in_terminal = _is_in_terminal()
        next_time = time.monotonic() + _HOUSEKEEPING_S
        while (status := self.gunicorn.poll()) is None:
            if in_terminal and _has_hung_up():
                raise KeyboardInterrupt
            if self.database is not None and self.database.has_died:
                raise DatabaseError(f"the server ended unexpectedly; its log is {self.database.log}")
            if time.monotonic() > next_time:
                next_time += _HOUSEKEEPING_S
                self._housekeeping = _start_child("manage.py", "housekeeping", "--due", stdout=subprocess.DEVNULL)
            time.sleep(0.2)
        return status if status >= 0 else 128 - status

    def _wait_until_healthy(self) -> None:
        end, response = time.monotonic() + _START_S, "nothing"
        while time.monotonic() < end:
            if self.gunicorn.poll() is not None:
                raise StartError(f"gunicorn ended with status {self.gunicorn.returncode}; see its message above.")
            response = _ask_health(self.options)
            if response == "200":
                return
            time.sleep(0.1)
        raise StartError(f"/healthz returned {response} for {_START_S:.0f} seconds.")

    def _stop(self) -> None:
        """Stop gunicorn. Requests in progress can finish, unless there is a second Ctrl-C."""
        if self.gunicorn.poll() is None:
            signal.signal(signal.SIGINT, lambda *_: self.gunicorn.send_signal(signal.SIGQUIT))
            self.gunicorn.send_signal(signal.SIGTERM)
            say("Stopping; requests in progress can finish.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.gunicorn.wait(_STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.gunicorn.pid, signal.SIGKILL)  # the workers of a killed gunicorn run for a while longer
        self.gunicorn.wait()


def main() -> int:
    """Serve until a signal to stop. Return the exit status."""
    try:
        with serving() as server:
            say(_welcome(server))
            return server.wait()
    except KeyboardInterrupt:
        say("Stopped.")
        return 0
    except ConfigurationError as error:
        say(f"configuration: {error}", error=True)
    except DatabaseError as error:
        say(f"database: {error}", error=True)
    except StartError as error:
        say(str(error), error=True)
    return 1


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Start everything that the settings in the environment describe, and yield when /healthz returns 200.

    Inside the block, SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does. At its end
    everything is stopped. Raises `ConfigurationError`, `DatabaseError` or `StartError`. Call it
    from the main thread.
    """
    options = read_options(os.environ)
    _refuse_taken_port(options)
    with _interrupts(), database_in_environment(must_own=True) as database:
        _prepare_in_child()
        server = Server(options, database, _start_gunicorn())
        try:
            server._wait_until_healthy()
            yield server
        finally:
            server._stop()


def prepare() -> None:
    """Migrate the database, run the housekeeping and create the first administrator.

    Runs in a child process, so that the parent does not keep Django in memory.
    """
    import django
    from django.core.management import call_command
    from django.db import OperationalError, connection

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iprova_idm.settings")
    django.setup()
    try:
        connection.ensure_connection()
    except OperationalError as error:
        sys.exit(f"database: {error}")
    if connection.pg_version < OLDEST_POSTGRESQL * 10_000:  # type: ignore[attr-defined]
        sys.exit(f"database: PostgreSQL {OLDEST_POSTGRESQL} or later is needed, DATABASE_URL names an older one.")
    with _alone_on_the_database():
        call_command("migrate", interactive=False, verbosity=0)
    call_command("housekeeping", stdout=io.StringIO())
    call_command("create_first_administrator")


def say(text: str, *, error: bool = False) -> None:
    """Print `text`. A terminal that no longer exists causes no error."""
    stream = sys.stderr if error else sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # Python would try to write the text again at exit, fail, and change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def _alone_on_the_database() -> Iterator[None]:
    """Hold the migrations' lock. Two processes that migrate an empty database at once would both fail.

    The lock is polled. A query that waits for it inside PostgreSQL would hold a snapshot, and
    CREATE INDEX CONCURRENTLY would wait for that query in turn. It is held by a transaction of a connection of its
    own, which has no snapshot between its statements: behind PgBouncer in transaction mode, a lock of the session would
    stay with a connection of the pool, and the next start would wait for it.
    """
    from django.db import connection

    own = connection.copy()
    try:
        own.set_autocommit(False)
        while not _locks(own):
            own.rollback()
            time.sleep(0.2)
        yield
    finally:
        own.close()


def _locks(connection: Any) -> bool:
    """Try to take the migrations' lock until the end of the transaction."""
    with connection.cursor() as cursor:
        return bool(cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_MIGRATION_LOCK]).fetchone()[0])


def _prepare_in_child() -> None:
    child = _start_child("-m", "iprova_idm.serve", "prepare")
    try:
        status = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    if status:
        raise StartError("the database could not be brought up to date; see the message above.")


def _start_gunicorn() -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "ADMIN_PASSWORD"}
    command = ("-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--log-level", "warning")
    return _start_child(*command, "iprova_idm.wsgi:application", env=environment)


def _start_child(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start Python in a session of its own. Otherwise Ctrl-C, which goes to the whole terminal, would interrupt it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
        **options,
    )


@contextlib.contextmanager
def _interrupts() -> Iterator[None]:
    """Turn the first of `_SIGNALS` into KeyboardInterrupt. Ignore later ones: they must not interrupt the stop."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for sig in _SIGNALS:
            signal.signal(sig, signal.SIG_IGN)
        raise KeyboardInterrupt

    nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    ours = [sig for sig in _SIGNALS if sig != signal.SIGHUP or not nohup]
    before = {sig: signal.signal(sig, interrupt) for sig in ours}
    try:
        yield
    finally:
        for sig, handler in before.items():
            signal.signal(sig, handler)


def _is_in_terminal() -> bool:
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()


def _has_hung_up() -> bool:
    """Return whether the terminal was closed.

    The kernel sends SIGHUP only to the first process of a session. If that is `make`, it does not
    pass the signal on.
    """
    terminal = select.poll()
    terminal.register(0, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in terminal.poll(0))


def _refuse_taken_port(options: Options) -> None:
    """Raise `StartError` if the port is in use, before anything starts. Gunicorn would try five times first."""
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {options.port} of {options.host} is in use by another program. "
                f"Stop that one, or choose another port: make run PORT={options.port + 1}"
            ) from error
        raise StartError(f"cannot listen on HOST={options.host} PORT={options.port}: {error.strerror}.") from error


def _ask_health(options: Options) -> str:
    """Return the status of /healthz, or the reason why there was no response."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not listened on)
    host = everywhere.get(options.host, options.host)
    connection = http.client.HTTPConnection(host, options.port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return f"nothing ({error})"
    finally:
        connection.close()


def _welcome(server: Server) -> str:
    options, database = server.options, server.database
    where = f"{database.folder}" if database is not None else "the server that DATABASE_URL names"
    return f"""
iprova-idm is ready.
  Console      {options.base_url}/
  Tenant URL   {options.scim_url}
  Data folder  {options.data_dir}
  Database     {where}
Ctrl-C stops it.
"""


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        sys.exit(main())
