"""Bulk requests read (RFC 7644 §3.7), and what bulkIds stand for."""

import pytest

from scim.clients import LIBERAL
from scim.protocol.attributes import RESOURCE_TYPES, USER
from scim.protocol.bulk import (
    BulkOperation,
    RefusedOperation,
    locate,
    read_bulk,
    references,
    resolving,
    without_references,
)
from scim.protocol.errors import Reason, ScimError
from scim.protocol.policy import Policy


def operation(data=None, resource_id="", method="POST", bulk_id="a"):
    return BulkOperation(method, bulk_id, "", USER, resource_id, data)


def read(*operations, **more):
    return read_bulk({"Operations": list(operations)} | more, RESOURCE_TYPES, LIBERAL)


def test_operations_are_read_in_any_case_and_form_of_the_address():
    sent = {"METHOD": "post", "Path": "/v2/Users", "bulkID": "a", "data": {"userName": "x"}}
    (one, two), stop_after = read(sent, {"method": "DELETE", "path": "/Groups/7", "version": 'W/"1"'}, failOnErrors=3)
    assert one == operation({"userName": "x"})
    assert (two.resource_type.name, two.resource_id, two.version, stop_after) == ("Group", "7", 'W/"1"', 3)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"method": "GET", "path": "/Users"}, Reason.INVALID_SYNTAX),
        ({"method": "POST", "path": 7, "bulkId": "a"}, Reason.INVALID_SYNTAX),
        ({"method": "POST", "path": "/Users"}, Reason.INVALID_VALUE),
        ({"method": "POST", "path": "/Users/7", "bulkId": "a"}, Reason.INVALID_PATH),
        ({"method": "PATCH", "path": "/Users"}, Reason.INVALID_PATH),
        ({"method": "PATCH", "path": "/Me"}, Reason.INVALID_PATH),
    ],
)
def test_an_operation_that_cannot_be_one_is_refused_alone(sent, reason):
    (one, other), _ = read(sent, {"method": "DELETE", "path": "/Users/7"})
    assert isinstance(one, RefusedOperation) and isinstance(other, BulkOperation)
    assert (one.error.reason, one.method) == (reason, sent["method"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], Reason.INVALID_SYNTAX),
        ({"Operations": ["x"]}, Reason.INVALID_SYNTAX),
        ({"Operations": [], "failOnErrors": 0}, Reason.INVALID_VALUE),
        ({"Operations": [], "failOnErrors": True}, Reason.INVALID_VALUE),
        ({"Operations": [{"method": "POST", "path": "/Users", "bulkId": "a"}] * 2}, Reason.INVALID_VALUE),
        ({"Operations": [{}] * 1_001}, Reason.BULK_TOO_LONG),
    ],
)
def test_a_request_that_is_none_is_refused_as_a_whole(body, reason):
    with pytest.raises(ScimError) as refused:
        read_bulk(body, RESOURCE_TYPES, LIBERAL)
    assert refused.value.reason == reason


def test_an_operation_waits_for_what_it_refers_to():
    data = {"members": [{"value": "bulkId:b"}], "path": 'members[value eq "bulkId:c"]', "title": "no bulkId"}
    assert references(operation(data, resource_id="bulkId:d")) == {"b", "c", "d"}
    assert references(operation()) == set()


def test_in_a_circle_what_refers_is_added_later():
    sent = operation({"displayName": "x", "members": [{"value": "bulkId:b"}], "emails": [{"value": "bulkId:other"}]})
    now, later = without_references(sent, {"b"})
    assert now.data.keys() == {"displayName", "emails"}
    assert later == {"members": [{"value": "bulkId:b"}]}


def test_v42_a_bulk_id_stands_for_an_id_only_where_the_schema_has_one():
    locations = {"a": "https://x/scim/Users/1"}
    policy = resolving(Policy(), locations)
    members = RESOURCE_TYPES[1].core["members"].subs
    assert policy.usual_value(members["value"], "bulkId:a") == "1"
    assert policy.usual_value(members["$ref"], "bulkId:a") == "https://x/scim/Users/1"
    assert policy.usual_value(USER.core["title"], "bulkId:a") == "bulkId:a"
    locations["b"] = "https://x/scim/Users/2"
    assert policy.usual_value(members["value"], "bulkId:b") == "2", "what was made meanwhile is known"


def test_a_bulk_id_that_nothing_was_made_for_is_409():
    with pytest.raises(ScimError) as refused:
        locate("bulkId:z", {})
    assert (refused.value.status, refused.value.reason) == (409, Reason.BULK_ID_UNRESOLVED)
