"""The kinds of faults: what is done to the machines, and how it is put right."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from failover.cluster import Cluster
from failover.machines import Machine

# On the machine of the leader, past every proxy, as a client of a demoted leader. Each line is an acknowledged write.
_PROBE = """
. /etc/iprova-ha.env
export PGPASSWORD=$IPROVA_PASSWORD PGCONNECT_TIMEOUT=2
n=0
while :; do
  n=$((n + 1))
  timeout -s KILL 3 psql -h 127.0.0.1 -p 5432 -U iprova iprova -qAtc \
    "INSERT INTO failover_probe VALUES ('$1 $n') RETURNING id" 2>/dev/null
  sleep 0.2
done
"""


@dataclass
class Round:
    """One fault: the machine that it hits, and what else has to be put right."""

    cluster: Cluster
    hit: Machine
    probe: subprocess.Popen[bytes] | None = None
    probed: Path | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of fault, mended after `lasts_s`. Writes should succeed again within `target_s`."""

    name: str
    do: Callable[[Round], None]
    mend: Callable[[Round], None]
    target_s: float
    hits: Callable[[Cluster], Machine | None] = field(default=Cluster.leader)
    lasts_s: float = 14.0
    is_probed: bool = False


def _restart(own: Round) -> None:
    own.hit.start()


def _kill_leader(own: Round) -> None:
    own.hit.kill("patroni", "postgres")


def _kill_postgres(own: Round) -> None:
    own.hit.kill("postgres")


def _switch_off(own: Round) -> None:
    own.hit.switch_off()


def _switch_on(own: Round) -> None:
    own.hit.switch_on()
    own.hit.start()


def _switch_over(own: Round) -> None:
    own.cluster.switch_over()


def _unplug(own: Round) -> None:
    own.hit.plug(is_in=False)


def _plug_in(own: Round) -> None:
    own.hit.plug(is_in=True)


def _freeze(own: Round) -> None:
    own.hit.kill("patroni", signal="STOP")


def _thaw(own: Round) -> None:
    own.hit.kill("patroni", signal="CONT")


def _kill_etcd(own: Round) -> None:
    own.hit.kill("etcd")


def _kill_all_etcd(own: Round) -> None:
    for machine in own.cluster.machines.values():
        machine.kill("etcd")


def _start_all_etcd(own: Round) -> None:
    for machine in own.cluster.machines.values():
        machine.start("etcd")


# A failover counts from the fault; ttl is 10 s. Faults that leave the primary alone must not be noticed at all.
KINDS = (
    Kind("dead leader: PostgreSQL and Patroni killed", _kill_leader, _restart, 10),
    Kind("switch-over by patronictl", _switch_over, _restart, 2),
    Kind("partition: the leader is cut off", _unplug, _plug_in, 15, lasts_s=18, is_probed=True),
    Kind("machine of the leader off", _switch_off, _switch_on, 15, lasts_s=18),
    Kind("PostgreSQL of the leader killed", _kill_postgres, _restart, 10),
    Kind("Patroni of the leader frozen", _freeze, _thaw, 15, lasts_s=18, is_probed=True),
    Kind("leader of etcd killed", _kill_etcd, _restart, 2, hits=Cluster.etcd_leader),
    Kind("standby: PostgreSQL and Patroni killed", _kill_leader, _restart, 5, hits=Cluster.standby),
    Kind("all of etcd away for a minute", _kill_all_etcd, _start_all_etcd, 2, lasts_s=60),
)


def begin_probe(own: Round, number: int) -> None:
    """Write to the server of the leader directly, from its own machine, until `end_probe`."""
    own.probed = own.hit.folder / f"probe-{number}"
    with own.probed.open("wb") as file:
        own.probe = subprocess.Popen(
            own.hit.inside("bash", "-c", _PROBE, "probe", f"round {number}:"), stdout=file, stderr=subprocess.DEVNULL
        )


def end_probe(own: Round) -> set[str]:
    """Stop the probe and return what was acknowledged to it."""
    if own.probe is None or own.probed is None:
        return set()
    own.hit.run("pkill", "-KILL", "-f", "failover_probe", check=False)
    own.probe.wait(10)
    return set(own.probed.read_text().splitlines())
