"""What only a real server shows: raw addresses, chunked and huge bodies, several workers."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from django.db import connection

from providers.events import SYSTEM
from providers.tokens import revoke_token
from tests.conformance.replay import send
from tests.factories import issue, make_provider
from tests.scim.store.plans import fill_users


@pytest.fixture
def caller(server, committed):
    token, value = issue(make_provider())
    return f"{server}/scim", {"Authorization": f"Bearer {value}", "Content-Type": "application/scim+json"}, token


@pytest.mark.parametrize(
    "path", ["/v2/x%2f..%2fUsers", "/Users%2fx", "/Users/%2e%2e/Groups", "/Users/..%5cGroups", "/Users/a%2Fb"]
)
def test_v16_encoded_slashes_and_dots_are_404_after_authentication(caller, path):
    base, headers, _ = caller
    assert send(base, "GET", path, headers, None).status == 404
    assert send(base, "GET", path, {}, None).status == 401


LIVE = [
    "/Users%2f{id}", "/Users%2F{id}", "/Users%5c{id}", "/Users%5C{id}", "/v2%2fUsers/{id}", "/v2/Users%2f{id}", "/Users%252f{id}",
    "/Users/%2e/{id}", "/Users/./{id}", "/Users/x/../{id}", "/Users/x/%2e%2e/{id}", "/Users/x%2f..%2f{id}", "/Users//{id}",
    "/Groups/../Users/{id}", "/users/{id}", "/USERS/{id}", "/Users/{id}%2f", "/Users/{id}/x", "/Users/{id}%00", "/Users;x/{id}",
]  # fmt: skip


@pytest.mark.parametrize("path", LIVE)
def test_v16_no_trick_in_a_path_leads_to_a_user_that_exists(caller, path):
    base, headers, _ = caller
    made = send(base, "POST", "/Users", headers, json.dumps({"userName": f"live {path}"}).encode()).json["id"]
    for method in ("GET", "PATCH", "DELETE"):
        answer = send(base, method, path.format(id=made), headers, b'{"Operations": []}' if method == "PATCH" else None)
        assert answer.status == 404, method
    assert send(base, "GET", f"/Users/{made}", headers, None).status == 200
    assert send(base, "GET", f"//Users/{made}", headers, None).status == 200, "Entra's form invites this one"
    assert send(base, "GET", path.format(id=made), {}, None).status == 401


def test_a_chunked_body_is_read(caller):
    base, headers, _ = caller
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    body = json.dumps({"userName": "chunked"}).encode()
    connection.request("POST", "/scim/Users", iter([body[:5], body[5:]]), headers, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 201
    assert json.load(answer)["userName"] == "chunked"
    connection.close()


@pytest.mark.parametrize("size", [17_000_000, 40_000_000])
def test_v39_v65_a_huge_body_gets_to_see_its_413(caller, size):
    base, headers, _ = caller
    answer = send(base, "POST", "/Users", headers, b'{"userName":"' + b"x" * size + b'"}')
    assert (answer.status, answer.json["status"]) == (413, "413")


def test_a_group_of_100_000_members_can_be_put(caller):
    base, headers, token = caller
    ids = fill_users(token.provider_id, 100_000)
    group = send(base, "POST", "/Groups", headers, b'{"displayName":"All"}').json["id"]
    members = [{"value": one, "type": "User"} for one in ids]
    body = json.dumps({"displayName": "All", "members": members}).encode()
    answer = send(base, "PUT", f"/Groups/{group}?excludedAttributes=members", headers, body)
    assert answer.status == 200
    whole = send(base, "GET", f"/Groups/{group}", headers, None).json
    assert len(whole["members"]) == 100_000
    assert send(base, "DELETE", f"/Groups/{group}", headers, None).status == 204
    with connection.cursor() as cursor:  # the ORM would load each user first
        for table in ("providers_membership", "providers_resource"):
            cursor.execute(f"DELETE FROM {table} WHERE provider_id = %s", [token.provider_id])


def test_v26_a_revoked_token_is_refused_by_every_worker(caller):
    base, headers, token = caller
    assert {send(base, "GET", "/Users", headers, None).status for _ in range(6)} == {200}
    revoke_token(token, SYSTEM)
    assert {send(base, "GET", "/Users", headers, None).status for _ in range(6)} == {401}


def test_no_client_header_is_needed_and_none_decides(caller):
    base, headers, _ = caller
    bare = {"Authorization": headers["Authorization"]}
    for accept in ({}, {"Accept": "text/html"}, {"Accept": "application/json"}, {"Accept": "nonsense"}):
        answer = send(base, "GET", "/Users", bare | accept, None)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/scim+json")
        assert answer.headers["x-request-id"]


def test_healthz_needs_no_sign_in_and_names_nobody(server):
    answer = send(server, "GET", "/healthz", {}, None)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("path", "headers"), [("/Users?filter=" + "a" * 9_000, {}), ("/Users", {"X-Long": "x" * 70_000})]
)
def test_what_gunicorn_refuses_is_a_scim_error_too(caller, path, headers):
    base, authorized, _ = caller
    answer = send(base, "GET", path, authorized | headers, None)
    assert answer.status in (414, 431)
    assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.headers["x-request-id"]


def test_a_base_in_capitals_is_told_so(caller):
    base, headers, _ = caller
    base = base.removesuffix("/scim")
    assert send(base, "GET", "/SCIM/Users", {}, None).status == 401
    assert "in lower case" in send(base, "GET", "/SCIM/Users", headers, None).json["detail"]
