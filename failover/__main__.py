"""`make failover`: the recipe of `deploy/ha` on three machines of namespaces, with faults under load.

It starts the machines, lets clients write and read, and causes one fault after the other. Then it compares what the
clients saw with the database, and prints a table. The exit status is 0 if nothing was lost and no answer was wrong.
`--serve` (`make ha`) only starts the machines. Both need root, Linux, and the packages of docs/high-availability.md.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from failover.cluster import Cluster
from failover.faults import KINDS, Kind, Round, begin_probe, end_probe
from failover.history import check
from failover.load import Load
from failover.machines import DATABASES, NETWORK, PUBLIC_NAME, machines, missing_programs, setting, wait_for
from failover.records import read_records
from failover.report import Result, summary, table

_PROVIDERS = 2
_QUIET_S = 2.0  # with the load, before the first and after the last fault
_BACK_S = 60.0  # the longest time until writes succeed again
_DIRECT = "postgresql://iprova:{password}@{network}.11:5432,{network}.12:5432/iprova"


def main() -> int:
    """Run what the arguments ask for."""
    sent = _read_arguments()
    problem = _hindrance()
    if problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the machines are switched off then too
    with machines() as made:
        cluster = Cluster(made)
        if sent.direct:
            _connect_directly(cluster)
        try:
            cluster.start()
            return _serve(cluster) if sent.serve else _try(cluster, sent)
        except KeyboardInterrupt:
            return 130
        finally:
            if sent.logs:
                _keep_logs(cluster, sent.logs)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m failover", description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20, help="how many faults, of each kind in turn")
    parser.add_argument("--only", default="", help="the kinds whose name contains this text")
    parser.add_argument("--direct", action="store_true", help="connect by libpq, without HAProxy and PgBouncer")
    parser.add_argument("--serve", action="store_true", help="start the machines, and wait for Ctrl-C")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the logs of all services")
    return parser.parse_args()


def _hindrance() -> str:
    """Return why the machines cannot be started here, or an empty text."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return "This makes network namespaces, and needs Linux and root."
    if missing := missing_programs():
        return f"Not installed: {', '.join(missing)}. docs/high-availability.md names the packages."
    return ""


def _connect_directly(cluster: Cluster) -> None:
    for name in DATABASES:
        file = cluster.machines[name].folder / "etc" / "iprova-idm.env"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(("DATABASE_URL", "PREPARED"))]
        password = setting(cluster.machines[name], "IPROVA_PASSWORD")
        lines.append(f"DATABASE_URL={_DIRECT.format(password=password, network=NETWORK)}")
        file.write_text("\n".join([*lines, ""]))


def _serve(cluster: Cluster) -> int:
    init = {name: machine.init_id for name, machine in cluster.machines.items()}
    print(f"https://{NETWORK}.13/ is the balancer (for {PUBLIC_NAME}).")
    for name, number in init.items():
        print(f"A shell on {name}: nsenter --target {number} --net --mount --uts --pid")
    print("Ctrl-C ends and removes everything.", flush=True)
    signal.pause()
    return 0


def _try(cluster: Cluster, sent: argparse.Namespace) -> int:
    kinds = [kind for kind in KINDS if sent.only in kind.name]
    cluster.sql("CREATE TABLE failover_probe (id text PRIMARY KEY); GRANT ALL ON failover_probe TO iprova")
    tokens, providers = [], []
    for number in range(_PROVIDERS):
        cluster.manage("add_provider", f"Load {number}")
        issued = json.loads(cluster.manage("issue_token", f"Load {number}", "--json"))
        tokens.append(issued["token"])
        providers.append(issued["provider_id"])
    load = Load(tokens)
    load.begin()
    results, acknowledged = [], set()
    time.sleep(_QUIET_S)
    for number in range(sent.rounds):
        result, probed = _round(cluster, load, kinds[number % len(kinds)], number)
        results.append(result)
        acknowledged |= probed
    time.sleep(_QUIET_S)
    load.end()
    leader = cluster.leader()
    url = f"postgresql://iprova:{setting(leader, 'IPROVA_PASSWORD')}@{leader.address}/iprova"
    changes, tables = read_records(url, providers, load.history)
    verdict = check(load.history.calls, changes, tables)
    found = set(cluster.sql("SELECT id FROM failover_probe").split("\n"))
    lost = acknowledged - {line.strip() for line in found}
    print(table(results, load.history, verdict))
    print(summary(load.history, verdict, len(acknowledged), len(lost)))
    return int(bool(verdict.problems or load.history.wrong or lost))


def _round(cluster: Cluster, load: Load, kind: Kind, number: int) -> tuple[Result, set[str]]:
    """Cause one fault, mend it, and wait until leader and standby are as before."""
    hit = kind.hits(cluster)
    assert hit is not None
    own = Round(cluster, hit)
    if kind.is_probed:
        begin_probe(own, number)
    began = time.monotonic()
    kind.do(own)
    _say(f"{number + 1}: {kind.name} ({hit.name})")
    time.sleep(max(0.0, began + kind.lasts_s - time.monotonic()))
    fault_ended = time.monotonic()
    wait_for(lambda: max(load.history.acknowledged) > fault_ended, _BACK_S, "writes do not succeed again")
    probed = end_probe(own)
    kind.mend(own)
    wait_for(lambda: cluster.is_settled, 120, f"the standby does not come back: {cluster.members()}")
    wait_for(lambda: cluster.healthy_applications() == len(DATABASES), 60, "an application does not come back")
    return Result(kind.name, kind.target_s, began, time.monotonic()), probed


def _keep_logs(cluster: Cluster, folder: Path) -> None:
    for machine in cluster.machines.values():
        for log in machine.folder.glob("*.log"):
            (folder / machine.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(log, folder / machine.name)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
