"""Bodies and query strings as they come."""

import gzip
import json
import uuid

import pytest

from providers.models import Resource
from scim.api import parsers
from scim.protocol.attributes import ENTERPRISE_USER
from tests.factories import make_group, make_user


@pytest.mark.parametrize(
    "body",
    [
        b'{"userName": "a", "userName": "b"}',
        b'{"userName": "a", "name": {"givenName": "x", "given\\u004eame": "y"}}',
        b'{"userName": "a", "emails": [{"value": "x", "value": "y"}]}',
        b'{"userName" : "a", "userName"\n: "a"}',
    ],
)
def test_v57_a_name_given_twice_is_refused(client, body):
    answer = client.post("/Users", body)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
    assert "twice" in answer.json()["detail"]


TWICE = [
    ("POST", "/Users", b'{"userName": "a", "USERNAME": "b"}'),
    ("POST", "/Users", b'{"userName": "a", "user\\u004eame": "b", "username": "c"}'),
    ("POST", "/Users", b'{"userName": "a", "schemas": [], "Schemas": []}'),
    ("POST", "/Users", b'{"userName": "a", "emails": [{"value": "x"}, {"value": "y", "Value": "z"}]}'),
    ("POST", "/Users", b'{"userName": "a", "emails": [{"value": "x"}, {"Value": "y", "VALUE": "z"}]}'),
    ("POST", "/Users", f'{{"userName": "a", "{ENTERPRISE_USER}": {{}}, "{ENTERPRISE_USER.upper()}": {{}}}}'.encode()),
    ("POST", "/Users", b'{"userName": "a", "unknown": {"x": {"y": 1, "Y": 2}}}'),
    ("POST", "/Groups", b'{"displayName": "a", "members": [], "Members": []}'),
    ("PUT", "/Users/{id}", b'{"userName": "a", "USERNAME": "b"}'),
    ("PUT", "/Users/{id}", b'{"userName": "a", "active": false, "Active": true}'),
    ("PATCH", "/Users/{id}", b'{"Operations": [], "operations": []}'),
    ("PATCH", "/Users/{id}", b'{"Operations": [{"op": "remove", "Op": "add", "path": "title", "value": "x"}]}'),
    ("PATCH", "/Users/{id}", b'{"Operations": [{"op": "add", "path": "title", "Path": "nickName", "value": "x"}]}'),
    ("PATCH", "/Users/{id}", b'{"Operations": [{"op": "add", "value": {"title": "x"}, "VALUE": {"title": "y"}}]}'),
    ("PATCH", "/Users/{id}", b'{"Operations": [{"op": "add", "value": {"title": "x", "Title": "y"}}]}'),
    ("POST", "/Bulk", b'{"Operations": [{"method": "POST", "Method": "DELETE", "path": "/Users", "bulkId": "1"}]}'),
    ("POST", "/Bulk", b'{"Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "x"},'
     b' "DATA": {"userName": "y"}}]}'),
    ("POST", "/Bulk", b'{"Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "x",'
     b' "username": "y"}}]}'),
    ("POST", "/.search", b'{"filter": "title pr", "Filter": "userName pr"}'),
    ("POST", "/Users/.search", b'{"count": 1, "COUNT": 2}'),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), TWICE)
def test_l3_v57_a_name_given_twice_in_another_case_is_refused(client, provider, method, path, body):
    person = make_user(provider, "jane@x")
    answer = client.request(method, path.format(id=person.pk), body)
    assert (answer.status_code, answer.json().get("scimType")) == (400, "invalidSyntax"), answer.content
    assert "twice" in answer.json()["detail"] and "an attribute twice" not in answer.json()["detail"]
    assert list(Resource.objects.values_list("user_name", "version")) == [("jane@x", 1)]


def test_l3_two_spellings_in_two_objects_are_no_name_given_twice(client):
    body = {"userName": "a", "Title": "x", "emails": [{"value": "x", "type": "work"}, {"Value": "y", "TYPE": "home"}]}
    assert client.post("/Users", body).status_code == 201


@pytest.mark.parametrize("text", ['[{"value": "x", "VALUE": "y"}]', '[{"value": "x", "value": "y"}]'])
def test_l3_a_name_given_twice_in_json_inside_text_is_refused(client, text):
    assert client.post("/Users", {"userName": "a", "emails": text}).status_code == 400
    assert not Resource.objects.exists()


def test_v57_bom_and_nan_are_refused_and_colons_in_text_are_none(client):
    assert client.post("/Users", b'\xef\xbb\xbf{"userName":"a"}').json()["scimType"] == "invalidSyntax"
    assert client.post("/Users", b'{"userName":NaN}').json()["scimType"] == "invalidSyntax"
    body = {"userName": 'a": "b', "title": ":", "nickName": '\\":', "displayName": '","', "x:y": [":", {"\\": 1}]}
    assert client.post("/Users", json.dumps(body).encode()).status_code == 201


@pytest.mark.parametrize(
    ("body", "content_type", "status", "scim_type"),
    [
        (b"{", "application/scim+json", 400, "invalidSyntax"),
        (b"", "application/json", 400, "invalidSyntax"),
        (b"[]", "application/json", 400, "invalidSyntax"),
        (b'{"userName":NaN}', "application/json", 400, "invalidSyntax"),
        (b'\xef\xbb\xbf{"userName":"x"}', "application/json", 400, "invalidSyntax"),
        (b'{"userName":"\xff"}', "application/json", 400, "invalidSyntax"),
        (b"[" * 5_000 + b"]" * 5_000, "application/json", 400, "invalidSyntax"),
        (b'{"userName":"x"}', "text/plain", 415, None),
        (b'{"userName":"x"}', "application/json; charset=latin-1", 415, None),
        (b'{"userName":"x"}', "application/scim+json; charset=utf-8", 201, None),
        (b'{"userName":"x"}', "APPLICATION/JSON", 201, None),
        (b'{"userName":"x"}', "", 201, None),
    ],
)
def test_v57_bodies(client, body, content_type, status, scim_type):
    answer = client.post("/Users", body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.content
    assert answer.json().get("scimType") == scim_type


def test_v39_a_body_over_16_mib_is_413_and_one_below_is_read(client, provider):
    big = b'{"userName":"x","title":"' + b"x" * 17_000_000 + b'"}'
    assert client.post("/Users", big).status_code == 413
    group = make_group(provider, "Care")
    members = json.dumps(
        {"displayName": "Care", "members": [{"value": str(uuid.uuid4())} for _ in range(100_000)]}
    ).encode()
    answer = client.put(f"/Groups/{group.pk}", members)
    assert answer.status_code == 400, "read, and refused for its unknown members only"
    assert "99980 more" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["aadOptscim062020", "aadOptscim062020&count=1", "&", "filter=userName+eq+%22x%22&", "filter="]
)
def test_query_strings_as_they_come(client, query):
    assert client.get(f"/Users?{query}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"userName": "x", "externalId": "ｘ" * 1_990},
        {"userName": "x", "externalId": "x" + "\U000e0041" * 3_000},
        {
            "userName": "x",
            "nickName": "y" * 131_000,
            "entitlements": [{"value": f"{n}" + "z" * 131_000} for n in range(9)],
        },
        {"userName": "x", "roles": [{"value": str(number)} for number in range(501)]},
    ],
)
def test_v39_what_is_too_large_is_400_and_not_5xx(client, body):
    assert client.post("/Users", body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"userName": "x", ENTERPRISE_USER: []},
        {"userName": "x", "displayName": " ", "externalId": " "},
        {"userName": "x", "x509Certificates": [{"value": "AAAA\nAAAA\n"}]},
    ],
)
def test_harmless_oddities_are_taken(client, body):
    assert client.post("/Users", body).status_code == 201


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity", "identity, identity"])
def test_an_encoding_that_changes_nothing_is_no_reason_to_refuse(client, encoding):
    answer = client.post("/Users", {"userName": "x"}, headers={"Content-Encoding": encoding})
    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_415_of_an_encoded_body_says_what_to_leave_out(client, encoding):
    body = gzip.compress(b'{"userName": "x"}')
    answer = client.post("/Users", body, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer["Accept-Encoding"]) == (415, "identity")
    assert f'Content-Encoding "{encoding}"' in answer.json()["detail"]
    assert "without that header" in answer.json()["detail"] and "Content-Type" not in answer.json()["detail"]


def test_v39_the_log_keeps_no_long_list_of_a_large_body(client, provider, monkeypatch):
    monkeypatch.setattr(parsers, "_LARGE", 10)
    group = make_group(provider, "Care")
    members = [{"value": str(uuid.uuid4())} for _ in range(3_000)]
    put = client.put(f"/Groups/{group.pk}", {"displayName": "Care", "members": members, "externalId": "x"})
    document = put.wsgi_request.scim_document
    assert document == {"displayName": "Care", "members": members[:2_500], "externalId": "x"}
    patch = client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": members})
    (operation,) = patch.wsgi_request.scim_document["Operations"]
    assert operation == {"op": "add", "path": "members", "value": members[:2_500]}
    assert "2980 more" in put.json()["detail"] and "2980 more" in patch.json()["detail"], "all were read"
