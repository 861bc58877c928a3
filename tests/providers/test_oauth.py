"""OAuth clients as administrators have them: events, limits, and what ends with what."""

from datetime import timedelta

import pytest

from providers import oauth
from providers.events import SYSTEM
from providers.models import ChangeEvent, OAuthClient
from providers.oauth import NothingLearnedError, Trust, entra_trust
from providers.outgoing import OutgoingError
from providers.signing_keys import KeySetError
from providers.tokens import NotLiveError
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def key_set():
    return Issuer().key_set


def kinds():
    events = ChangeEvent.objects.acts().filter(kind__startswith="client.").order_by("id")
    return list(events.values_list("kind", flat=True))


def test_each_act_is_recorded_once_and_without_a_secret(provider):
    client, secret, value = oauth.add_client(provider, SYSTEM, label=" Entra \n ID ")
    assert client.label == "Entra ID" and client.client_id.startswith("ipc_") and len(client.client_id) == 26
    oauth.rotate_secret(client, SYSTEM, overlap=timedelta(days=1))
    for act in (oauth.suspend_client, oauth.suspend_client, oauth.restore_client, oauth.restore_client):
        act(client, SYSTEM)
    for _ in range(2):
        oauth.revoke_secret(secret, SYSTEM)
        oauth.revoke_client(client, SYSTEM)
    assert kinds() == [
        "client.added",
        "client.secret-rotated",
        "client.suspended",
        "client.restored",
        "client.secret-revoked",
        "client.revoked",
    ]
    assert value not in str(list(ChangeEvent.objects.values()))


def test_a_revoked_client_stays_as_it_is(provider, key_set):
    client, _secret, _value = oauth.add_client(provider, SYSTEM)
    oauth.revoke_client(client, SYSTEM)
    assert not client.secrets.live().exists()
    for act in (
        lambda: oauth.suspend_client(client, SYSTEM),
        lambda: oauth.rotate_secret(client, SYSTEM, overlap=timedelta()),
        lambda: oauth.set_trust(client, SYSTEM, Trust("x", "", key_set, "x", ["x"])),
    ):
        with pytest.raises(NotLiveError):
            act()


def test_a_trust_that_cannot_work_is_refused(provider):
    for trust, error in ((Trust("x", "http://x/", None, "x", ["x"]), OutgoingError), (Trust(keys={}), KeySetError)):
        with pytest.raises(error):
            oauth.add_federated_client(provider, SYSTEM, trust)
    assert not OAuthClient.objects.exists()


def test_the_same_trust_again_changes_nothing(provider, key_set):
    trust = Trust("x", "", key_set, SUBJECT, [APPLICATION], TENANT)
    client = oauth.add_federated_client(provider, SYSTEM, trust)
    oauth.set_trust(client, SYSTEM, trust)
    assert kinds() == ["client.added"]
    with pytest.raises(NothingLearnedError):
        oauth.trust_learned(client, SYSTEM, client.created_at)


def test_a_tenant_is_enough_to_know_issuer_and_keys():
    trust = entra_trust(TENANT)
    assert trust.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert trust.jwks_url == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    trust.check()
