"""Users and groups: their state, and the search for them (AC-USR-1)."""

from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.models import ChangeEvent, Provider, Resource, Sought
from providers.models.resource import Status
from scim.protocol.attributes import ENTERPRISE_USER
from scim.store import verbs
from tests.database import rewriting_events
from tests.factories import call, make_group, make_user
from tests.providers.console.conftest import found


def make_janes(provider: Provider):
    jane = make_user(
        provider,
        "jd@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
        emails=[{"type": "work", "value": "jane@mail.example"}],
    )
    make_user(provider, "koci@contoso.com", displayName="Janë Koçi", active=False)
    make_user(provider, "visser@contoso.com", displayName="Piet Visser", emails=[{"value": "jane.v@mail.example"}])
    make_user(provider, "bakker@contoso.com", displayName="Piet Bakker")
    return jane


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("JANÊ", ["Jane de Boer", "Janë Koçi", "Piet Visser"]),
        ("jane boer", ["Jane de Boer"]),
        ("boer jane", ["Jane de Boer"]),
        ("jane@mail.example", ["Jane de Boer"]),
        ("jd@contoso.com", ["Jane de Boer"]),
        ("9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4", ["Jane de Boer"]),
        ("100%", []),
        ("_", []),
        ("jane nobody", []),
    ],
)
def test_ac_usr_1_every_word_must_match_somewhere(support, provider, text, expected):
    make_janes(provider)
    assert found(support, q=text) == expected


def test_ac_usr_1_a_whole_scim_id_finds_its_person(support, provider):
    jane = make_janes(provider)
    assert found(support, q=str(jane.pk)) == ["Jane de Boer"]
    assert found(support, q=str(jane.pk).upper()) == ["Jane de Boer"]


def test_only_true_makes_a_user_active_and_a_group_is_never_disabled():
    states = [Resource(resource_type="User", active=value).status for value in (True, False, None)]
    assert states == [Status.ACTIVE, Status.DISABLED, Status.DISABLED]
    assert Resource(resource_type="Group").status is Status.ACTIVE
    assert Resource(resource_type="User", active=True, deleted_at=timezone.now()).status is Status.DELETED


def lose_active(user: Resource, **event: object) -> None:
    """What a PATCH did before: no `active` any more, and an event that says so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE providers_resource SET active = NULL, document = document - 'active', folded = folded - 'active'"
            " WHERE id = %s",
            [user.pk],
        )
    if event:
        at = timezone.now()
        kept = {"kind": "resource.enabled", "provider_id": user.provider_id, "resource_type": "User", "version": 3}
        ChangeEvent.objects.create(id=uuid7(), at=at, resource_id=user.pk, **kept, changes=[{"path": "active"} | event])


def test_migration_0018_gives_active_back_as_the_record_has_it(provider, stranger):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE providers_resource DROP CONSTRAINT user_is_active_or_not")
    was_disabled, was_enabled = make_user(provider, active=False), make_user(stranger, active=True)
    enabled_later = make_user(stranger, active=False)
    patch = {"Operations": [{"op": "replace", "path": "active", "value": True}]}
    verbs.patch(call(stranger), str(enabled_later.pk), patch, answers=False)
    untouched, deleted = make_user(provider, active=True), make_user(provider, active=False)
    unknown = make_user(provider, active=True)
    lose_active(was_disabled, before=False)
    lose_active(was_enabled, before=True)
    lose_active(enabled_later)
    lose_active(deleted, before=False)
    lose_active(unknown)
    with connection.cursor() as cursor, rewriting_events():
        cursor.execute("UPDATE providers_changeevent SET changes = '[]' WHERE resource_id = %s", [unknown.pk])
    verbs.delete(call(provider), str(deleted.pk))
    migration = import_module("providers.migrations.0020_users_have_active")
    migration.repair(None, connection.schema_editor())
    wanted = {was_disabled: False, was_enabled: True, enabled_later: True, deleted: False, unknown: False}
    for user, is_active in (wanted | {untouched: True}).items():
        held = Resource.objects.get(pk=user.pk)
        assert (held.active, held.document["active"], held.folded["active"]) == (is_active,) * 3
    for user, is_active in wanted.items():
        event = ChangeEvent.objects.filter(resource_id=user.pk).order_by("id").last()
        assert event.kind == ("resource.changed" if is_active else "resource.disabled")
        assert event.changes == [{"path": "active", "after": is_active}]
        assert (event.version, event.token_prefix) == (Resource.objects.get(pk=user.pk).version, "")
    assert ChangeEvent.objects.filter(resource_id=untouched.pk).count() == 1
    provider.refresh_from_db()
    stranger.refresh_from_db()
    repaired = ChangeEvent.objects.filter(resource_id=was_disabled.pk).order_by("id").last()
    assert provider.removals_count_from > repaired.at, "the removal limit does not count the repair"
    assert stranger.removals_count_from is None, "nobody was disabled there"


def sought_of(user: Resource) -> tuple[object, str]:
    found = Sought.objects.get(pk=user.pk)
    return found.indexed, found.text


def test_what_a_resource_is_found_by_is_written_when_it_changes_and_deleted_with_it(provider):
    care = {"employeeNumber": "7", "manager": {"value": "M"}, "department": "Care"}
    sent = {"emails": [{"value": "A@x", "type": "work"}], "phoneNumbers": [{"value": "+31 20"}], ENTERPRISE_USER: care}
    user, group = make_user(provider, "anna@x", **sent), make_group(provider, "Ward")
    part = {
        "emails": [{"value": "a@x"}],
        "phoneNumbers": [{"value": "+31 20"}],
        ENTERPRISE_USER: {"employeeNumber": "7", "manager": {"value": "M"}},
    }
    assert sought_of(user) == (part, "anna@x a@x")
    assert sought_of(group) == ({}, "ward")
    row = "SELECT ctid::text FROM providers_sought WHERE resource_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(row, [user.pk])
        before = cursor.fetchone()
        for path, value in (("title", "Nurse"), ("active", False), (f"{ENTERPRISE_USER}:department", "Ward 7")):
            change(provider, user, path, value)
        cursor.execute(row, [user.pk])
        assert cursor.fetchone() == before, "none of them is in it"
    change(provider, user, 'emails[type eq "work"].value', "b@x")
    change(provider, user, f"{ENTERPRISE_USER}:manager", {"value": "n"})
    care = {"employeeNumber": "7", "manager": {"value": "n"}}
    assert sought_of(user) == (part | {"emails": [{"value": "b@x"}], ENTERPRISE_USER: care}, "anna@x b@x")
    with connection.cursor() as cursor:
        Sought.objects.all().delete()
        import_module("providers.migrations.0029_sought").copy(None, connection.schema_editor())
        assert sought_of(user)[1] == "anna@x b@x"
        assert Sought.objects.count() == Resource.objects.count() == 2
        cursor.execute("DELETE FROM providers_resource WHERE id = %s", [user.pk])
    assert list(Sought.objects.values_list("pk", flat=True)) == [group.pk]


def change(provider: Provider, user: Resource, path: str, value: object) -> None:
    operation = {"op": "replace", "path": path, "value": value}
    verbs.patch(call(provider), str(user.pk), {"Operations": [operation]}, answers=False)
