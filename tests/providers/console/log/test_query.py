"""The filters in the address of the provisioning log, and its paging (AC-LOG)."""

import pytest

from providers.models import Token
from scim.protocol.attributes import USER
from scim.store import verbs
from tests.factories import call, make_group, make_user
from tests.pages import read
from tests.providers.console.log.conftest import listed


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"outcome": "problems"}, 1),
        ({"outcome": "nonsense"}, 0),
        ({"action": "create"}, 2),
        ({"status": "409"}, 1),
        ({"status": "x"}, 0),
        ({"status": "99999999999"}, 0),
        ({"period": "1"}, 2),
        ({"period": "7"}, 0),
        ({"from": "2020-01-01", "until": "2020-01-02"}, 0),
        ({"from": "2020-01-01"}, 2),
        ({"from": "2020-13-01"}, 0),
        ({"address": "127.0.0.1"}, 2),
        ({"address": "10.0.0.1"}, 0),
        ({"address": "x"}, 0),
        ({"token": "ipr_none"}, 0),
        ({"slower": "100000"}, 0),
        ({"provider": "x"}, 0),
        ({"subject": "x"}, 0),
        ({"q": "jane"}, 2),
        ({"q": "nobody"}, 0),
        ({"nothing": "x"}, 2),
    ],
)
def test_each_filter_leaves_what_it_says(support, provider, scim, query, count):
    client = scim(provider)
    client.post("/Users", {"userName": "jane@contoso.com"})
    client.post("/Users", {"userName": "jane@contoso.com"})
    assert len(listed(support, **query)) == count


def test_filters_by_provider_token_and_person_add_up(support, provider, stranger, scim):
    jane = make_user(provider, "jane@contoso.com")
    scim(provider).patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Nurse"})
    scim(stranger).post("/Users", {"userName": "jane@contoso.com"})
    prefix = Token.objects.get(provider=provider).prefix
    assert listed(support, provider=str(provider.pk), token=prefix, subject=str(jane.pk)) == ["Update user"]
    assert listed(support, provider=str(stranger.pk), subject=str(jane.pk)) == []
    page = read(support.get("/eum/log/", {"provider": provider.pk, "outcome": "success"}))
    assert "Provider: Contoso Entra ID" in page.text and "Outcome: Success" in page.text


def test_the_search_finds_the_requests_that_changed_her_groups(support, provider, scim):
    client = scim(provider)
    jane, joe = make_user(provider, "jane@contoso.com"), make_user(provider, "joe@contoso.com")
    group = make_group(provider, "Editors")
    for member in (jane, joe):
        client.patch(f"/Groups/{group.pk}", {"op": "add", "path": "members", "value": [{"value": str(member.pk)}]})
    assert listed(support, q="jane") == ["Add 1 member"]
    assert listed(support, subject=str(jane.pk)) == ["Add 1 member"]
    assert listed(support, action="members") == ["Add 1 member"] * 2


def test_the_search_finds_what_was_asked_for_in_vain_and_former_names(support, provider, scim):
    client = scim(provider)
    jane = make_user(provider, "oldname@contoso.com", displayName="Zoë Öldname")
    for path, value in (("userName", "newname@contoso.com"), ("displayName", "Zoë Newname")):
        client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": path, "value": value})
    client.post("/Users", {"userName": "never@contoso.com", "externalId": "e-9", "active": "perhaps"})
    assert listed(support, q="zoe oldname") == listed(support, q="newname") == ["Update user"] * 2
    assert listed(support, q="NEVER@") == listed(support, q="E-9") == ["Create user"]
    verbs.delete(call(provider, USER), str(jane.pk))
    assert len(listed(support, q=str(jane.pk))) == 2
    assert listed(support, q="%") == listed(support, q="_") == []


def test_disable_and_enable_are_actions_whatever_became_of_them(support, provider, scim):
    client = scim(provider)
    jane = make_user(provider, "jane@contoso.com")
    make_user(provider, "taken@contoso.com")
    taken = {"op": "replace", "path": "userName", "value": "taken@contoso.com"}
    for value in (False, True):
        client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": value})
    client.patch(f"/Users/{jane.pk}", taken, {"op": "replace", "path": "active", "value": "False"})
    assert listed(support, action="disable") == ["Disable user"] * 2
    assert listed(support, action="disable", outcome="rejected") == ["Disable user"]
    assert listed(support, action="enable") == ["Enable user"]
    assert len(listed(support, action="changes")) == 3
