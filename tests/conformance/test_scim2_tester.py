"""scim2-tester, a judge that we did not write, against a live server; its client checks every answer strictly."""

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from providers.events import SYSTEM
from providers.schemas import add_schema
from tests.factories import issue, make_provider

# RFC 7643 §4.1.1 leaves the meaning of `active` to the server. Without it, a disabled user would be neither enabled nor
# disabled, so it stays as it was when it is removed, as RFC 7644 §3.5.1 allows for a PUT that omits it.
ON_PURPOSE = ["check_remove_attribute: PATCH modify() did not remove attribute 'active'"]


@pytest.mark.parametrize("is_strict", [False, True])
def test_scim2_tester_finds_no_error_but_one_on_purpose(server: str, committed: None, is_strict: bool):
    provider = make_provider(is_strict=is_strict)
    attributes = [{"name": "ward"}, {"name": "beds", "type": "integer"}, {"name": "onCall", "type": "boolean"}]
    add_schema(provider, {"id": "urn:example:care:1.0:User", "attributes": attributes}, SYSTEM)
    _, token = issue(provider)
    with Client(base_url=f"{server}/scim", headers={"Authorization": f"Bearer {token}"}) as http:
        scim = SyncSCIMClient(http)
        scim.discover()
        results = check_server(scim)
    bad = [
        f"{found.title}: {found.reason}" for found in results if found.status not in (Status.SUCCESS, Status.SKIPPED)
    ]
    assert bad == ON_PURPOSE
    assert not [found.title for found in results if found.status == Status.SKIPPED]
    assert sum(found.status == Status.SUCCESS for found in results) > 120
