"""The three machines of docs/high-availability.md on one: network, processes, files and host name of their own each.

A machine is a set of Linux namespaces with an address on a bridge. Its `/etc` is the real one with changes of its own,
so the files of `deploy/ha` are used as they are, by the programs of Debian's packages. It needs root.
"""

import shutil
import signal as signals
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe

from iprova_idm.options import PROJECT_DIR

BRIDGE = "idm-bridge"
NETWORK = "10.77.0"
NAMES = ("idm1", "idm2", "idm3")
DATABASES = ("idm1", "idm2")  # the machines with PostgreSQL and the application
PUBLIC_NAME = "idm.example.com"
NEEDED = ("patroni", "etcd", "etcdctl", "haproxy", "pgbouncer", "psql", "openssl", "ip", "unshare", "nsenter")
# A shell as process 1 takes in the processes whose parents have ended.
_INIT = """
set -e
mount -t overlay overlay -o lowerdir=/etc,upperdir=$1/etc,workdir=$1/work /etc
mount -t tmpfs tmpfs /run
install -d -o postgres -g postgres -m 2775 /run/postgresql
mount --bind $1/etcd /var/lib/etcd
mount --bind $1/postgresql /var/lib/postgresql
hostname $2
ip link set lo up
touch $1/ready
while :; do sleep 3600 & wait $!; done
"""


@dataclass(frozen=True)
class Service:
    """A program of a machine: as which user and with which file of settings it runs. Its name is its process's."""

    name: str
    machines: Sequence[str]
    user: str
    group: str
    command: str
    settings: str = ""


# In the order in which they start.
SERVICES = (
    Service("etcd", NAMES, "etcd", "etcd", "etcd", "/etc/default/etcd"),
    Service("patroni", DATABASES, "postgres", "postgres", "patroni /etc/patroni/config.yml"),
    Service("haproxy", NAMES, "root", "root", "haproxy -db -f /etc/haproxy/haproxy.cfg"),
    Service("pgbouncer", DATABASES, "postgres", "postgres", "pgbouncer /etc/pgbouncer/pgbouncer.ini"),
    Service(
        "gunicorn",
        DATABASES,
        "nobody",
        "nogroup",
        ".venv/bin/gunicorn -c deploy/gunicorn.conf.py iprova_idm.wsgi:application",
        "/etc/iprova-idm.env",
    ),
)


@dataclass
class Machine:
    """One machine. `init` is its first process; when that is killed, all the others end too."""

    name: str
    folder: Path
    init: subprocess.Popen[bytes] | None = None
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{NETWORK}.{11 + NAMES.index(self.name)}"

    @property
    def link(self) -> str:
        """The bridge's end of its network cable."""
        return f"idm-{self.name}"

    def switch_on(self) -> None:
        """Start the machine without any service."""
        for part in ("etc", "work", "etcd", "postgresql"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        shutil.chown(self.folder / "etcd", "etcd", "etcd")
        shutil.chown(self.folder / "postgresql", "postgres", "postgres")
        (self.folder / "ready").unlink(missing_ok=True)
        namespaces = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
        log = (self.folder / "init.log").open("ab")
        self.init = subprocess.Popen(
            ["unshare", *namespaces, "bash", "-c", _INIT, "init", self.folder, self.name], stderr=log
        )
        wait_for(lambda: (self.folder / "ready").exists(), 10, f"{self.name} does not start")
        _ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", str(self.init_id))
        _ip("link", "set", self.link, "master", BRIDGE, "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def switch_off(self) -> None:
        """Kill everything on it at once, as when the power fails."""
        if self.init is None:
            return
        with suppress(ProcessLookupError, FileNotFoundError):
            subprocess.run(["kill", "-KILL", str(self.init_id)], check=False)
        for process in self.started.values():
            process.send_signal(signals.SIGCONT)
        self.init.wait(20)
        for process in self.started.values():
            process.wait(20)
        self.init, self.started = None, {}
        subprocess.run(["ip", "link", "delete", self.link], check=False, capture_output=True)

    @property
    def init_id(self) -> int:
        """The number of its first process, as this machine sees it."""
        assert self.init is not None
        return int(Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children").read_text().split()[0])

    def inside(self, *command: str) -> list[str]:
        """Return the command that runs `command` on this machine."""
        return ["nsenter", "--target", str(self.init_id), "--net", "--mount", "--uts", "--pid", "--", *command]

    def run(self, *command: str, check: bool = True, timeout: float = 60) -> str:
        """Run a command on this machine as root, and return what it prints."""
        done = subprocess.run(self.inside(*command), check=False, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self, *names: str) -> None:
        """Start these services, or all of this machine, unless they run."""
        for service in SERVICES:
            if self.name in service.machines and (not names or service.name in names) and not self.runs(service.name):
                settings = f"set -a; . {service.settings}; " if service.settings else ""
                user = f"setpriv --reuid={service.user} --regid={service.group} --init-groups"
                command = f"{settings}HOME=~{service.user} exec {user}"
                log = (self.folder / f"{service.name}.log").open("ab")
                self.started[service.name] = subprocess.Popen(
                    self.inside("bash", "-c", f"cd {PROJECT_DIR}; {command} {service.command}"),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
                log.close()

    def runs(self, name: str) -> bool:
        """Return whether a service of this machine runs."""
        return name in self.started and self.started[name].poll() is None

    def kill(self, *names: str, signal: str = "KILL") -> None:
        """Send a signal to all processes of these names on this machine, at once."""
        self.run("pkill", f"-{signal}", "-x", "|".join(names), check=False)
        if signal == "CONT":  # nsenter stops itself when its child is stopped
            for name in names:
                self.started[name].send_signal(signals.SIGCONT)

    def plug(self, *, is_in: bool) -> None:
        """Put the network cable in, or pull it out: nothing is refused then, nothing arrives."""
        _ip("link", "set", self.link, *(("master", BRIDGE) if is_in else ("nomaster",)))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def wait_for(condition: Callable[[], object], seconds: float, otherwise: str) -> None:
    """Wait until a condition holds. Raises TimeoutError with `otherwise`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.2)


def setting(machine: Machine, name: str) -> str:
    """Return a value of the file that `deploy/ha/configure` has read."""
    lines = (machine.folder / "etc" / "iprova-ha.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)[name]


def missing_programs() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


def site_settings() -> str:
    """Return the file that `deploy/ha/configure` reads, for these machines."""
    addresses = [f"IDM{number}={NETWORK}.{10 + number}" for number in (1, 2, 3)]
    passwords = [f"{name}_PASSWORD={token_hex(24)}" for name in ("POSTGRES", "REPLICATION", "PATRONI", "IPROVA")]
    own = [f"NETWORK={NETWORK}.0/24", f"PUBLIC_NAME={PUBLIC_NAME}", f"SECRET_KEY={token_urlsafe(50)}"]
    return "\n".join([*addresses, *passwords, *own, ""])


@contextmanager
def network() -> Iterator[None]:
    """The bridge between the machines. This process is on it too, at the first address."""
    _ip("link", "add", BRIDGE, "type", "bridge")
    try:
        _ip("address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        yield
    finally:
        _ip("link", "delete", BRIDGE)


@contextmanager
def machines() -> Iterator[dict[str, Machine]]:
    """The three machines, switched on, with the files of `deploy/ha` filled in. They are removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="iprova-ha-", dir="/var/tmp"))
    folder.chmod(0o755)
    made = {name: Machine(name, folder / name) for name in NAMES}
    settings = site_settings()
    try:
        with network():
            try:
                for machine in made.values():
                    machine.switch_on()
                    file = machine.folder / "etc" / "iprova-ha.env"
                    machine.run("install", "-m", "0600", "/dev/null", "/etc/iprova-ha.env")
                    file.write_text(settings)
                    machine.run(str(PROJECT_DIR / "deploy" / "ha" / "configure"), machine.name)
                yield made
            finally:
                with ExitStack() as ends:  # each of them, whatever happens to another
                    for machine in made.values():
                        ends.callback(machine.switch_off)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
