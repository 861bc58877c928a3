"""`make rollout`: does anybody notice a new version?

It starts gunicorn as the systemd unit does, from a folder `current` that leads to a copy of the program, and lets the
nine directories of `make soak` send. Meanwhile it reloads several times; then a second copy with one more migration
takes its place: `manage.py migrate` while the first copy runs, then a reload. The table has the requests that were due
from the signal until two seconds after the first gunicorn has ended. The exit status is 0 if none failed, nothing was
lost, and none waited for longer than a second.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.scim.servers import Server, free_port, new_database, postgresql, started
from bench.soak.__main__ import NINE, SETTLE_S, begin, directories, say
from bench.soak.load import Seen
from bench.soak.report import percentile
from bench.soak.watch import workers
from iprova_idm.options import PROJECT_DIR

LONGEST_S = 1.0
QUIET_S = 6.0  # with the load, before, between and after
AFTER_S = 2.0  # what a reload has held up can make others wait for so long after it
END_S = 60.0
FOLDERS = ("deploy", "iprova_idm", "locale", "providers", "scim", "static", "templates")
_MIGRATED = "SELECT count(*) FROM django_migrations WHERE name = '9999_rollout'"
_MIGRATION = '''"""A column that the version before does not know."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("providers", "{newest}")]
    operations = [migrations.RunSQL("ALTER TABLE providers_resource ADD COLUMN rollout text")]
'''


@dataclass(frozen=True)
class Step:
    """One thing that was done to the server, and the time in which requests could notice it (monotonic)."""

    name: str
    began: float
    ended: float


@dataclass
class Installation:
    """The program in a folder of its own, as the unit of systemd starts it."""

    folder: Path
    server: Server

    @property
    def first_process(self) -> int:
        """Gunicorn's process, which the next one replaces in this file."""
        return int((self.folder / "gunicorn.pid").read_text())

    def install(self, name: str) -> Path:
        """Copy the program. Nothing runs from the copy yet."""
        folder = self.folder / name
        for part in FOLDERS:
            shutil.copytree(PROJECT_DIR / part, folder / part)
        shutil.copy(PROJECT_DIR / "manage.py", folder)
        return folder

    def switch(self, name: str) -> None:
        """Let `current` lead to a copy, from one moment to the next."""
        (self.folder / "next").symlink_to(self.folder / name)
        (self.folder / "next").rename(self.folder / "current")

    def reload(self, number: signal.Signals) -> None:
        """Do what `systemctl reload` does, and wait until the processes of before have ended."""
        before = [self.first_process] if number == signal.SIGUSR2 else workers(self.first_process)
        os.kill(self.first_process, number)
        end = time.monotonic() + END_S
        while any(Path(f"/proc/{process}").exists() and not _is_dead(process) for process in before):
            if time.monotonic() > end:
                raise TimeoutError("the processes of before do not end")
            time.sleep(0.05)
        while not (self.folder / "gunicorn.pid").exists():  # it is renamed a moment later
            time.sleep(0.05)

    def folders(self) -> set[str]:
        """Return the folders that the workers run in."""
        return {Path(f"/proc/{process}/cwd").resolve().name for process in workers(self.first_process)}


def _is_dead(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@contextmanager
def installation(url: str, count: int) -> Iterator[Installation]:
    """Install the program, make its database, and serve."""
    own, port = new_database(url, "bench_rollout"), free_port()
    settings = {"DATABASE_URL": own, "PORT": str(port), "WORKERS": str(count), "SECRET_KEY": "rollout " * 8}
    settings |= {"DATA_DIR": os.environ["DATA_DIR"]}
    with tempfile.TemporaryDirectory(prefix="iprova-rollout-", dir="/var/tmp") as name:
        made = Installation(Path(name), Server("rollout", port, "/scim", "", 0, "bench_rollout", url=own))
        made.install("first")
        made.switch("first")
        manage_in(made.folder / "first", own, "migrate")
        program = Path(sys.executable).with_name("gunicorn")
        command: list[str | Path] = [program, "-c", "deploy/gunicorn.conf.py", "--log-level", "warning"]
        command += ["--pid", made.folder / "gunicorn.pid", "iprova_idm.wsgi:application"]
        current = made.folder / "current"
        with started(made.server, command, folder=current, PWD=str(current), **settings):
            group = made.server.pid
            try:
                yield made
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGTERM)
                    time.sleep(2)
                    os.killpg(group, signal.SIGKILL)


def manage_in(folder: Path, url: str, *arguments: str) -> None:
    """Run a command of a copy of the program."""
    command = [sys.executable, "manage.py", *arguments, "--verbosity", "0"]
    subprocess.run(command, cwd=folder, env=os.environ | {"DATABASE_URL": url}, check=True)


def roll_out(made: Installation, sent: Namespace) -> Iterator[Step]:
    """Reload some times, then put a second version with a migration in its place."""
    number = signal.Signals[f"SIG{sent.signal}"]
    for each in range(sent.reloads):
        time.sleep(QUIET_S)
        began = time.monotonic()
        made.reload(number)
        yield Step(f"reload {each + 1}", began, time.monotonic() + AFTER_S)
    second = made.install("second")
    newest = sorted(path.stem for path in (second / "providers" / "migrations").glob("0*.py"))[-1]
    (second / "providers" / "migrations" / "9999_rollout.py").write_text(_MIGRATION.format(newest=newest))
    time.sleep(QUIET_S)
    began = time.monotonic()
    manage_in(second, made.server.url, "migrate")
    yield Step("migration of the next version", began, time.monotonic())
    time.sleep(QUIET_S)
    made.switch("second")
    began = time.monotonic()
    made.reload(number)
    yield Step("reload into the next version", began, time.monotonic() + AFTER_S)
    time.sleep(QUIET_S)


def table(steps: Sequence[Step], seen: Sequence[Seen]) -> str:
    """Return a row for each step: the requests that were due during it, and how long they took."""
    lines = [f"{'':32} {'seconds':>8} {'requests':>9} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}"]
    during: set[Seen] = set()
    for step in steps:
        own = [one for one in seen if step.began <= one.due <= step.ended]
        during |= set(own)
        lines.append(f"{step.name:32} {step.ended - step.began:8.1f} {_figures(own)}")
    lines.append(f"{'at other times':32} {'':8} {_figures([one for one in seen if one not in during])}")
    return "\n".join(lines)


def _figures(seen: Sequence[Seen]) -> str:
    took = [one.took_s * 1_000 for one in seen]
    return f"{len(took):9,} {percentile(took, 50):7.0f} {percentile(took, 99):7.0f} {max(took, default=0):7.0f}"


def longest(steps: Sequence[Step], seen: Sequence[Seen]) -> float:
    """Return the seconds of the slowest request that was due during a reload."""
    reloads = [step for step in steps if step.name.startswith("reload")]
    return max((one.took_s for one in seen for step in reloads if step.began <= one.due <= step.ended), default=0.0)


def run(made: Installation, sent: Namespace) -> bool:
    """Send the load, roll out, and print what was measured. Return whether nobody noticed."""
    with directories(made.server) as ten:
        nine = ten[:NINE]
        began, steps = time.monotonic() + SETTLE_S, list[Step]()
        clients = begin(nine, sent.rate / NINE, began, float("inf"))
        say(f"{sent.rate:g} requests a second")
        for step in roll_out(made, sent):
            steps.append(step)
            say(f"{step.name}: {step.ended - step.began:.1f} s")
        for client in clients:
            assert client.pace is not None
            client.pace.ends = 0
        for client in clients:
            client.join()
        say("Reading everything again")
        missing = [line for one in nine for line in one.missing()]
    seen = [one for directory in nine for one in directory.seen]
    wrong = [line for one in nine for line in one.wrong]
    folders = made.folders()
    with psycopg.connect(made.server.url) as connection:
        [[migrated]] = connection.execute(_MIGRATED).fetchall()
    print(table(steps, seen))
    print(f"{len(seen):,} requests: {len(wrong)} failed, {len(missing)} resources are not as acknowledged.")
    print(f"The workers run from: {', '.join(sorted(folders))}. The migration was run: {'yes' if migrated else 'no'}.")
    for line in (*wrong[:10], *missing[:10]):
        print(f"  {line}")
    is_new = folders == {"second"} or sent.signal != "USR2"
    return not wrong and not missing and bool(migrated) and is_new and longest(steps, seen) <= LONGEST_S


def main() -> int:
    parser = ArgumentParser(prog="make rollout", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, default=100, help="requests a second of all together")
    parser.add_argument("--reloads", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="of gunicorn")
    parser.add_argument("--signal", choices=["USR2", "HUP"], default="USR2", help="USR2: what the unit sends")
    sent = parser.parse_args()
    sys.setswitchinterval(0.001)
    with postgresql() as url, installation(url, sent.workers) as made:
        return 0 if run(made, sent) else 1


if __name__ == "__main__":
    sys.exit(main())
