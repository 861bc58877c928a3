"""Writes: versions, change events and what a deletion ends (docs/architecture.md, *Rules*)."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from providers.events import EventKind
from providers.models import ChangeEvent, Resource
from providers.resources import writes
from scim.protocol.attributes import GROUP
from scim.store import verbs
from tests.factories import call, make_group, make_user


def patch(provider, user, *operations):
    return verbs.patch(call(provider), str(user.pk), {"Operations": list(operations)}, answers=True)


def events_of(resource):
    return list(ChangeEvent.objects.filter(resource_id=resource.pk).order_by("id"))


def test_a_change_raises_version_and_last_modified_and_leaves_one_event(provider):
    user = make_user(provider, title="Nurse", emails=[{"type": "work", "value": "a"}])
    patch(
        provider,
        user,
        {"op": "replace", "path": "title", "value": "Doctor"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b"},
        {"op": "add", "path": "name.givenName", "value": "J"},
    )
    now = Resource.objects.get(pk=user.pk)
    assert now.version == 2
    assert now.last_modified >= user.last_modified
    created, changed = events_of(user)
    assert (created.kind, created.version) == ("resource.created", 1)
    assert (changed.kind, changed.version) == ("resource.changed", 2)
    assert {change["path"]: (change.get("before"), change.get("after")) for change in changed.changes} == {
        "title": ("Nurse", "Doctor"),
        "emails": ([{"type": "work", "value": "a"}], [{"type": "work", "value": "b"}]),
        "name.givenName": (None, "J"),
    }


def test_disabling_and_enabling_are_events_of_their_own(provider):
    user = make_user(provider)
    for value in ("False", "True"):
        patch(provider, user, {"op": "Replace", "path": "active", "value": value})
    assert [event.kind for event in events_of(user)] == ["resource.created", "resource.disabled", "resource.enabled"]


def test_a_member_joining_or_deleted_raises_the_groups_version_and_not_the_users(provider):
    user, group = make_user(provider), make_group(provider)
    add = {"Operations": [{"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}]}
    before = verbs.read(call(provider), str(user.pk)).etag
    verbs.patch(call(provider, GROUP), str(group.pk), add, answers=False)
    assert Resource.objects.get(pk=user.pk).version == 1
    assert verbs.read(call(provider), str(user.pk)).etag != before, "her groups are part of her ETag"
    assert Resource.objects.get(pk=group.pk).version == 2
    verbs.delete(call(provider), str(user.pk))
    assert Resource.objects.get(pk=group.pk).version == 3


def test_ac_aud_3_the_orm_changes_no_event_either(provider):
    make_user(provider)
    event = ChangeEvent.objects.earliest("pk")
    event.kind = "x"
    events = ChangeEvent.objects.filter(pk=event.pk)
    for act in (event.save, event.delete, events.delete, lambda: events.update(kind="x")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert events.exclude(kind="x").count() == 1


def refused(sql, *values):
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        cursor.execute(sql, values)


@pytest.fixture(params=["off", "on"])
def purging(request, db):
    """The setting that a purge makes, on or off."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL iprova.purge = '{request.param}'")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE providers_changeevent SET kind = 'x'",
        "DELETE FROM providers_changeevent",
        "TRUNCATE providers_changeevent",
        "TRUNCATE providers_requestlog, providers_changeevent",
        "TRUNCATE providers_changeevent_rest",
        "TRUNCATE {month}",
        "DELETE FROM {month}",
        "UPDATE {month} SET changes = '[]'",
    ],
)
def test_l4_ac_aud_3_events_are_append_only(provider, purging, sql):
    make_user(provider)
    before = list(ChangeEvent.objects.values())
    refused(sql.format(month=f"providers_changeevent{timezone.now():_%Y%m}"))
    assert list(ChangeEvent.objects.values()) == before


def test_l4_months_made_later_cannot_be_truncated_either(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT providers_make_months('providers_changeevent', now() + interval '20 months', 1)")
        cursor.execute(
            "SELECT p.relid::regclass::text, count(t.oid) FROM pg_partition_tree('providers_changeevent') p"
            " LEFT JOIN pg_trigger t ON t.tgrelid = p.relid AND t.tgname = 'no_truncate' GROUP BY 1"
        )
        found = cursor.fetchall()
    assert len(found) >= 15 and {count for _name, count in found} == {1}


EMPTY = "UPDATE providers_changeevent SET changes = '[]', subject = resource_id::text WHERE resource_id = %s"


def test_l4_a_purge_empties_the_events_of_a_deleted_user_alone(provider):
    gone, here = make_user(provider, "gone@x", title="Nurse"), make_user(provider, "here@x")
    verbs.delete(call(provider), str(gone.pk))
    refused(EMPTY, gone.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        paths = "SELECT jsonb_agg(c - 'before' - 'after') FROM jsonb_array_elements(changes) c"
        cursor.execute(f"UPDATE providers_changeevent SET changes = ({paths}) WHERE resource_id = %s", [gone.pk])
        assert "Nurse" not in str(events_of(gone)[0].changes) and {"path": "title"} in events_of(gone)[0].changes
        cursor.execute(EMPTY, [gone.pk])
    assert [(event.subject, event.changes) for event in events_of(gone)] == [(str(gone.pk), [])] * 2
    refused(EMPTY, here.pk)
    for change in (
        "kind = 'x'", "at = now()", "subject = 'somebody else'", "changes = '[{}]'", "id = gen_random_uuid()",
        "resource_id = NULL", "person_name = 'x'", "token_prefix = 'x'", "provider_id = 1", "request_id = resource_id",
        "changes = '[{\"path\": \"title\", \"after\": \"x\"}]'",
    ):  # fmt: skip
        refused(f"UPDATE providers_changeevent SET {change} WHERE resource_id = %s", gone.pk)
    refused("UPDATE providers_changeevent SET changes = '[]' WHERE resource_id IS NULL")
    refused("DELETE FROM providers_changeevent WHERE resource_id = %s", gone.pk)


def test_events_lie_in_the_partition_of_their_month(provider):
    make_user(provider)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM providers_changeevent")
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute("SELECT to_char(now() AT TIME ZONE 'UTC', '\"providers_changeevent_\"YYYYMM')")
        assert tables == [cursor.fetchone()[0]]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (True, False, EventKind.RESOURCE_DISABLED),
        (True, None, EventKind.RESOURCE_DISABLED),
        (False, True, EventKind.RESOURCE_ENABLED),
        (None, True, EventKind.RESOURCE_ENABLED),
        (False, None, EventKind.RESOURCE_CHANGED),
        (None, False, EventKind.RESOURCE_CHANGED),
        (None, None, EventKind.RESOURCE_CHANGED),
        (True, True, EventKind.RESOURCE_CHANGED),
    ],
)
def test_only_true_counts_as_enabled(before, after, kind):
    documents = [{} if value is None else {"active": value} for value in (before, after)]
    assert writes._kind_of_change(*documents) is kind


def test_a_user_has_active(provider):
    user = make_user(provider)
    with pytest.raises(IntegrityError, match="user_is_active_or_not"), transaction.atomic():
        Resource.objects.filter(pk=user.pk).update(active=None)
