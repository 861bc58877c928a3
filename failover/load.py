"""Clients that write and read users and groups while machines fail, and keep what they saw as a history.

Each client sends one request after the other. All names and values are unique, so that a change event shows which call
asked for it. A call that failed is not repeated as such: what directories repeat is a call of its own here.
"""

import http.client
import json
import random
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from failover.cluster import TLS
from failover.history import NEVER, Call, Outcome, State
from failover.machines import NETWORK, PUBLIC_NAME

PAUSE_S = 0.08  # between two calls of a client
FAILED_PAUSE_S = 0.25  # after a failed one. Retry-After is longer, but the moment when writes succeed is wanted
TIMEOUT_S = 30.0
CLIENTS = 3  # of each provider
GROUPS = 3  # of each provider
GROUP_SIZE = 60  # no more members than that, as the clients read them often
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class History:
    """What all clients saw."""

    calls: list[Call] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)  # when writes were
    by_request: dict[str, str] = field(default_factory=dict)  # X-Request-Id to the id of the call
    wrong: list[tuple[float, str]] = field(default_factory=list)  # answers that no client should get, and when
    unanswered: list[float] = field(default_factory=list)  # calls whose connection ended without an answer: when
    unavailable: int = 0  # 503 with Retry-After


@dataclass
class Shared:
    """The users and groups of one provider that all its clients change: names by id."""

    token: str
    users: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """A response; status 0: there was none."""

    status: int
    body: Any = None


class Client(threading.Thread):
    """One client of a provider."""

    def __init__(self, name: str, shared: Shared, history: History, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.shared, self.history, self.stopped = shared, history, stop
        self.chance = random.Random(name)
        self.number = 0
        self.wire: http.client.HTTPSConnection | None = None
        self.uncertain: list[str] = []  # names whose creation is unknown
        self.own: dict[str, str] = {}  # users that nobody else changes: names by id
        self.tried: set[tuple[str, str]] = set()  # ids of a group and of a member that was to be added
        self.joined: list[tuple[str, str]] = []  # ids of a group and of a member that was added
        self.member_of: dict[str, int] = {}  # by id of a group, how many this client has added

    def run(self) -> None:
        steps = (
            (self.create_user, 15),
            (self.change_user, 35),
            (self.read_user, 20),
            (self.find_user, 5),
            (self.add_member, 12),
            (self.remove_member, 4),
            (self.read_group, 5),
            (self.delete_user, 4),
        )
        functions, weights = [step for step, _ in steps], [weight for _, weight in steps]
        while not self.stopped.is_set():
            [step] = self.chance.choices(functions, weights)
            is_fine = step()
            self.stopped.wait(PAUSE_S if is_fine else FAILED_PAUSE_S)

    # What it does. Each returns whether the call was answered with what was asked for.

    def create_user(self) -> bool:
        name = self.uncertain.pop(0) if self.uncertain else f"{self.name}-{self.number}@failover.example"
        call = self._next()
        status, body = self._write(call, name, ("create", call), "POST", "/Users", {"userName": name, "title": call})
        if status == 201:
            (self.own if self.chance.random() < 0.2 else self.shared.users)[body["id"]] = name
        elif status == 409:
            self.find_user(name)
        else:
            self.uncertain.append(name)
        return status in (201, 409)

    def create_group(self) -> None:
        """Make one of the groups that all share, before anything fails."""
        call = self._next()
        name = f"{self.name} {call}"
        body = {"displayName": name, "externalId": call}
        _, made = self._write(call, name, ("create", call), "POST", "/Groups", body)
        self.shared.groups[made["id"]] = name

    def change_user(self) -> bool:
        call = self._next()
        known = self.own if self.own and self.chance.random() < 0.2 else self.shared.users
        if not known:
            return True
        resource, name = self.chance.choice(list(known.items()))
        body = _patch({"op": "replace", "path": "title", "value": call})
        return self._write(call, name, ("set", call), "PATCH", f"/Users/{resource}", body)[0] == 200

    def delete_user(self) -> bool:
        if not self.own:
            return True
        resource, name = self.own.popitem()
        call = self._next()
        status, _ = self._write(call, name, ("delete", ""), "DELETE", f"/Users/{resource}")
        if status not in (204, 404):
            self.own[resource] = name
        return status in (204, 404)

    def read_user(self) -> bool:
        known = {**self.shared.users, **self.own}
        if not known:
            return True
        resource, name = self.chance.choice(list(known.items()))
        return self._read(name, f"/Users/{resource}")

    def find_user(self, name: str = "") -> bool:
        """Search by userName, as directories do before they create."""
        known = list(self.shared.users.values())
        name = name or (self.chance.choice(known) if known else "nobody@failover.example")
        return self._read(name, f"/Users?filter=userName%20eq%20%22{name}%22")

    def add_member(self) -> bool:
        groups = [group for group in self.shared.groups if self.member_of.get(group, 0) < GROUP_SIZE // CLIENTS]
        if not self.shared.users or not groups:
            return True
        group, member = self.chance.choice(groups), self.chance.choice(list(self.shared.users))
        pair = (group, member)
        if not self.shared.users[member].startswith(f"{self.name}-") or pair in self.tried:
            return True
        self.tried.add(pair)
        call, name = self._next(), self.shared.users[member]
        body = _patch({"op": "add", "path": "members", "value": [{"value": member}]})
        changes = ("add", name)
        status, _ = self._write(call, self.shared.groups[group], changes, "PATCH", f"/Groups/{group}", body)
        self.member_of[group] = self.member_of.get(group, 0) + 1
        if status == 204:
            self.joined.append(pair)
        return status == 204

    def remove_member(self) -> bool:
        if len(self.joined) < 5:
            return True
        group, member = self.joined.pop(0)
        call, name = self._next(), self.shared.users[member]
        body = _patch({"op": "remove", "path": f'members[value eq "{member}"]'})
        changes = ("remove", name)
        status, _ = self._write(call, self.shared.groups[group], changes, "PATCH", f"/Groups/{group}", body)
        self.member_of[group] -= 1
        return status == 204

    def read_group(self) -> bool:
        group = self.chance.choice(list(self.shared.groups))
        return self._read(self.shared.groups[group], f"/Groups/{group}")

    # How it is sent and kept

    def _next(self) -> str:
        self.number += 1
        return f"{self.name}.{self.number}"

    def _write(
        self, call: str, name: str, changes: tuple[str, str], method: str, path: str, body: Any = None
    ) -> tuple[int, Any]:
        began = time.monotonic()
        answer = self._send(call, method, path, body)
        ended = time.monotonic()
        saw_nothing = answer.status == 404 and method == "DELETE"  # an earlier one of unknown outcome was done
        if saw_nothing:
            self._keep(Call(call, name, began, ended, Outcome.ACKNOWLEDGED))
        elif 200 <= answer.status < 300:
            self._keep(Call(call, name, began, ended, Outcome.ACKNOWLEDGED, changes))
            self.history.acknowledged.append(ended)
        elif 400 <= answer.status < 500:
            self._keep(Call(call, name, began, ended, Outcome.REFUSED, changes))
            if answer.status != 409 or changes[0] != "create":
                self.history.wrong.append((began, f"{method} {path}: {answer.status} {answer.body}"))
        else:
            self._keep(Call(call, name, began, NEVER, Outcome.UNKNOWN, changes))
        return answer.status, answer.body

    def _read(self, name: str, path: str) -> bool:
        call, began = self._next(), time.monotonic()
        answer = self._send(call, "GET", path)
        ended = time.monotonic()
        if answer.status not in (200, 404):
            if 0 < answer.status < 500:
                self.history.wrong.append((began, f"GET {path}: {answer.status} {answer.body}"))
            return False
        found = None if answer.status == 404 else answer.body
        if found and "Resources" in found:
            found = found["Resources"][0] if found["Resources"] else None
        saw = None if found is None else (_version(found), self._state(found))
        self._keep(Call(call, name, began, ended, Outcome.ACKNOWLEDGED, None, saw))
        return True

    def _keep(self, call: Call) -> None:
        self.history.calls.append(call)

    def _state(self, resource: dict[str, Any]) -> State:
        members = frozenset(self.shared.users.get(one["value"], one["value"]) for one in resource.get("members", []))
        return State(resource.get("title") or resource.get("externalId") or "", members)

    def _send(self, call: str, method: str, path: str, body: Any = None) -> Answer:
        headers = {
            "Host": PUBLIC_NAME,
            "Authorization": f"Bearer {self.shared.token}",
            "Content-Type": "application/scim+json",
        }
        began = time.monotonic()
        try:
            if self.wire is None:
                self.wire = http.client.HTTPSConnection(f"{NETWORK}.13", 443, timeout=TIMEOUT_S, context=TLS)
            self.wire.request(method, f"/scim{path}", json.dumps(body) if body else None, headers)
            response = self.wire.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            if self.wire is not None:
                self.wire.close()
            self.wire = None
            self.history.unanswered.append(began)
            return Answer(0)
        if response.headers.get("X-Request-Id"):
            self.history.by_request[response.headers["X-Request-Id"]] = call
        if response.status == 503 and response.headers.get("Retry-After"):
            self.history.unavailable += 1
        elif response.status >= 500:
            self.history.wrong.append((began, f"{method} {path}: {response.status} {text[:300]!r}"))
        return Answer(response.status, json.loads(text) if text else None)


def _patch(operation: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [_PATCH], "Operations": [operation]}


def _version(resource: dict[str, Any]) -> int:
    found = re.search(r"\d+", resource["meta"]["version"])
    assert found is not None
    return int(found[0])


@dataclass
class Load:
    """All clients of all providers, one token for each provider."""

    tokens: list[str]
    history: History = field(default_factory=History)
    shared: list[Shared] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Make the groups, then start the clients."""
        for number, token in enumerate(self.tokens):
            shared = Shared(token)
            self.shared.append(shared)
            own = [Client(f"p{number}c{each}", shared, self.history, self.stop) for each in range(CLIENTS)]
            for _ in range(GROUPS):
                own[0].create_group()
            self.clients += own
        for client in self.clients:
            client.start()

    def end(self) -> None:
        """Stop the clients. Each ends the call that it has begun."""
        self.stop.set()
        for client in self.clients:
            client.join(TIMEOUT_S + 5)
