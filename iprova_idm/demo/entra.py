"""Entra ID's side of SCIM provisioning: initial and incremental cycles, one request at a time.

The requests have Entra ID's default form (without `aadOptscim062020`): operations in capitals, one
for each attribute, and booleans as texts in PATCH.
"""

import uuid
from collections.abc import Iterable
from typing import Any, Protocol

from iprova_idm.demo.directory import Directory, Group, Person
from iprova_idm.demo.mapping import ACTIVE, MANAGER, MAPPING, Resource, group_body, manager_of, user_body
from iprova_idm.demo.report import Progress
from iprova_idm.demo.wire import equals

MEMBERS_PER_PATCH = 50
_PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Sender(Protocol):
    """An object that sends requests: `Wire`, or a test's replacement."""

    def send(
        self, kind: str, method: str, path: str, body: object = None, *, expects: int = 200
    ) -> dict[str, Any] | None: ...


class EntraId:
    """A provisioning job. Between cycles it keeps the last source, the ids at the target and the members sent."""

    def __init__(self, wire: Sender, progress: Progress) -> None:
        self.wire, self.progress = wire, progress
        self.known = Directory({}, {})  # the source at the last cycle
        self.users: dict[str, str] = {}  # object id → id at the target
        self.groups: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}  # object ids by group

    def run_cycle(self, name: str, source: Directory) -> None:
        """Send the changes of `source` since the last cycle. The first call, the initial cycle, sends everything."""
        track = self.progress.track
        for attempt in track(f"{name}: probes", (self._probe_users, self._probe_groups)):
            attempt()
        changed = [one for one in source.persons.values() if self.known.persons.get(one.object_id) != one]
        seen: dict[str, Resource] = {}
        for person in track(f"{name}: users", changed):
            resource = self._provision_user(person)
            if resource is not None:
                seen[person.object_id] = resource
        for person in track(f"{name}: managers", [one for one in changed if one.object_id in seen]):
            self._set_manager(person, seen[person.object_id])
        self._delete_gone(name, source)
        for group in track(f"{name}: groups", source.groups.values()):
            self._provision_group(group)
        for group in track(f"{name}: members", source.groups.values()):
            self._provision_members(group)
        self.known = source

    def _probe_users(self) -> None:
        """Send the connection test that precedes each cycle: a search for a random name, which nobody has."""
        self.wire.send("Probe", "GET", f"/Users?{equals('userName', str(uuid.uuid4()))}")

    def _probe_groups(self) -> None:
        self.wire.send("Probe", "GET", f"/Groups?{_without_members}&{equals('displayName', str(uuid.uuid4()))}")

    # Users

    def _provision_user(self, person: Person) -> Resource | None:
        """Create or update a user. Return it as last read, or None if there is none or if a request failed."""
        link = self.users.get(person.object_id)
        if link is not None:
            resource = self.wire.send("Read user", "GET", f"/Users/{link}")
            return None if resource is None else self._update_user(person, resource)
        if not person.is_active:
            return None  # Entra ID does not create a user who is already disabled
        found = self.wire.send("Match user", "GET", f"/Users?{equals('userName', person.user_name)}")
        if found is None:
            return None
        matches = found["Resources"]
        if matches:
            self.users[person.object_id] = matches[0]["id"]
            return self._update_user(person, matches[0])
        created = self.wire.send("Create user", "POST", "/Users", user_body(person), expects=201)
        if created is not None:
            self.users[person.object_id] = created["id"]
        return created

    def _update_user(self, person: Person, resource: Resource) -> Resource:
        """Send the attributes that differ: `Add` if the target has no value, otherwise `Replace`."""
        operations = []
        for attribute in MAPPING:
            wanted, found = attribute.of_person(person), attribute.of_resource(resource)
            if wanted != found:
                op = "Add" if found is None else "Replace"
                operations.append({"op": op, "path": attribute.path, "value": _spelled(wanted)})
        if operations:
            kind = "Update user"
            if ACTIVE.of_resource(resource) != person.is_active:
                kind = "Restore" if person.is_active else "Disable"
            self._patch(kind, f"/Users/{resource['id']}", operations)
        return resource

    def _set_manager(self, person: Person, resource: Resource) -> None:
        """Set the manager, in a request of its own, once both users exist. A deleted manager causes no request."""
        wanted, found = self.users.get(person.manager or ""), manager_of(resource)
        if wanted and wanted != found:
            operation = {"op": "Replace" if found else "Add", "path": MANAGER, "value": wanted}
            self._patch("Set manager", f"/Users/{resource['id']}", [operation])

    # Groups

    def _provision_group(self, group: Group) -> None:
        link, known = self.groups.get(group.object_id), self.known.groups.get(group.object_id)
        if link is None:
            self._create_group(group)
        elif known and known.display_name != group.display_name:
            self._read_group(link)
            operation = {"op": "Replace", "path": "displayName", "value": group.display_name}
            self._patch("Rename group", f"/Groups/{link}", [operation], expects=204)

    def _create_group(self, group: Group) -> None:
        query = f"{_without_members}&{equals('displayName', group.display_name)}"
        found = self.wire.send("Match group", "GET", f"/Groups?{query}")
        if found is None:
            return
        matches = found["Resources"]
        resource = (
            matches[0] if matches else self.wire.send("Create group", "POST", "/Groups", group_body(group), expects=201)
        )
        if resource is not None:
            self.groups[group.object_id] = resource["id"]

    def _provision_members(self, group: Group) -> None:
        """Send the changes of a group's members since the last cycle. Entra ID never reads members.

        Users without an id at the target are left out. They follow in a cycle after their creation.
        """
        link = self.groups.get(group.object_id)
        if link is None:
            return
        sent = self.members.setdefault(group.object_id, set())
        wanted = {member for member in group.members if member in self.users}
        if sent and sent != wanted:
            self._read_group(link)
        for batch in _batches(sent - wanted):
            if self._patch_members("Remove", link, batch):
                sent.difference_update(batch)
        for batch in _batches(wanted - sent):
            if self._patch_members("Add", link, batch):
                sent.update(batch)

    def _patch_members(self, op: str, link: str, batch: list[str]) -> bool:
        value = [{"$ref": None, "value": self.users[member]} for member in batch]
        return self._patch(f"{op} members", f"/Groups/{link}", [{"op": op, "path": "members", "value": value}], 204)

    def _read_group(self, link: str) -> None:
        self.wire.send("Read group", "GET", f"/Groups/{link}?{_without_members}")

    # Both

    def _delete_gone(self, name: str, source: Directory) -> None:
        """Delete the users and groups that the source no longer has. The target itself ends a user's memberships."""
        users = [oid for oid in self.users if oid not in source.persons]
        groups = [oid for oid in self.groups if oid not in source.groups]
        for oid in self.progress.track(f"{name}: deletions", [*users, *groups]):
            if oid in groups:
                self.wire.send("Delete group", "DELETE", f"/Groups/{self.groups.pop(oid)}", expects=204)
                self.members.pop(oid, None)
                continue
            self.wire.send("Delete user", "DELETE", f"/Users/{self.users.pop(oid)}", expects=204)
            for members in self.members.values():
                members.discard(oid)

    def _patch(self, kind: str, path: str, operations: list[dict[str, Any]], expects: int = 200) -> bool:
        body = {"schemas": [_PATCH_OP], "Operations": operations}
        return self.wire.send(kind, "PATCH", path, body, expects=expects) is not None


_without_members = "excludedAttributes=members"


def _spelled(value: str | bool | None) -> str:
    """Return a boolean as the text that the default mapping's Switch() makes, and no value as "", which clears."""
    return "" if value is None else str(value)


def _batches(members: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(members)
    return [ordered[start : start + MEMBERS_PER_PATCH] for start in range(0, len(ordered), MEMBERS_PER_PATCH)]
