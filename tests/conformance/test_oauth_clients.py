"""OAuth clients that we did not write get an access token and use it: requests-oauthlib, and scim2-client with it."""

import pytest
from httpx2 import Client
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session
from scim2_client.engines.httpx2 import SyncSCIMClient

from providers import oauth
from providers.events import SYSTEM
from providers.models import OAuthClient
from tests.factories import make_provider


@pytest.fixture
def client(committed):
    client, _secret, value = oauth.add_client(make_provider(), SYSTEM)
    return client.client_id, value


@pytest.mark.parametrize("uses_basic", [True, False])
def test_requests_oauthlib_gets_a_token_and_uses_it(server, client, monkeypatch, uses_basic):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the test's server has no TLS
    client_id, secret = client
    session = OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=["scim"]))
    ways = {"auth": HTTPBasicAuth(client_id, secret)} if uses_basic else {"include_client_id": True}
    session.fetch_token(f"{server}/oauth/token", client_secret=None if uses_basic else secret, **ways)
    assert session.get(f"{server}/scim/Users").json()["totalResults"] == 0


def test_ac_oau_2_revoking_a_client_stops_the_next_request_on_every_worker(server, client):
    client_id, secret = client
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    with Client() as http:
        token = http.post(f"{server}/oauth/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        before = {http.get(f"{server}/scim/Users", headers=headers).status_code for _ in range(8)}
        oauth.revoke_client(OAuthClient.objects.get(client_id=client_id), SYSTEM)
        after = {http.get(f"{server}/scim/Users", headers=headers).status_code for _ in range(8)}
        assert (before, after) == ({200}, {401}) and http.post(f"{server}/oauth/token", data=form).status_code == 401


def test_scim2_client_works_with_an_access_token(server, client):
    client_id, secret = client
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    with Client() as http:
        token = http.post(f"{server}/oauth/token", data=form).json()["access_token"]
    with Client(base_url=f"{server}/scim", headers={"Authorization": f"Bearer {token}"}) as http:
        scim = SyncSCIMClient(http)
        scim.discover()
        assert [one.type.value for one in scim.service_provider_config.authentication_schemes] == ["oauth2"]
        user = scim.create(scim.get_resource_model("User")(user_name="jane@example.com"))
        assert scim.query(type(user), user.id) == user
