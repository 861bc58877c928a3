"""Compares the database with the source, attribute by attribute and membership by membership.

It reads the models and not SCIM responses, which could contain the same mistake as the write.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from iprova_idm.demo.directory import Directory, Person
from iprova_idm.demo.mapping import ENTERPRISE_USER, MAPPING, manager_of
from providers.models import Membership, Provider, SyncedGroup, SyncedUser

Pair: TypeAlias = tuple[str | None, str | None]  # the externalIds of a group and a member
_COLUMNS = {
    "userName": "user_name",
    "displayName": "display_name",
    "externalId": "external_id",
    "active": "active",
}
_MAPPED = {"schemas", "roles", "emails", "phoneNumbers", "title", "preferredLanguage", ENTERPRISE_USER, *_COLUMNS}


def differences(source: Directory, provider: Provider) -> list[str]:
    """Return a sentence for each difference; an empty list means that there is none. Always three queries."""
    users = list(SyncedUser.objects.of(provider).live())
    groups = list(SyncedGroup.objects.of(provider).live())
    current = Membership.objects.filter(provider=provider, left_at__isnull=True)
    pairs = current.values_list("group__external_id", "member__external_id")
    return [*_of_users(source, users), *_of_groups(source, groups), *_of_memberships(source, set(pairs))]


def _of_users(source: Directory, users: Sequence[SyncedUser]) -> Iterator[str]:
    expected = {oid: person for oid, person in source.persons.items() if person.is_expected}
    object_ids = {str(user.pk): user.external_id for user in users}
    found: dict[str | None, SyncedUser] = {}
    for user in users:
        if user.external_id not in expected or user.external_id in found:
            yield f"User {user.user_name} is in the database and should not be."
        found.setdefault(user.external_id, user)
    for oid, person in expected.items():
        if oid in found:
            yield from _of_user(person, found[oid], object_ids)
        else:
            yield f"User {person.user_name} is missing."


def _of_user(person: Person, user: SyncedUser, object_ids: Mapping[str, str | None]) -> Iterator[str]:
    """Compare one user: mapped attributes, the manager, the columns, and attributes that were never sent."""
    document: Mapping[str, Any] = user.document
    for attribute in MAPPING:
        found, wanted = attribute.of_resource(document), attribute.of_person(person)
        if found != wanted:
            yield f"User {person.user_name}: {attribute.path} is {found!r} and should be {wanted!r}."
    manager = manager_of(document)
    if (object_ids.get(manager, manager) if manager else None) != person.manager:
        yield f"User {person.user_name}: the manager is {manager!r} and should be the user of {person.manager!r}."
    for name, column in _COLUMNS.items():
        if getattr(user, column) != document.get(name):
            yield f"User {person.user_name}: column {column} is {getattr(user, column)!r}, unlike its document."
    for name in sorted(set(document) - _MAPPED):
        yield f"User {person.user_name}: has {name}, which was never sent."


def _of_groups(source: Directory, groups: Sequence[SyncedGroup]) -> Iterator[str]:
    found: dict[str | None, SyncedGroup] = {}
    for group in groups:
        if group.external_id not in source.groups or group.external_id in found:
            yield f"Group {group.display_name} is in the database and should not be."
        found.setdefault(group.external_id, group)
    for oid, wanted in source.groups.items():
        if oid not in found:
            yield f"Group {wanted.display_name} is missing."
        elif (name := found[oid].document.get("displayName")) != wanted.display_name:
            yield f"Group {name} should be called {wanted.display_name}."


def _of_memberships(source: Directory, found: set[Pair]) -> Iterator[str]:
    wanted: set[Pair] = {
        (group.object_id, member)
        for group in source.groups.values()
        for member in group.members
        if source.persons[member].is_expected
    }
    for group, member in sorted(wanted - found, key=str):
        yield f"{_user_name(source, member)} is not a member of {_group_name(source, group)} and should be."
    for group, member in sorted(found - wanted, key=str):
        yield f"{_user_name(source, member)} is a member of {_group_name(source, group)} and should not be."


def _user_name(source: Directory, oid: str | None) -> str:
    person = source.persons.get(oid or "")
    return person.user_name if person else f"The deleted or unknown user {oid}"


def _group_name(source: Directory, oid: str | None) -> str:
    found = source.groups.get(oid or "")
    return found.display_name if found else f"the deleted or unknown group {oid}"
