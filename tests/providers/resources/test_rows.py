"""Rows: ids, differences, and the one statement that writes a resource with its event."""

import json
from dataclasses import fields

import pytest
from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from providers.events import Actor, EventKind
from providers.models import ChangeEvent, Resource
from providers.resources import rows
from providers.resources.rows import Event, MembersChanged, Row, differences, member_counts, now
from tests.factories import make_group, make_user


def test_differences_are_told_by_path():
    urn = "urn:example:ext"
    before = {"title": "Nurse", "name": {"givenName": "J"}, "emails": [{"value": "a"}], urn: {"ward": "1"}}
    after = {"title": "Nurse", "name": {"familyName": "D"}, "emails": [{"value": "b"}], urn: {"ward": "2"}}
    found = {change["path"]: (change.get("before"), change.get("after")) for change in differences(before, after)}
    assert found == {
        "name.givenName": ("J", None),
        "name.familyName": (None, "D"),
        "emails": ([{"value": "a"}], [{"value": "b"}]),
        f"{urn}:ward": ("1", "2"),
    }
    assert differences(before, before | {"schemas": ["x"]}) == [], "schemas follow from the rest"


def test_members_are_counted_in_an_event_and_nobody_is_nothing():
    assert member_counts(MembersChanged(2, 1)) == [{"path": "members", "added": 2, "removed": 1}]
    assert member_counts(MembersChanged(unknown=["x"])) == member_counts(None) == []


def test_a_moment_has_milliseconds_as_answers_show_it():
    assert now().microsecond % 1000 == 0


def test_every_field_of_a_row_is_a_column():
    columns = {field.column for field in Resource._meta.concrete_fields}
    assert {field.name for field in fields(Row)} <= columns


def test_every_field_of_an_event_is_a_column(provider):
    event = Event(uuid7(), now(), EventKind.RESOURCE_CHANGED, "x", Actor(), [])
    own = {"provider_id", "resource_id", "resource_type", "version"}
    assert {*event.columns, *own} == {field.column for field in ChangeEvent._meta.concrete_fields}


def test_an_update_raises_the_version_and_bears_who_did_it(provider):
    user = make_user(provider)
    actor = Actor(token_prefix="ipr_7Qk2", address="10.0.0.1", request_id=uuid7())
    event = Event(uuid7(), now(), EventKind.RESOURCE_CHANGED, "jane", actor, [{"path": "title", "after": "é"}])
    rows.update(provider.pk, user.pk, {"external_id": "7"}, event)
    held = Resource.objects.get(pk=user.pk)
    assert (held.external_id, held.version, held.last_modified) == ("7", 2, event.at)
    kept = ChangeEvent.objects.get(pk=event.id)
    assert (kept.resource_id, kept.resource_type, kept.version, kept.provider_id) == (user.pk, "User", 2, provider.pk)
    assert (kept.token_prefix, kept.address, kept.request_id) == ("ipr_7Qk2", "10.0.0.1", actor.request_id)
    assert json.dumps(kept.changes) == json.dumps([{"path": "title", "after": "é"}])


def test_another_provider_updates_nothing(provider, stranger):
    user = make_user(provider)
    event = Event(uuid7(), now(), EventKind.RESOURCE_CHANGED, "jane", Actor(), [])
    rows.update(stranger.pk, user.pk, {"external_id": "7"}, event)
    assert Resource.objects.get(pk=user.pk).version == 1
    assert not ChangeEvent.objects.filter(pk=event.id).exists()


def test_what_the_database_refuses_leaves_no_event(provider):
    make_group(provider, "Care")
    other = make_group(provider, "Night")
    event = Event(uuid7(), now(), EventKind.RESOURCE_CHANGED, "Night", Actor(), [])
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(provider.pk, other.pk, {"display_name_key": "care"}, event)
    assert not ChangeEvent.objects.filter(pk=event.id).exists()


def test_versions_are_raised_without_an_event(provider):
    care, night = make_group(provider, "Care"), make_group(provider, "Night")
    moment = now()
    rows.raise_versions(provider.pk, {care.pk}, moment)
    rows.raise_versions(provider.pk, set(), moment)
    assert Resource.objects.get(pk=care.pk).version == 2
    assert Resource.objects.get(pk=night.pk).version == 1
    assert ChangeEvent.objects.filter(resource_id=care.pk).count() == 1
