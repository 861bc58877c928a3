"""Directories that send requests at their own pace, whether or not the server keeps up, and keep what they saw.

A request is due at a random moment. Its time begins then, so a server that is late makes every request behind it late
too, as a directory with several workers would see it. Each client has users and a group that nobody else changes, so
every response can be checked, and at the end all of them are read again and compared.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.scim.measure import FAULTS, follow, reason_of
from bench.scim.servers import Server
from bench.scim.wire import Connection, Request
from bench.scim.workloads import (
    Known,
    Steps,
    User,
    WrongError,
    add_member,
    check_user,
    create,
    find_by_external_id,
    find_by_name,
    find_nobody,
    get,
    group_with_members,
    load,
    make_group,
    patch_active,
    patch_as_entra,
    require,
)

CLIENTS = 3  # connections of each directory
USERS, OUTSIDE = 40, 5  # of each client when it begins; the latter can join its group
GROUP_SIZE = 20
_NUMBERS = 1_000_000  # of users of each client
_PAGE = 100


def _change_members(known: Known) -> Steps:
    yield from add_member(next(iter(known.groups)))(known)


# What a directory sends, in parts of a hundred steps. Changing members is two requests.
MIX: tuple[tuple[str, Callable[[Known], Steps], int], ...] = (
    ("filter externalId", find_by_external_id, 25),
    ("filter userName", find_by_name, 8),
    ("filter, nobody", find_nobody, 7),
    ("get", get, 25),
    ("PATCH", patch_as_entra, 17),
    ("PATCH of active", patch_active, 8),
    ("members", _change_members, 5),
    ("create", create, 5),
)


@dataclass(frozen=True)
class Seen:
    """One request of a client: when it was due (monotonic), how long after that its response had arrived, its kind."""

    due: float
    took_s: float
    kind: str


class Pace:
    """When the next request of a directory is due: `rate` a second on average, at random moments."""

    def __init__(self, rate: float, begins: float, ends: float, seed: str) -> None:
        self.rate, self.ends = rate, ends
        self._due, self._chance, self._lock = begins, random.Random(seed), threading.Lock()

    def next(self) -> float | None:
        """Return when the next request is due, or None if the load ends before that."""
        with self._lock:
            self._due += self._chance.expovariate(self.rate)
            return self._due if self._due < self.ends else None


@dataclass
class Directory:
    """A provider of the product, and the clients that play its directory."""

    name: str
    server: Server
    clients: list["Client"] = field(default_factory=list)

    def prepare(self) -> None:
        """Make the users and a group of each client."""
        for number in range(CLIENTS):
            known = Known(number=number * _NUMBERS)
            with self.server.connect() as connection:
                for _ in range(USERS):
                    follow(connection, load(known))
                for _ in range(OUTSIDE):
                    follow(connection, create(known))
                follow(connection, make_group(known, GROUP_SIZE + number))  # names are unique
            self.clients.append(Client(f"{self.name} {number}", self.server, known))

    @property
    def seen(self) -> list[Seen]:
        return [one for client in self.clients for one in client.seen]

    @property
    def answered(self) -> int:
        return sum(client.answered for client in self.clients)

    @property
    def wrong(self) -> list[str]:
        return [one for client in self.clients for one in client.wrong]

    def missing(self) -> list[str]:
        """Read everything again. Return what is not as it was acknowledged."""
        found: list[str] = []
        with self.server.connect() as connection:
            stored = {str(one["id"]): one for one in _all_users(connection)}
            for client in self.clients:
                known = client.known
                for user in [*known.users, *known.outside]:
                    found += _compare(user, stored.pop(user.id, None))
                try:
                    follow(connection, group_with_members(next(iter(known.groups)))(known))
                except FAULTS as error:
                    found.append(f"the group of {client.name}: {reason_of(error)}")
        return found + [f"{one['userName']}: nobody was told that it was created" for one in stored.values()]


def _all_users(connection: Connection) -> Iterator[Any]:
    cursor: str | None = ""
    while cursor is not None:
        answer = connection.send(Request("GET", f"/Users?count={_PAGE}&cursor={cursor}"))
        require(answer, 200)
        yield from answer.json["Resources"]
        cursor = answer.json.get("nextCursor")


def _compare(user: User, stored: Any) -> list[str]:
    name = str(user.document["userName"])
    if stored is None:
        return [f"{name}: does not exist"]
    against = Known()
    try:
        check_user(against, user, stored)
    except WrongError as error:
        return [f"{name}: {error}"]
    return [f"{name}: other {', '.join(sorted(against.losses))}"] if against.losses else []


class Client(threading.Thread):
    """One connection of a directory. It sends the next request that is due, one after the other."""

    def __init__(self, name: str, server: Server, known: Known) -> None:
        super().__init__(name=name, daemon=True)
        self.server, self.known = server, known
        self.chance = random.Random(name)
        self.pace: Pace | None = None
        self.seen: list[Seen] = []
        self.wrong: list[str] = []
        self.answered = 0

    def run(self) -> None:
        assert self.pace is not None
        weights = [weight for _, _, weight in MIX]
        with self.server.connect() as connection:
            while True:
                [(kind, step, _)] = self.chance.choices(MIX, weights)
                if not self._follow(connection, kind, step(self.known)):
                    return

    def _follow(self, connection: Connection, kind: str, steps: Steps) -> bool:
        """Send the requests of a step, each when it is due. Return False when the load has ended."""
        assert self.pace is not None
        try:
            request = next(steps)
            while True:
                due = self.pace.next()
                if due is None:
                    self._finish(connection, steps, request)
                    return False
                time.sleep(max(0.0, due - time.monotonic()))
                answer = connection.send(request)
                self.answered += 1
                self.seen.append(Seen(due, time.monotonic() - due, kind))
                request = steps.send(answer)
        except StopIteration:
            pass
        except FAULTS as error:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {kind}: {reason_of(error)}")
            connection.close()
        self.known.losses.clear()
        return True

    def _finish(self, connection: Connection, steps: Steps, request: Request) -> None:
        """Send what is left of a step when the load ends, so that it is known what the group has."""
        try:
            while True:
                answer = connection.send(request)
                self.answered += 1
                request = steps.send(answer)
        except StopIteration:
            pass
        except FAULTS as error:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} at the end: {reason_of(error)}")
