"""The filters in the address of the provisioning log, and its paging (AC-LOG)."""

import pytest

from providers.models import Token
from tests.factories import make_user
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
