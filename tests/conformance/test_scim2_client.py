"""scim2-client as an application uses it: it checks every answer against the schemas that the server serves."""

import json

import pytest
from django.core.management import call_command
from httpx2 import Client
from scim2_client import SCIMClientException
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Error, PatchOp, PatchOperation, SCIMException, SearchRequest

from tests.factories import issue, make_provider


@pytest.fixture(params=[False, True], ids=["liberal", "strict"])
def scim(request, server, committed, tmp_path):
    """A client that knows the server from its own discovery, with a schema extension of the provider's."""
    provider = make_provider(is_strict=request.param)
    file = tmp_path / "care.json"
    attributes = [{"name": "ward"}, {"name": "beds", "type": "integer"}, {"name": "skills", "multiValued": True}]
    file.write_text(json.dumps({"id": "urn:example:care:1.0:User", "name": "Care", "attributes": attributes}))
    call_command("add_schema", str(provider.pk), str(file))
    _, token = issue(provider)
    with Client(base_url=f"{server}/scim", headers={"Authorization": f"Bearer {token}"}) as http:
        client = SyncSCIMClient(http)
        client.discover()
        yield client


@pytest.fixture
def models(scim):
    user, group = scim.get_resource_model("User"), scim.get_resource_model("Group")
    extensions = user.get_extension_models()
    return user, group, extensions


def test_a_life_of_a_user_and_a_group(scim, models):
    user_model, group_model, extensions = models
    assert set(extensions) == {
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:example:care:1.0:User",
    }
    care = extensions["urn:example:care:1.0:User"]
    jane = user_model(user_name="jane@example.com", display_name="Jane", emails=[{"value": "j@x", "type": "work"}])
    jane[care] = care(ward="North", beds=3, skills=["triage"])
    jane = scim.create(jane)
    assert (jane.active, jane[care].ward, jane[care].skills) == (True, "North", ["triage"])
    assert scim.query(user_model, jane.id) == jane

    jane.title = "Nurse"
    jane = scim.replace(jane)
    assert jane.title == "Nurse"
    patch = PatchOp[user_model](operations=[PatchOperation(op="replace", path="active", value=False)])
    assert scim.modify(user_model, jane.id, patch).active is False

    ward = scim.create(group_model(display_name="Ward", members=[{"value": jane.id, "type": "User"}]))
    assert [member.value for member in ward.members] == [jane.id]
    assert scim.query(user_model, jane.id).groups[0].display == "Ward"
    patch = PatchOp[group_model](operations=[PatchOperation(op="remove", path=f'members[value eq "{jane.id}"]')])
    scim.modify(group_model, ward.id, patch)
    assert not scim.query(group_model, ward.id).members
    assert scim.delete(group_model, ward.id) is None
    assert scim.delete(user_model, jane.id) is None
    with pytest.raises((SCIMClientException, SCIMException)):
        scim.query(user_model, jane.id)


def test_lists_pages_and_searches(scim, models):
    user_model, group_model, _ = models
    for number in range(5):
        scim.create(user_model(user_name=f"user{number}", title="Nurse" if number % 2 else "Porter"))
    scim.create(group_model(display_name="Ward"))
    nurses = SearchRequest(filter='title eq "nurse"', sort_by="userName", sort_order="descending")
    found = scim.query(user_model, query_parameters=nurses)
    assert [one.user_name for one in found.resources] == ["user3", "user1"]
    page = scim.query(user_model, query_parameters=SearchRequest(start_index=2, count=2))
    assert (page.total_results, page.start_index, page.items_per_page) == (5, 2, 2)
    walked, cursor = [], ""
    while cursor is not None:
        page = scim.query(user_model, query_parameters=SearchRequest(cursor=cursor, count=2))
        walked += [one.user_name for one in page.resources]
        cursor = page.next_cursor
    assert walked == [f"user{number}" for number in range(5)]
    everything = scim.search(SearchRequest(filter='userName eq "user2" or displayName eq "ward"'))
    assert [type(one) for one in everything.resources] == [group_model, user_model]
    named = scim.query(user_model, query_parameters=SearchRequest(attributes=["userName"]))
    assert all(one.title is None and one.user_name for one in named.resources)


def test_refusals_are_errors_as_the_rfc_has_them(scim, models):
    user_model, _, _ = models
    scim.create(user_model(user_name="taken"))
    for act, status, scim_type in (
        (lambda: scim.create(user_model(user_name="TAKEN"), raise_scim_errors=False), 409, "uniqueness"),
        (lambda: scim.query(user_model, "none", raise_scim_errors=False), 404, None),
        (lambda: scim.query(user_model, query_parameters={"filter": "x y"}, check_request_payload=False,
                            raise_scim_errors=False), 400, "invalidFilter"),
    ):  # fmt: skip
        error = act()
        assert isinstance(error, Error)
        assert (error.status, error.scim_type) == (status, scim_type)
        assert error.detail
