"""/ServiceProviderConfig, /ResourceTypes, /Schemas (RFC 7644 §4)."""

import json
from pathlib import Path

import pytest

from scim.protocol.attributes import ENTERPRISE_USER, SCHEMAS

FOLDER = Path(__file__).resolve().parents[3] / "scim" / "protocol" / "schemas"


def test_what_is_advertised_is_what_validates(client):
    listed = client.get("/Schemas").json()
    assert listed["totalResults"] == 3
    files = [json.loads(path.read_text()) for path in FOLDER.glob("*.json") if path.stem != "common"]
    for document in files:
        (shown,) = [one for one in listed["Resources"] if one["id"] == document["id"]]
        assert shown["attributes"] == document["attributes"]
        assert client.get(f"/Schemas/{document['id']}").json() == shown
    assert {schema.id for schema in SCHEMAS} == {document["id"] for document in files}


def test_every_attribute_states_its_characteristics():
    wanted = {"name", "type", "multiValued", "description", "required", "mutability", "returned", "uniqueness"}
    for path in FOLDER.glob("*.json"):
        for attribute in json.loads(path.read_text())["attributes"]:
            for one in [attribute, *attribute.get("subAttributes", ())]:
                assert wanted <= one.keys(), (path.name, one["name"])


def test_resource_types(client):
    listed = client.get("/ResourceTypes").json()
    assert [one["id"] for one in listed["Resources"]] == ["User", "Group"]
    user = client.get("/ResourceTypes/User").json()
    assert user["schemaExtensions"] == [{"schema": ENTERPRISE_USER, "required": False}]
    assert user["meta"]["location"] == "http://127.0.0.1:8000/scim/ResourceTypes/User"


def test_service_provider_config_promises_what_is_there(client):
    config = client.get("/ServiceProviderConfig").json()
    supported = {name for name, part in config.items() if isinstance(part, dict) and part.get("supported")}
    assert supported == {"patch", "bulk", "filter", "sort", "etag"}
    assert config["pagination"]["cursor"] is config["pagination"]["index"] is True
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_me_is_501_as_a_token_is_nobodys(client, method):
    answer = client.request(method, "/Me", {})
    assert answer.status_code == 501
    assert "/Users" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/Schemas", "/ResourceTypes", "/Schemas/x"])
def test_a_filter_on_discovery_is_403(client, path):
    assert client.get(path, filter='id eq "x"').status_code == 403


def test_unknown_documents_are_404_and_writes_405(client):
    assert client.get("/Schemas/urn:x").status_code == 404
    assert client.get("/ResourceTypes/Device").status_code == 404
    assert client.post("/Schemas", {}).status_code == 405
    assert client.delete("/ServiceProviderConfig").status_code == 405
