"""Bulk (RFC 7644 §3.7)."""

import time
import uuid

import pytest

from providers.models import ChangeEvent, Membership, RequestLog, SyncedGroup, SyncedUser
from providers.request_log import writer
from scim.api.bulk import BulkView
from scim.protocol.attributes import ENTERPRISE_USER
from scim.store.answers import Answer
from tests.factories import make_group, make_user

SCHEMA = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
MANAGER = f"{ENTERPRISE_USER}:manager"


def bulk(client, *operations, **more):
    answer = client.post("/Bulk", {"schemas": [SCHEMA], "Operations": list(operations), **more})
    assert answer.status_code == 200, answer.content
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    return answer.json()["Operations"]


def user(bulk_id, **attributes):
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"userName": f"{bulk_id}@x", **attributes}}


def group(bulk_id, *members, **attributes):
    data = {"displayName": bulk_id, "members": [{"value": member} for member in members], **attributes}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def statuses(results):
    return [one["status"] for one in results]


def members_of(name):
    ids = Membership.objects.filter(group__display_name=name, left_at=None).values_list("member_id", flat=True)
    return {one.label for model in (SyncedUser, SyncedGroup) for one in model.objects.filter(pk__in=ids)}


@pytest.mark.smoke
def test_each_method_answers_as_its_single_request_would(client, provider):
    one, two, three = (make_user(provider, name) for name in ("one", "two", "three"))
    results = bulk(
        client,
        user("new"),
        {"method": "PUT", "path": f"/Users/{one.pk}", "data": {"userName": "uno"}},
        {
            "method": "patch",
            "path": f"/v2/Users/{two.pk}",
            "version": 'W/"1"',
            "data": {"Operations": [{"op": "replace", "path": "title", "value": "Nurse"}]},
        },
        {"method": "DELETE", "path": f"/Users/{three.pk}"},
    )
    assert statuses(results) == ["201", "200", "200", "204"]
    assert results[0]["bulkId"] == "new"
    assert (
        results[0]["location"]
        == client.get("/Users", filter='userName eq "new@x"').json()["Resources"][0]["meta"]["location"]
    )
    assert [one.get("version") for one in results] == ['W/"1"', 'W/"2"', 'W/"2"', None]
    assert "response" not in results[0]
    assert client.get(f"/Users/{two.pk}").json()["title"] == "Nurse"
    assert client.get(f"/Users/{three.pk}").status_code == 404


def test_references_forward_backward_and_in_paths(client):
    results = bulk(
        client,
        group("G", "bulkId:a", "bulkId:b"),
        user("a"),
        {"method": "PATCH", "path": "/Groups/bulkId:G", "data": {"Operations": [{"op": "remove", "path": 'members[value eq "bulkId:a"]'}]}},
        user("b", **{ENTERPRISE_USER: {"manager": {"value": "bulkId:a"}}}),
        {"method": "PATCH", "path": "/Users/bulkId:a", "data": {"Operations": [{"op": "add", "path": f"{MANAGER}.value", "value": "bulkId:b"}]}},
    )  # fmt: skip
    assert statuses(results) == ["201", "201", "200", "201", "200"]
    assert members_of("G") == {"b@x"}
    ids = {one.user_name: str(one.pk) for one in SyncedUser.objects.all()}
    for name, manager in (("a@x", "b@x"), ("b@x", "a@x")):
        held = client.get(f"/Users/{ids[name]}").json()[ENTERPRISE_USER]["manager"]
        assert held["value"] == ids[manager]


@pytest.mark.parametrize("bare", [True, False])
def test_circles_are_made_without_and_then_completed(client, bare):
    def manager(bulk_id):
        return {ENTERPRISE_USER: {"manager": f"bulkId:{bulk_id}" if bare else {"value": f"bulkId:{bulk_id}"}}}

    results = bulk(
        client,
        group("G1", "bulkId:G2", "bulkId:u"),
        group("G2", "bulkId:G1"),
        user("u", **manager("v")),
        user("v", **manager("w")),
        user("w", **manager("u")),
    )
    assert statuses(results) == ["201"] * 5
    assert members_of("G1") == {"G2", "u@x"}
    assert members_of("G2") == {"G1"}
    ids = {one.user_name[0]: str(one.pk) for one in SyncedUser.objects.all()}
    for name, boss in ("uv", "vw", "wu"):
        assert client.get(f"/Users/{ids[name]}").json()[ENTERPRISE_USER]["manager"]["value"] == ids[boss]


def test_v42_bulk_ids_are_found_in_references_only_and_as_wholes(client):
    results = bulk(
        client,
        user("u1", title="bulkId:u10", nickName="see bulkId:u1", emails=[{"value": "bulkId:u10", "type": "work"}]),
        user("u10"),
        group("G", "bulkId:u1"),
        group("H", "bulkId:u10"),
    )
    assert statuses(results) == ["201"] * 4
    first = client.get("/Users", filter='userName eq "u1@x"').json()["Resources"][0]
    assert (first["title"], first["nickName"]) == ("bulkId:u10", "see bulkId:u1")
    assert first["emails"][0]["value"] == "bulkId:u10"
    assert (members_of("G"), members_of("H")) == ({"u1@x"}, {"u10@x"})


def test_what_refers_to_a_failure_fails_and_the_others_go_on(client, provider):
    make_user(provider, "taken@x")
    results = bulk(client, user("taken"), group("G", "bulkId:taken"), user("fine"), group("H", "bulkId:nowhere"))
    assert statuses(results) == ["409", "409", "201", "409"]
    assert results[0]["response"]["scimType"] == "uniqueness"
    assert '"taken"' in results[1]["response"]["detail"]
    assert "location" not in results[0]
    assert not SyncedGroup.objects.exists()


def test_fail_on_errors_stops_and_leaves_the_rest_unanswered(client):
    bad = {"method": "DELETE", "path": "/Users/00000000-0000-7000-8000-000000000000"}
    assert statuses(bulk(client, user("a"), bad, user("b"), bad, user("c"), failOnErrors=2)) == [
        "201",
        "404",
        "201",
        "404",
    ]
    assert statuses(bulk(client, bad, user("d"), failOnErrors=1)) == ["404"]
    assert statuses(bulk(client, user("e"), {"method": "GET"}, user("f"), failOnErrors=1)) == ["201", "400"]
    assert not SyncedUser.objects.filter(user_name__in=["c@x", "d@x", "f@x"]).exists()


def test_a_version_that_is_no_longer_is_412(client, provider):
    one = make_user(provider, "one")
    results = bulk(
        client,
        {"method": "PUT", "path": f"/Users/{one.pk}", "version": 'W/"7"', "data": {"userName": "uno"}},
        {"method": "DELETE", "path": f"/Users/{one.pk}", "version": 'W/"1"'},
    )
    assert statuses(results) == ["412", "204"]


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"method": "GET", "path": "/Users"}, "invalidSyntax"),
        ({"method": "POST", "path": "/Bulk", "bulkId": "x"}, "invalidPath"),
        ({"method": "POST", "path": "/Users/.search", "bulkId": "x"}, "invalidPath"),
        ({"method": "POST", "path": "/Users"}, "invalidValue"),
        ({"method": "DELETE", "path": "/Users"}, "invalidPath"),
        ({"method": "DELETE", "path": 5}, "invalidSyntax"),
        ({"method": "DELETE", "path": "/Users/a/b"}, "invalidPath"),
        ({"method": "POST", "path": "/Users", "bulkId": "x"}, "invalidSyntax"),
        ({"method": "POST", "path": "/Users", "bulkId": "x", "data": ["bulkId:x"]}, "invalidSyntax"),
    ],
)
def test_v40_what_cannot_be_an_operation_is_its_own_400(client, operation, scim_type):
    (result,) = bulk(client, operation)
    assert (result["status"], result["response"]["scimType"]) == ("400", scim_type)
    assert {name: result[name] for name in ("method", "bulkId") if name in result} == {
        name: operation[name] for name in ("method", "bulkId") if name in operation
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"Operations": [5]}, 400),
        ({"Operations": [], "failOnErrors": 0}, 400),
        ({"Operations": [user("a"), user("a")]}, 400),
        ({"Operations": [user(str(number)) for number in range(1_001)]}, 413),
    ],
)
def test_v40_a_bulk_that_is_none_changes_nothing(client, body, status):
    assert client.post("/Bulk", body).status_code == status
    assert not SyncedUser.objects.exists()


def test_v15_foreign_resources_are_not_there(client, stranger):
    foreign = make_user(stranger, "foreign")
    results = bulk(client, {"method": "DELETE", "path": f"/Users/{foreign.pk}"}, group("G", str(foreign.pk)))
    assert statuses(results) == ["404", "400"]


def test_v64_a_thousand_that_refer_to_one_another_are_done_at_once(client):
    started = time.process_time()
    (result,) = bulk(client, group("G", "bulkId:G"))
    assert result["status"] == "400"
    assert result["location"].endswith(str(SyncedGroup.objects.get().pk))
    chain = [group(f"g{number}", f"bulkId:g{number + 1}") for number in range(300)]
    assert set(statuses(bulk(client, *chain, group("g300", "bulkId:g0")))) == {"201"}
    # The time of this process alone: what the database and other processes take is not what could hang.
    assert time.process_time() - started < 2


def test_v64_the_order_of_a_thousand_takes_no_time(client, monkeypatch):
    """Nothing is performed here: what is left is finding out which operation is next."""
    monkeypatch.setattr(BulkView, "_perform", lambda *_: Answer(str(uuid.uuid4()), "", b""))
    circle = [group(f"g{number}", f"bulkId:g{(number + 1) % 1_000}") for number in range(1_000)]
    started = time.process_time()
    assert set(statuses(bulk(client, *circle))) == {"201"}
    assert time.process_time() - started < 2


def test_each_operation_leaves_its_event_and_the_request_one_row(client, provider):
    make_group(provider, "Ward")
    before = ChangeEvent.objects.count()
    bulk(client, user("a", password="S3cret-word", nonsense=1), user("b"))
    events = list(ChangeEvent.objects.order_by("id"))[before:]
    assert [event.subject for event in events] == ["a@x", "b@x"]
    writer.flush()
    row = RequestLog.objects.get(path="/scim/Bulk")
    assert {event.request_id for event in events} == {row.id}
    assert "S3cret" not in row.request_body
    assert row.ignored == ["nonsense"]
