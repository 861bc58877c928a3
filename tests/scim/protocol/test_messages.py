"""Messages and discovery documents."""

import json

from scim.protocol.attributes import GROUP, USER
from scim.protocol.messages import (
    list_of_documents,
    list_response,
    resource_type_document,
    schema_document,
    service_provider_config,
)
from scim.protocol.policy import Policy


def test_a_page_by_index_has_a_start_index_and_no_cursor():
    page = json.loads(list_response([b'{"id":"1"}', b'{"id":"2"}'], 7, 3))
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (7, 3, 2)
    assert [one["id"] for one in page["Resources"]] == ["1", "2"]
    assert page.keys().isdisjoint({"nextCursor", "previousCursor"})


def test_a_page_by_cursor_has_the_cursors_that_there_are():
    page = json.loads(list_response([], 7, next_cursor="n"))
    assert "startIndex" not in page
    assert (page["nextCursor"], page.get("previousCursor"), page["Resources"]) == ("n", None, [])


def test_documents_are_listed_whole():
    page = json.loads(list_of_documents([{"id": "a"}]))
    assert (page["totalResults"], page["startIndex"], page["Resources"]) == (1, 1, [{"id": "a"}])


def test_what_the_server_promises_is_what_its_policy_allows():
    config, policy = service_provider_config("https://x/scim", [{"type": "oauthbearertoken"}], 16), Policy()
    assert config["bulk"] == {"supported": True, "maxOperations": policy.max_bulk_operations, "maxPayloadSize": 16}
    assert config["filter"]["maxResults"] == config["pagination"]["maxPageSize"] == policy.max_count
    assert config["meta"]["location"] == "https://x/scim/ServiceProviderConfig"


def test_types_and_schemas_are_found_under_the_base():
    assert resource_type_document(GROUP, "https://x/scim")["schemaExtensions"] == []
    assert resource_type_document(USER, "https://x/scim")["meta"]["location"] == "https://x/scim/ResourceTypes/User"
    document = schema_document(USER.schema, "https://x/scim")
    assert document["meta"]["location"] == f"https://x/scim/Schemas/{USER.schema.id}"
    assert "meta" not in USER.schema.document, "the document that validates stays as it is"
