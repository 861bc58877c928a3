"""The recipe of `deploy/ha`, started step by step as docs/high-availability.md has it, and what its state is."""

import http.client
import json
import ssl
import sys
from dataclasses import dataclass
from typing import Any

from failover.machines import DATABASES, NETWORK, PUBLIC_NAME, Machine, wait_for
from iprova_idm.options import PROJECT_DIR

_PATRONI = "/etc/patroni/config.yml"
# The balancer's certificate is one of the trial.
TLS = ssl._create_unverified_context()


@dataclass
class Cluster:
    """The three machines with their services."""

    machines: dict[str, Machine]

    def start(self) -> None:
        """Start everything, in the order of the recipe."""
        every = self.machines.values()
        _say("etcd on three machines")
        for machine in every:
            machine.start("etcd")
        wait_for(self.etcd_leader, 30, "etcd has no leader")
        _say("Patroni and PostgreSQL on two")
        for name in DATABASES:
            self.machines[name].start("patroni")
        wait_for(lambda: self.is_settled, 120, f"Patroni has no leader with a standby: {self.members()}")
        _say("HAProxy, the database, PgBouncer")
        self._certify()
        for machine in every:
            machine.start("haproxy")
        idm1 = self.machines["idm1"]
        wait_for(
            lambda: self.sql("SELECT pg_is_in_recovery()", "postgres", check=False).strip() == "f",
            20,
            "port 5000 leads nowhere",
        )
        idm1.run(str(PROJECT_DIR / "deploy" / "ha" / "create-database"))
        for machine in every:
            machine.start("pgbouncer")
        _say("migrations, then the application on two machines")
        self.manage("migrate", "--noinput")
        self.manage("create_first_administrator")
        for machine in every:
            machine.start()
        wait_for(lambda: self.healthz() == 200, 60, "the application does not answer")

    def _certify(self) -> None:
        files = "-keyout /tmp/key.pem -out /tmp/cert.pem"
        self.machines["idm3"].run(
            "bash",
            "-c",
            "mount -t tmpfs tmpfs /tmp; openssl req -x509 -newkey rsa:2048 -nodes -days 2"
            f" -subj /CN={PUBLIC_NAME} {files} && cat /tmp/cert.pem /tmp/key.pem >/etc/haproxy/idm.pem",
        )

    def manage(self, *arguments: str) -> str:
        """Run manage.py on idm1, directly on PostgreSQL and without its limits, as install.md says."""
        line = (
            "set -a; . /etc/iprova-idm.env; DATABASE_URL=${DATABASE_URL/:6432/:5000};"
            f" PGOPTIONS='-c statement_timeout=0'; cd {PROJECT_DIR}; exec .venv/bin/python manage.py \"$@\""
        )
        return self.machines["idm1"].run("bash", "-c", line, "manage", *arguments, timeout=300)

    def sql(self, statement: str, database: str = "iprova", *, check: bool = True) -> str:
        """Run a statement as the superuser on the primary. Return its rows, without a heading."""
        line = (
            ". /etc/iprova-ha.env; export PGPASSWORD=$POSTGRES_PASSWORD;"
            ' exec psql -h 127.0.0.1 -p 5000 -U postgres -qAtc "$1" "$2"'
        )
        return self.machines["idm1"].run("bash", "-c", line, "sql", statement, database, check=check)

    def healthz(self) -> int:
        """Ask the balancer. 0: no answer."""
        connection = http.client.HTTPSConnection(f"{NETWORK}.13", 443, timeout=5, context=TLS)
        try:
            connection.request("GET", "/healthz", headers={"Host": PUBLIC_NAME})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def healthy_applications(self) -> int:
        """Return how many application processes have the primary, without asking the balancer."""
        healthy = 0
        for name in DATABASES:
            machine = self.machines[name]
            line = f"curl -s -m 5 -o /dev/null -w %{{http_code}} -H Host:{PUBLIC_NAME} http://{machine.address}:8000/healthz"
            healthy += machine.run("bash", "-c", line, check=False) == "200"
        return healthy

    # What is where

    def members(self) -> list[dict[str, Any]]:
        """Patroni's members with role, state and lag, as `patronictl list` shows them. Empty if nobody can tell."""
        for name in DATABASES:
            machine = self.machines[name]
            if machine.init is None:
                continue
            text = machine.run("timeout", "10", "patronictl", "-c", _PATRONI, "list", "-f", "json", check=False)
            if text.startswith("["):
                found: list[dict[str, Any]] = json.loads(text)
                return found
        return []

    @property
    def is_settled(self) -> bool:
        """Whether there are a leader and a synchronous standby, as Patroni and both servers have it.

        Patroni alone can be late: after a partition, its list still has what was before.
        """
        roles = sorted(one["Role"] for one in self.members() if one["State"] in ("running", "streaming"))
        return roles == ["Leader", "Sync Standby"] and sorted(map(self._role, DATABASES)) == ["primary", "standby"]

    def _role(self, name: str) -> str:
        """Ask the server of a machine: *primary* with a synchronous standby, *standby*, or something else."""
        line = (
            ". /etc/iprova-ha.env; export PGPASSWORD=$POSTGRES_PASSWORD PGCONNECT_TIMEOUT=3;"
            ' exec psql -h 127.0.0.1 -p 5432 -U postgres -qAtc "$1" postgres'
        )
        statement = (
            "SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' WHEN EXISTS (SELECT FROM pg_stat_replication"
            " WHERE sync_state = 'sync' AND state = 'streaming') THEN 'primary' ELSE 'alone' END"
        )
        return self.machines[name].run("bash", "-c", line, "role", statement, check=False).strip()

    def leader(self) -> Machine:
        """The machine of the primary."""
        names = [one["Member"] for one in self.members() if one["Role"] == "Leader"]
        if not names:
            raise RuntimeError("Patroni has no leader")
        return self.machines[names[0]]

    def standby(self) -> Machine:
        """The machine of the other PostgreSQL."""
        return self.machines[next(name for name in DATABASES if name != self.leader().name)]

    def etcd_leader(self) -> Machine | None:
        """The machine of etcd's leader, or None."""
        for machine in self.machines.values():
            for other in self.machines.values():
                line = f"ETCDCTL_API=3 timeout 5 etcdctl --endpoints={other.address}:2379 endpoint status"
                found = machine.run("bash", "-c", line, check=False).split(", ")
                if len(found) > 4 and found[4] == "true":
                    return other
            return None
        return None

    def switch_over(self) -> None:
        """Ask Patroni to let the standby take over, as an operator does before maintenance."""
        leader, standby = self.leader(), self.standby()
        standby.run(
            "patronictl", "-c", _PATRONI, "switchover", "--master", leader.name, "--candidate", standby.name, "--force"
        )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
