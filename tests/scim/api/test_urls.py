"""Addresses: every form that is answered, and 404 for the others."""

import uuid

import pytest

from tests.factories import make_user


@pytest.mark.parametrize("base", ["", "/v2", "/"])
@pytest.mark.parametrize("end", ["", "/"])
def test_every_form_of_the_address(client, base, end):
    made = client.post(f"{base}/Users{end}", {"userName": "j"})
    assert made.status_code == 201
    assert (
        client.get(f"{base}/Users/{made.json()['id']}{end}")
        .json()["meta"]["location"]
        .startswith("http://127.0.0.1:8000/scim/Users/")
    )


@pytest.mark.parametrize(
    "path",
    ["/x", "/Users//1", "/Users/1/2", "/a//Users", "///Users", "/Users/../Groups", "/users", "/v3/Users", "/Users/%0a"],
)
def test_v16_any_other_address_is_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_405_names_what_is_possible(client):
    answer = client.request("PATCH", "/Users", {})
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, OPTIONS, POST"


ROUTES = {
    "": "GET, HEAD, OPTIONS", "/Users": "GET, HEAD, OPTIONS, POST", "/Users/{id}": "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
    "/Groups": "GET, HEAD, OPTIONS, POST", "/.search": "OPTIONS, POST", "/Users/.search": "OPTIONS, POST",
    "/Bulk": "OPTIONS, POST", "/ServiceProviderConfig": "GET, HEAD, OPTIONS", "/Schemas": "GET, HEAD, OPTIONS",
    "/ResourceTypes/User": "GET, HEAD, OPTIONS",
}  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_options_names_the_methods_and_head_answers_as_get_without_a_body(client, provider, route):
    path = route.format(id=make_user(provider).pk)
    asked = client.request("OPTIONS", path)
    assert (asked.status_code, asked.content) == (204, b"")
    assert ", ".join(sorted(asked["Allow"].split(", "))) == ROUTES[route]
    head = client.request("HEAD", path)
    if "HEAD" not in ROUTES[route]:
        assert head.status_code == 405
        return
    whole = client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Location"):
        assert head.headers.get(name) == whole.headers.get(name), name


def test_head_of_what_is_not_there_is_404(client):
    assert client.request("HEAD", f"/Users/{uuid.uuid4()}").status_code == 404
