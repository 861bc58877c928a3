"""Access tokens against what administrators do at the same moment; the endpoint's tests have the rest."""

from datetime import timedelta

import pytest

from providers import oauth
from providers.access_tokens import SignInError, grant, prove_with_assertion, prove_with_secret
from providers.events import SYSTEM
from providers.models import FederatedTrust, Token
from providers.oauth import Trust
from providers.outcomes import SignInFailure
from providers.tokens import find_caller
from tests.factories import make_provider
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer
from tests.races import race


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def with_secret(committed):
    return oauth.add_client(make_provider(), SYSTEM)


def state_of(value):
    return find_caller(value, None).token_state


@pytest.mark.parametrize("act", [oauth.revoke_client, oauth.suspend_client])
def test_a_client_that_is_ended_while_it_signs_in_gets_no_token(with_secret, act):
    client, _secret, value = with_secret
    proof = prove_with_secret(client.client_id, value)
    _done, refused = race(lambda: act(client, SYSTEM), lambda: grant(proof, None), refusals=SignInError)
    assert isinstance(refused, SignInError) and not Token.objects.filter(client=client).exists()


def test_a_token_that_is_issued_while_its_client_is_revoked_ends_with_it(with_secret):
    client, _secret, value = with_secret
    proof = prove_with_secret(client.client_id, value)
    granted, _done = race(lambda: grant(proof, None), lambda: oauth.revoke_client(client, SYSTEM), refusals=SignInError)
    assert state_of(granted.value) == "revoked"


def test_a_secret_that_is_revoked_meanwhile_gets_no_token(with_secret):
    client, secret, value = with_secret
    proof = prove_with_secret(client.client_id, value)
    _done, refused = race(lambda: oauth.revoke_secret(secret, SYSTEM), lambda: grant(proof, None), refusals=SignInError)
    assert refused.failure == SignInFailure.SECRET_REVOKED


def test_two_rotations_at_once_leave_two_secrets(with_secret):
    client, _secret, _value = with_secret
    turns = [lambda: oauth.rotate_secret(client, SYSTEM, overlap=timedelta(days=1)) for _ in range(2)]
    assert all(race(*turns))
    assert client.secrets.live().count() == 2


def test_a_trust_that_is_changed_meanwhile_gives_no_token(committed, issuer):
    trust = Trust(issuer.issuer, "", issuer.key_set, SUBJECT, [APPLICATION], TENANT)
    client = oauth.add_federated_client(make_provider(), SYSTEM, trust)
    proof = prove_with_assertion(client.client_id, issuer.assertion())
    other = Trust(issuer.issuer, "", issuer.key_set, SUBJECT, ["another"], TENANT)
    _done, refused = race(
        lambda: oauth.set_trust(client, SYSTEM, other), lambda: grant(proof, None), refusals=SignInError
    )
    assert isinstance(refused, SignInError)
    assert FederatedTrust.objects.get(client=client).audiences == ["another"]


def test_two_clients_at_once_are_never_three(committed):
    provider = make_provider()
    oauth.add_client(provider, SYSTEM)
    turns = [lambda: oauth.add_client(provider, SYSTEM) for _ in range(2)]
    results = race(*turns, refusals=oauth.TooManyClientsError)
    assert sum(isinstance(one, oauth.TooManyClientsError) for one in results) == 1


def test_an_assertion_of_a_client_that_signs_for_itself_is_good_once(committed):
    from providers.access_tokens import token_url
    from tests.issuer import make_ec_key

    key = make_ec_key()
    keys = {"keys": [key.as_dict(private=False) | {"kid": "own"}]}
    client = oauth.add_federated_client(make_provider(), SYSTEM, Trust(keys=keys, is_self_signed=True))
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": token_url(), "jti": "one"}
    text = Issuer().assertion(header={"alg": "ES256", "kid": "own"}, key=key, **claims)
    proofs = [prove_with_assertion(client.client_id, text) for _ in range(2)]
    results = race(*(lambda proof=proof: grant(proof, None) for proof in proofs), refusals=SignInError)
    assert [getattr(one, "failure", "granted") for one in results] == ["granted", SignInFailure.ASSERTION_USED]
