"""The entries of the provisioning log show what a request asked for, whatever became of it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from providers.models import ChangeEvent, Provider, RequestLog, SyncedUser
from providers.request_log import writer
from tests.factories import make_group, make_user

OFF = {"op": "replace", "path": "active", "value": False}
ON = {"op": "replace", "path": "active", "value": True}
RENAME = {"op": "replace", "path": "displayName", "value": "New"}


def rows(**filters):
    writer.flush()
    return list(RequestLog.objects.filter(**filters).order_by("id"))


def last(**filters):
    return rows(**filters)[-1]


@pytest.fixture
def client(provider, scim):
    return scim(provider)


def patch(client, person, *operations):
    return client.patch(f"/Users/{person.pk}", *operations)


def pause(provider):
    Provider.objects.filter(pk=provider.pk).update(paused_at="2026-11-01T00:00Z")


def block(provider):
    Provider.objects.filter(pk=provider.pk).update(ip_mode="enforce")


@pytest.mark.parametrize(
    ("turn_away", "outcome", "reason"), [(pause, "paused", "paused"), (block, "refused", "address-refused")]
)
@pytest.mark.parametrize(
    ("was_active", "operations", "action"),
    [
        (True, [OFF], "disable"),
        (False, [ON], "enable"),
        (True, [RENAME, OFF], "disable"),
        (False, [RENAME, ON], "enable"),
        (True, [RENAME, ON], "update"),
        (False, [RENAME, OFF], "update"),
        (True, [RENAME], "update"),
    ],
)
def test_the_action_of_a_request_that_was_not_read(provider, client, turn_away, outcome, reason, was_active, operations, action):  # fmt: skip
    person = make_user(provider, active=was_active)
    turn_away(provider)
    assert patch(client, person, *operations).status_code in (403, 503)
    row = last()
    assert (row.action, row.outcome, row.reason, row.resource_id) == (action, outcome, reason, person.pk)
    assert row.request_body and row.is_problem


def test_a_user_that_is_replaced_repeats_active_and_is_not_enabled_by_it(provider, client):
    person = make_user(provider, "jane@x")
    body = {"userName": "jane@x", "displayName": "Jane", "active": True}
    assert client.put(f"/Users/{person.pk}", body).status_code == 200
    assert last().action == "update"
    assert client.put(f"/Users/{person.pk}", body | {"active": "False"}).status_code == 200
    assert last().action == "disable"
    assert client.put(f"/Users/{person.pk}", body | {"active": "False", "title": "x"}).status_code == 200
    assert last().action == "update"
    assert client.put(f"/Users/{person.pk}", body).status_code == 200
    assert last().action == "enable"


def test_a_rejected_rename_and_disabling_is_a_disabling(provider, client):
    make_user(provider, "taken@x")
    person = make_user(provider, "jane@x")
    rename = {"op": "replace", "path": "userName", "value": "taken@x"}
    assert patch(client, person, rename, OFF).status_code == 409
    row = last()
    assert (row.action, row.asked, row.rejected) == ("disable", ["active", "userName"], ["userName"])
    assert (row.subject, row.subject_key) == ("taken@x", "taken@x")


@pytest.mark.parametrize(("settings", "outcome"), [({}, "held"), ({"rejected_at": "2026-11-01T00:00Z"}, "refused")])
def test_a_disabling_above_the_limit_is_one(provider, client, settings, outcome):
    person = make_user(provider)
    since = "2026-11-01T00:00Z"
    Provider.objects.filter(pk=provider.pk).update(removal_limit="hold", held_at=since, **settings)
    assert patch(client, person, RENAME, OFF).status_code in (403, 503)
    row = last()
    assert (row.action, row.outcome, row.asked, row.rejected) == (
        "disable",
        outcome,
        ["active", "displayName"],
        ["active"],
    )


def test_the_subject_of_a_rejected_creation_is_kept(provider, client):
    body = {"userName": "Jané@X", "displayName": "Jane Doe", "externalId": "e-7", "active": "perhaps"}
    assert client.post("/Users", body).status_code == 400
    row = last()
    assert (row.subject, row.subject_key, row.display_name, row.external_id) == ("Jané@X", "jané@x", "Jane Doe", "e-7")
    assert (row.action, row.rejected) == ("create", ["active"])


def test_each_operation_of_a_bulk_request_has_an_entry(provider, client):
    jane, joe = make_user(provider, "jane@x"), make_user(provider, "joe@x")
    operations = [
        {"method": "PATCH", "path": f"/Users/{jane.pk}", "data": {"Operations": [OFF]}},
        {"method": "PATCH", "path": f"/Users/{joe.pk}", "data": {"Operations": [RENAME | {"path": "userName", "value": "jane@x"}, OFF]}},
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "new@x"}},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": {"userName": "joe@x"}},
    ]  # fmt: skip
    assert client.post("/Bulk", {"Operations": operations}).status_code == 200
    own, *parts = rows()
    assert (own.action, own.outcome, own.part_of) == ("bulk", "success", None)
    assert all(row.part_of == own.pk for row in parts)
    new = SyncedUser.objects.get(user_name="new@x")
    assert [(row.action, row.outcome, row.resource_id) for row in parts] == [
        ("disable", "success", jane.pk),
        ("disable", "rejected", joe.pk),
        ("create", "success", new.pk),
        ("create", "rejected", None),
    ]
    assert all(row.request_body for row in parts)
    assert [bool(row.response_body) for row in parts] == [False, True, False, True]


def test_a_bulk_request_that_is_refused_as_a_whole_shows_its_operations(provider, client):
    person = make_user(provider)
    pause(provider)
    operation = {"method": "PATCH", "path": f"/Users/{person.pk}", "data": {"Operations": [OFF]}}
    assert client.post("/Bulk", {"Operations": [operation]}).status_code == 503
    assert [(row.action, row.outcome) for row in rows()] == [("bulk", "paused"), ("disable", "paused")]


def test_a_change_of_members_is_one_however_it_is_sent(provider, client):
    person, group = make_user(provider), make_group(provider, "Editors")
    members = {"op": "add", "path": "members", "value": [{"value": str(person.pk)}]}
    assert client.patch(f"/Groups/{group.pk}", members).status_code == 204
    assert last().action == "members"
    assert client.put(f"/Groups/{group.pk}", {"displayName": "Editors"}).status_code == 200
    assert last().action == "members"
    assert client.put(f"/Groups/{group.pk}", {"displayName": "Writers"}).status_code == 200
    assert last().action == "update"


def test_a_search_by_post_is_a_look_up(provider, client):
    assert client.post("/Users/.search", {"filter": 'userName eq "x"'}).status_code == 200
    assert last().action == "look-up"


def test_the_body_of_a_stranger_is_not_read(provider, client):
    person = make_user(provider)
    provider.tokens.update(revoked_at="2026-11-01T00:00Z")
    assert patch(client, person, OFF).status_code == 401
    assert (last().action, last().request_body) == ("update", "")


def test_a_refused_request_of_one_attribute_costs_no_query_more(provider, client):
    person = make_user(provider)
    pause(provider)
    client.get("/Users")
    with CaptureQueriesContext(connection) as queries:
        patch(client, person, OFF)
    assert len(queries) == 1  # the caller
    with CaptureQueriesContext(connection) as queries:
        patch(client, person, RENAME, OFF)
    assert len(queries) == 2  # and whether the user is active


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("name", ["password", "PASSWORD", "urn:ietf:params:scim:schemas:core:2.0:User:password"])
def test_v6_a_password_reaches_neither_the_log_nor_the_record(client, provider, method, name):
    person = make_user(provider)
    body = {"userName": "jane@x", name: "S3cret"}
    if method == "PATCH":
        body = {
            "Operations": [{"op": "add", "value": {name: "S3cret"}}, {"op": "add", "path": name, "value": "S3cret"}]
        }
    answer = client.request(method, "/Users" if method == "POST" else f"/Users/{person.pk}", body)
    assert "S3cret" not in answer.content.decode()
    assert "S3cret" not in repr([vars(row) for row in rows()]) + repr(list(ChangeEvent.objects.values()))
    assert "S3cret" not in repr(list(SyncedUser.objects.values()))


def test_l10_an_attribute_that_is_named_like_a_secret_is_hidden_in_the_log(client, provider):
    """A schema extension from before may have one: its values are in the resource, and in no log."""
    row = last_of(client, {"userName": "jane@x", "urn:x:User": {"apiToken": "S3cret", "wachtwoord": "S3cret"}})
    assert "S3cret" not in row.request_body + row.response_body + row.detail and "apiToken" in row.request_body


def last_of(client, body):
    client.post("/Users", body)
    return last()
