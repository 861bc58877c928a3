"""scim2-tester, a judge that we did not write, against a live server; its client checks every answer strictly."""

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from providers.events import SYSTEM
from providers.schemas import add_schema
from tests.factories import issue, make_provider


@pytest.mark.parametrize("is_strict", [False, True])
def test_scim2_tester_finds_no_error(server: str, committed: None, is_strict: bool):
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
    assert bad == []
    assert not [found.title for found in results if found.status == Status.SKIPPED]
    assert sum(found.status == Status.SUCCESS for found in results) > 120
