"""The token endpoint through Django's client: forms, ways to authenticate, errors, limits, and what is left in the log."""

import base64
import dataclasses
import hmac
import json
import logging
import re
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import quote, urlencode

import pytest
from django.core import management
from django.test import Client
from django.utils import timezone

from providers import oauth, rate_limits, request_log, signing_keys
from providers.administration import pause_provider, resume_provider
from providers.buckets import Buckets
from providers.events import SYSTEM
from providers.models import (
    ChangeEvent,
    ClientSecret,
    OAuthClient,
    RefusedCalls,
    RequestLog,
    SigningKeys,
    Token,
    TokenKind,
)
from providers.oauth import Trust
from providers.outcomes import SignInFailure
from tests.factories import make_provider
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer, form_of, make_ec_key

pytestmark = pytest.mark.django_db
TOKEN = "/oauth/token"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def keys(issuer, monkeypatch):
    """The issuer's keys are known without a request. The list has the key ids that were asked for."""
    asked = []

    def key_of(url, key_id):
        asked.append(key_id)
        return signing_keys.read_key_set(issuer.key_set)[key_id]

    monkeypatch.setattr("providers.access_tokens.signing_key", key_of)
    return asked


@pytest.fixture
def with_secret(provider):
    return oauth.add_client(provider, SYSTEM)


@pytest.fixture
def federated(provider, issuer, keys):
    return oauth.add_federated_client(provider, SYSTEM, trust_of(issuer))


def trust_of(issuer, **changed):
    return Trust(
        **{
            "issuer": issuer.issuer,
            "jwks_url": issuer.jwks_url,
            "subject": SUBJECT,
            "audiences": [APPLICATION],
            "tenant": TENANT,
            "authorized_party": APPLICATION,
        }
        | changed
    )


def ask(form, *, basic=None, content_type=FORM, address="203.0.113.9", **extra):
    if basic:
        pair = ":".join(quote(part, safe="") for part in basic)
        extra["HTTP_AUTHORIZATION"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    body = form if isinstance(form, str | bytes) else urlencode(form)
    return Client(REMOTE_ADDR=address).post(TOKEN, body, content_type=content_type, **extra)


def secret_form(client, value, **more):
    return {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": value} | more


def call(value, path="/scim/Users"):
    return Client().get(path, HTTP_AUTHORIZATION=f"Bearer {value}")


def entries():
    request_log.writer.flush()
    return list(RequestLog.objects.filter(action="sign-in").order_by("id"))


def probe(value):
    """Entra's connection test: a filter for a user who does not exist."""
    wanted = 'userName eq "9f0e2b5c-8a11-4f5c-9a39-2f0c6a1f2d11"'
    return call(value, f"/scim/Users?filter={quote(wanted)}")


def test_ac_oau_1_basic_body_and_assertion_yield_a_token_that_passes_the_connection_test(
    with_secret, provider, federated, issuer
):
    client, _secret, value = with_secret
    responses = [
        ask({"grant_type": "client_credentials"}, basic=(client.client_id, value)),
        ask(secret_form(client, value)),
        ask(form_of(federated.client_id, issuer.assertion())),
    ]
    for response in responses:
        said = response.json()
        assert response.status_code == 200 and response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == "no-store"
        assert set(said) == {"access_token", "token_type", "expires_in", "scope"}
        assert said["token_type"] == "Bearer" and said["scope"] == "scim" and said["expires_in"] in (3_599, 3_600)
        found = probe(said["access_token"])
        assert found.status_code == 200 and found.json()["totalResults"] == 0
    assert {token.kind for token in Token.objects.access()} == {TokenKind.ACCESS}
    assert list(provider.tokens.permanent()) == [] and list(provider.tokens.live()) == []


@pytest.mark.parametrize("second", ["basic and secret", "basic and assertion", "secret and assertion"])
def test_ac_oau_1_two_ways_at_once_are_400(with_secret, federated, issuer, second):
    client, _secret, value = with_secret
    assertion = form_of(client.client_id, issuer.assertion())
    form = {
        "basic and secret": secret_form(client, value),
        "basic and assertion": assertion,
        "secret and assertion": assertion | {"client_secret": value},
    }[second]
    response = ask(form, basic=(client.client_id, value) if second.startswith("basic") else None)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert not Token.objects.access().exists()


@pytest.mark.parametrize(
    ("form", "content_type", "error"),
    [
        ("", FORM, "invalid_request"),
        ("client_id=x&client_secret=y", FORM, "invalid_request"),
        ("grant_type=password&username=a&password=b", FORM, "unsupported_grant_type"),
        ("grant_type=authorization_code&code=a", FORM, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=x&client_id=y&client_secret=z", FORM, "invalid_request"),
        ("grant_type=client_credentials&client_id=x&client_secret=", FORM, "invalid_client"),
        ("grant_type=client_credentials&client_id=%ff", FORM, "invalid_request"),
        ("grant_type=client_credentials&client_assertion=a.b.c", FORM, "invalid_request"),
        ("grant_type=client_credentials&client_assertion_type=x&client_assertion=a.b.c", FORM, "invalid_request"),
        ('{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
        ("&".join(f"p{number}=1" for number in range(40)), FORM, "invalid_request"),
    ],
)
def test_a_form_that_cannot_be_used_is_refused(form, content_type, error):
    response = ask(form, content_type=content_type)
    assert response.status_code == (401 if error == "invalid_client" else 400)
    assert response.json()["error"] == error and response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "odd", ["\0", "é", "ipc_\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 7_000]
)
def test_odd_client_ids_are_unknown(odd):
    form = {"grant_type": "client_credentials", "client_id": odd, "client_secret": odd}
    assert ask(form).status_code == 401
    assert ask({"grant_type": "client_credentials"}, basic=(odd, odd)).status_code == 401


def test_odd_claims_are_learned_without_what_cannot_be_stored(provider, issuer, keys):
    client = oauth.add_federated_client(provider, SYSTEM, trust_of(issuer, subject="", audiences=[]))
    odd = issuer.assertion(sub="a\0b", oid="a\0b", aud=["x\0"], azp={"a": ["b"]}, uti=float("1e300"))
    assert ask(form_of(client.client_id, odd)).status_code == 401
    client.trust.refresh_from_db()
    assert client.trust.learned["sub"] == "a\ufffdb" and entries()


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_only_post_is_possible(method):
    response = getattr(Client(), method)(TOKEN)
    assert response.status_code == 405 and response["Allow"] == "POST" and response.json()["error"]


def test_a_wrong_basic_header_is_challenged():
    response = ask({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION="Basic not-base64!")
    assert response.status_code == 401 and response["WWW-Authenticate"].startswith("Basic ")
    assert "WWW-Authenticate" not in ask({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"})


def test_whatever_scope_is_asked_for_scim_is_granted(with_secret):
    client, _secret, value = with_secret
    assert ask(secret_form(client, value, scope="scim admin https://graph/.default")).json()["scope"] == "scim"


def test_ac_oau_2_revoking_a_secret_stops_the_next_request(with_secret):
    client, secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    assert call(token).status_code == 200
    oauth.revoke_secret(secret, SYSTEM)
    refused = call(token)
    assert refused.status_code == 401 and 'error="invalid_token"' in refused["WWW-Authenticate"]
    assert ask(secret_form(client, value)).status_code == 401


@pytest.mark.parametrize("act", [oauth.revoke_client, oauth.suspend_client])
def test_ac_oau_2_revoking_or_suspending_a_client_stops_the_next_request(with_secret, act):
    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    act(client, SYSTEM)
    assert call(token).status_code == 401 and ask(secret_form(client, value)).status_code == 401
    if act is oauth.suspend_client:
        oauth.restore_client(client, SYSTEM)
        assert call(token).status_code == 200 and ask(secret_form(client, value)).status_code == 200


def test_ac_oau_2_changing_a_trust_stops_the_next_request(federated, issuer):
    token = ask(form_of(federated.client_id, issuer.assertion())).json()["access_token"]
    oauth.set_trust(federated, SYSTEM, trust_of(issuer, subject="somebody-else"))
    assert call(token).status_code == 401
    assert ask(form_of(federated.client_id, issuer.assertion())).status_code == 401


def test_ac_oau_2_pausing_and_deleting_the_provider_stop_the_next_request(with_secret, provider):
    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    pause_provider(provider, SYSTEM)
    response = ask(secret_form(client, value))
    assert (response.status_code, response.json()["error"]) == (503, "temporarily_unavailable")
    assert int(response["Retry-After"]) > 0 and call(token).status_code == 503
    resume_provider(provider, SYSTEM)
    provider.deleted_at = timezone.now()
    provider.save()
    assert call(token).status_code == 401
    response = ask(secret_form(client, value))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


def test_the_ip_restriction_applies(provider, with_secret):
    client, _secret, value = with_secret
    provider.ip_rules.create(cidr="192.0.2.0/24")
    provider.ip_mode = "enforce"
    provider.save()
    response = ask(secret_form(client, value))
    assert (response.status_code, response.json()["error"]) == (403, "access_denied")
    assert ask(secret_form(client, value), address="192.0.2.7").status_code == 200
    [refused, _accepted] = entries()
    assert refused.reason == "address-refused" and refused.is_uncovered


def test_ac_oau_3_secrets_and_tokens_are_nowhere(with_secret, federated, issuer, caplog, admin_client):
    client, _secret, value = with_secret
    assertion = issuer.assertion()
    with caplog.at_level(logging.DEBUG):
        first = ask(secret_form(client, value)).json()["access_token"]
        second = ask(form_of(federated.client_id, assertion)).json()["access_token"]
        ask(secret_form(client, value[:-1] + "x"))
        ask(form_of(federated.client_id, assertion + "x"))
        Client().post(f"{TOKEN}?client_secret={value}&client_assertion={assertion}", "", content_type=FORM)
        call(value), call(first + "x")
        entries()
    pages = [admin_client.get(path).content.decode() for path in ("/eum/log/", "/eum/audit/", "/eum/refused/")]
    stored = [json.dumps(list(model.objects.values()), default=str) for model in STORES]
    for text in [*stored, *pages, caplog.text]:
        for secret in (value, first, second, assertion, assertion.split(".")[2]):
            assert secret not in text and secret[8:40] not in text


STORES = (Token, ClientSecret, OAuthClient, RequestLog, ChangeEvent, RefusedCalls)


def test_ac_oau_4_two_secrets_overlap_and_each_shows_its_first_use(with_secret):
    client, first, old = with_secret
    second, new = oauth.rotate_secret(client, SYSTEM, overlap=timedelta(days=7))
    assert ask(secret_form(client, old)).status_code == 200 and ask(secret_form(client, new)).status_code == 200
    first.refresh_from_db(), second.refresh_from_db()
    assert first.first_used_at and second.first_used_at
    assert first.expires_at < timezone.now() + timedelta(days=7, minutes=1)


def test_ac_oau_5_a_token_never_outlives_its_assertion(federated, issuer):
    fresh = ask(form_of(federated.client_id, issuer.assertion(exp=int(time.time()) + 3_900)))
    assert fresh.json()["expires_in"] == 3_600
    old = ask(form_of(federated.client_id, issuer.assertion(exp=int(time.time()) + 300))).json()
    assert 298 <= old["expires_in"] <= 300
    token = Token.objects.access().latest("pk")
    assert token.expires_at <= timezone.now() + timedelta(seconds=300)


def test_ac_oau_6_a_good_assertion_with_another_clients_id_is_401(with_secret, federated, issuer):
    client, _secret, _value = with_secret
    other = oauth.add_federated_client(make_provider(), SYSTEM, trust_of(issuer, subject="another"))
    for client_id in (client.client_id, other.client_id, "ipc_unknown"):
        assert ask(form_of(client_id, issuer.assertion())).json()["error"] == "invalid_client"
    assert not Token.objects.access().exists()


NOW = int(time.time())
# What an assertion is made with, and the reason why it is refused.
FAILING = [
    ({"pad": "x" * 9_000}, SignInFailure.ASSERTION_TOO_LONG),
    ({}, SignInFailure.ASSERTION_ALGORITHM),
    ({"header": {"kid": None}}, SignInFailure.ASSERTION_NO_KEY_ID),
    ({"iss": f"https://login.microsoftonline.com/{APPLICATION}/v2.0"}, SignInFailure.ASSERTION_ISSUER),
    ({"exp": NOW - 5}, SignInFailure.ASSERTION_EXPIRED),
    ({"exp": None}, SignInFailure.ASSERTION_EXPIRED),
    ({"exp": "9999999999"}, SignInFailure.ASSERTION_EXPIRED),
    ({"nbf": NOW + 600}, SignInFailure.ASSERTION_NOT_YET),
    ({"iat": NOW + 600}, SignInFailure.ASSERTION_NOT_YET),
    ({"exp": NOW + 90_000}, SignInFailure.ASSERTION_LIFE),
    ({"exp": NOW + 90_000, "iat": None, "nbf": None}, SignInFailure.ASSERTION_LIFE),
    ({"tid": APPLICATION}, SignInFailure.ASSERTION_TENANT),
    ({"sub": APPLICATION}, SignInFailure.ASSERTION_SUBJECT),
    ({"sub": [SUBJECT]}, SignInFailure.ASSERTION_SUBJECT),
    ({"aud": "another"}, SignInFailure.ASSERTION_AUDIENCE),
    ({"aud": None}, SignInFailure.ASSERTION_AUDIENCE),
    ({"azp": SUBJECT}, SignInFailure.ASSERTION_AUTHORIZED_PARTY),
    ({"azp": None}, SignInFailure.ASSERTION_AUTHORIZED_PARTY),
]


@pytest.mark.parametrize(("changed", "reason"), FAILING, ids=[f"{reason} {list(made)}" for made, reason in FAILING])
def test_ac_oau_7_each_check_failing_alone_is_401_with_its_own_reason(federated, issuer, changed, reason):
    assertion = issuer.assertion(**changed) if changed else signed_with_public_key(issuer)
    before = ChangeEvent.objects.count()
    response = ask(form_of(federated.client_id, assertion))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert not Token.objects.access().exists() and ChangeEvent.objects.count() == before
    [entry] = entries()
    assert entry.reason == reason and entry.status == 401 and entry.is_problem


def signed_with_public_key(issuer):
    """HS256 with the text of the public key as the shared secret."""
    signed = ".".join(encoded(part) for part in ({"alg": "HS256", "kid": issuer.key_id}, issuer.claims()))
    digest = hmac.digest(issuer.keys[issuer.key_id].as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def unsigned(issuer):
    _head, claims, _signature = issuer.assertion().split(".")
    return f"{encoded({'alg': 'none', 'kid': issuer.key_id})}.{claims}."


def changed_claims(issuer):
    head, _claims, signature = issuer.assertion().split(".")
    other = issuer.assertion(sub="another").split(".")[1]
    return f"{head}.{other}.{signature}"


@pytest.fixture
def stored_keys(issuer, monkeypatch):
    """The issuer's keys as a fetch has stored them. The list has the connections that were made after that."""
    now = timezone.now()
    SigningKeys.objects.create(jwks_url=issuer.jwks_url, document=issuer.key_set, fetched_at=now, tried_at=now)
    connected = []
    monkeypatch.setattr("providers.outgoing._connect", lambda *sent: connected.append(sent))
    return connected


def test_ac_oau_8_forged_assertions_are_rejected_quickly_and_fetch_nothing(provider, issuer, stored_keys):
    federated = oauth.add_federated_client(provider, SYSTEM, trust_of(issuer))
    other = Issuer()
    mine = other.keys[other.key_id]
    signed = issuer.assertion().split(".")
    forged = {
        "none": unsigned(issuer),
        "HS256": signed_with_public_key(issuer),
        "another tenant": other.assertion(iss=f"{other.url}/{APPLICATION}/v2.0"),
        "unknown key": other.assertion(),
        "own key": issuer.assertion(key=mine),
        "jku": issuer.assertion(key=mine, header={"jku": "https://evil.example/keys"}),
        "x5u": issuer.assertion(key=mine, header={"x5u": "https://evil.example/cert"}),
        "jwk": issuer.assertion(key=mine, header={"jwk": mine.as_dict(private=False)}),
        "changed": changed_claims(issuer),
        "wrong type of key": issuer.assertion(key=make_ec_key(), header={"alg": "ES256"}),
        "parts": "a.b",
        "text": "a.b.c",
    }
    for number, crit in enumerate((5, None, [], ["x"], [[1]], [{}], {"a": 1})):
        header = encoded({"alg": "RS256", "kid": issuer.key_id, "crit": crit})
        forged[f"crit {number}"] = f"{header}.{signed[1]}.{signed[2]}"
    for number, (name, assertion) in enumerate(forged.items()):
        started = time.process_time()
        response = ask(form_of(federated.client_id, assertion), address=f"198.51.100.{number}")
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), name
        assert time.process_time() - started < 0.05, name
    big = ask(b"x" * 10_485_760)
    assert big.status_code == 413 and big.json()["error"] == "invalid_request"
    assert stored_keys == [] and not Token.objects.access().exists()


def test_an_error_of_our_own_is_answered_counted_and_named(with_secret, monkeypatch, caplog):
    client, _secret, value = with_secret
    monkeypatch.setattr("providers.access_tokens.prove_with_secret", lambda *_: 1 / 0)
    response = ask(secret_form(client, value))
    assert (response.status_code, response.json()["error"]) == (500, "server_error")
    assert response["Cache-Control"] == "no-store" and "ZeroDivisionError" in caplog.text and value not in caplog.text
    assert rate_limits.sign_ins.missing(("203.0.113.9", client.client_id)) > 0


def test_keys_replaced_under_the_same_id_count_at_once(provider, issuer):
    old, new = make_ec_key(), make_ec_key()
    sets = [{"keys": [key.as_dict(private=False) | {"kid": "own"}]} for key in (old, new)]
    trust = trust_of(issuer, jwks_url="", keys=sets[0])
    client = oauth.add_federated_client(provider, SYSTEM, trust)
    assertions = [issuer.assertion(header={"alg": "ES256", "kid": "own"}, key=key) for key in (old, new)]
    token = ask(form_of(client.client_id, assertions[0])).json()["access_token"]
    oauth.set_trust(client, SYSTEM, trust_of(issuer, jwks_url="", keys=sets[1]))
    assert call(token).status_code == 401
    assert [ask(form_of(client.client_id, one)).status_code for one in assertions] == [401, 200]
    [change] = ChangeEvent.objects.latest("id").changes
    assert change["path"] == "keys" and change["before"] != change["after"]


def test_only_an_application_is_shown_to_be_trusted_and_only_while_the_client_is_live(provider, issuer, keys):
    client = oauth.add_federated_client(provider, SYSTEM, trust_of(issuer, subject="", audiences=[]))
    ask(form_of(client.client_id, issuer.assertion(sub="a person's", oid=SUBJECT)))
    client.trust.refresh_from_db()
    assert client.trust.learned is None
    oauth.suspend_client(client, SYSTEM)
    keys.clear()
    ask(form_of(client.client_id, issuer.assertion()))
    client.trust.refresh_from_db()
    assert client.trust.learned is None and keys == []


def test_strangers_do_not_crowd_the_directorys_own_refusals_out_of_the_log(with_secret, provider):
    client, secret, value = with_secret
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=timezone.now())
    for number in range(40):
        ask(secret_form(client, "ips_wrong"), address=f"198.51.100.{number}")
    ask(secret_form(client, value))
    reasons = Counter(entry.reason for entry in entries())
    assert reasons == {SignInFailure.SECRET_WRONG: 20, SignInFailure.SECRET_EXPIRED: 1}
    assert RefusedCalls.objects.filter(kind="unproven-client").count() == 20


def test_a_locked_client_is_named_as_such(with_secret):
    client, _secret, _value = with_secret
    for _ in range(12):
        ask(secret_form(client, "ips_wrong"))
    entries()
    assert RefusedCalls.objects.get(kind="locked-client").count == 2


def test_clients_without_an_id_are_locked_by_the_id_in_their_assertion(federated, issuer):
    for _ in range(12):
        ask(form_of("", issuer.assertion(sub="one")))
    assert ask(form_of("", issuer.assertion(sub="one"))).status_code == 429
    assert ask(form_of("", issuer.assertion(sub="two"))).status_code == 401


def test_a_client_has_at_most_so_many_tokens_and_the_oldest_end(with_secret, monkeypatch):
    monkeypatch.setattr("providers.access_tokens.MAX_TOKENS", 3)
    client, _secret, value = with_secret
    tokens = [ask(secret_form(client, value)).json()["access_token"] for _ in range(5)]
    assert [call(one).status_code for one in tokens] == [401, 401, 200, 200, 200]


def test_ac_oau_11_unknown_id_wrong_secret_and_revoked_client_look_the_same(with_secret, django_assert_num_queries):
    client, _secret, value = with_secret
    revoked, _own, its_value = oauth.add_client(make_provider(), SYSTEM)
    oauth.revoke_client(revoked, SYSTEM)
    bodies = set()
    for form in (
        secret_form(client, "ips_wrong"),
        {"grant_type": "client_credentials", "client_id": "ipc_unknown", "client_secret": value},
        secret_form(revoked, its_value),
    ):
        with django_assert_num_queries(2):
            response = ask(form)
        bodies.add((response.status_code, response.content))
    assert len(bodies) == 1


def test_ac_oau_12_an_access_token_costs_scim_no_statement_more(
    with_secret, provider, django_assert_num_queries, permanent
):
    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    for bearer in (permanent, token):
        call(bearer)
        with django_assert_num_queries(2):
            assert call(bearer).status_code == 200


@pytest.fixture
def permanent(provider):
    from tests.factories import issue

    return issue(provider)[1]


@pytest.mark.parametrize("stored", [APPLICATION, f"api://{APPLICATION}"])
@pytest.mark.parametrize("sent", [APPLICATION, f"api://{APPLICATION}", ["x", f"api://{APPLICATION}"]])
def test_ac_oau_13_an_audience_passes_bare_and_with_api(provider, issuer, keys, stored, sent):
    client = oauth.add_federated_client(provider, SYSTEM, trust_of(issuer, audiences=[stored]))
    assert ask(form_of(client.client_id, issuer.assertion(aud=sent))).status_code == 200


def test_ac_oau_15_pingfederate_and_authentik_pass(with_secret, provider):
    """PingFederate sends Basic and no scope; authentik's outgoing SCIM sends id and secret in the body with one."""
    client, _secret, value = with_secret
    ping = ask("grant_type=client_credentials", basic=(client.client_id, value), HTTP_ACCEPT="application/json")
    authentik = ask(
        secret_form(client, value, scope="openid scim", audience="x"), content_type=f"{FORM}; charset=utf-8"
    )
    assert ping.status_code == authentik.status_code == 200


def test_ten_refusals_of_a_client_from_an_address_in_a_minute_stop_the_pair(with_secret, monkeypatch):
    client, _secret, value = with_secret
    monkeypatch.setattr(rate_limits, "sign_ins", Buckets([0.0] * 65_536, rate=10 / 60, burst=10))
    answers = [ask(secret_form(client, "ips_wrong")).status_code for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2
    response = ask(secret_form(client, value))
    assert response.status_code == 429 and 1 <= int(response["Retry-After"]) <= 7
    assert ask(secret_form(client, value), address="203.0.113.10").status_code == 200


def test_unknown_clients_are_counted_by_address(provider):
    for number in range(3):
        ask({"grant_type": "client_credentials", "client_id": f"ipc_{number}", "client_secret": "x"})
    assert entries() == []
    [row] = RefusedCalls.objects.all()
    assert (row.address, row.kind, row.count) == ("203.0.113.9", "unknown-client", 3)


def test_a_sign_in_is_in_the_log_and_in_no_figure(with_secret, federated, issuer, provider):
    client, _secret, value = with_secret
    ask(secret_form(client, value))
    ask(form_of(federated.client_id, issuer.assertion()))
    own, other = entries()
    assert (own.status, own.reason, own.token_prefix) == (200, "", client.client_id[:8])
    assert other.client_request_id == "k9Jv2XbQ6k2wXy7mV0kAAA" and json.loads(other.request_body)["sub"] == SUBJECT
    from providers.models import ProviderActivity, RequestCount, SourceSeen

    assert not RequestCount.objects.exists() and not SourceSeen.objects.exists()
    assert not ProviderActivity.objects.exists()


def test_a_refused_sign_in_is_counted_as_often_as_the_log_has_it(with_secret, provider):
    from providers.health import health_of, problem_counts

    client, _secret, value = with_secret
    ask(secret_form(client, "ips_wrong"))
    ask(secret_form(client, value))
    entries()
    health = health_of([provider], timezone.now())[provider.pk]
    assert health.problems == problem_counts([provider.pk], timezone.now())[provider.pk] == 1
    assert (health.refused, health.changes) == (1, 0)


def test_only_a_refusal_of_the_directory_itself_makes_a_provider_refused(with_secret, provider):
    from providers.models import ProviderActivity

    client, secret, value = with_secret
    ask(secret_form(client, "ips_wrong"))
    entries()
    assert not ProviderActivity.objects.exists()
    ClientSecret.objects.filter(pk=secret.pk).update(expires_at=timezone.now())
    ask(secret_form(client, value))
    entries()
    assert ProviderActivity.objects.get().refused_count == 1


def test_an_access_token_shows_its_client_as_used(with_secret):
    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    call(token)
    request_log.writer.flush()
    client.refresh_from_db()
    assert client.first_used_at and client.last_used_at and client.last_used_ip == "127.0.0.1"
    assert RequestLog.objects.exclude(action="sign-in").get().token_prefix == client.prefix


def test_expired_access_tokens_are_deleted(with_secret):
    from providers.housekeeping import forget_access_tokens

    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]
    assert forget_access_tokens() == 0
    Token.objects.access().update(expires_at=timezone.now() - timedelta(hours=1))
    assert 'error="invalid_token"' in call(token)["WWW-Authenticate"]
    assert forget_access_tokens() == 1 and not Token.objects.access().exists()
    refused = call(token)
    assert 'error="invalid_token"' in refused["WWW-Authenticate"] and "token endpoint" in refused.json()["detail"]


def test_a_client_that_signs_for_itself_sends_a_new_assertion_each_time(provider, issuer):
    own = make_ec_key()
    keys = {"keys": [own.as_dict(private=False) | {"kid": "own"}]}
    client = oauth.add_federated_client(provider, SYSTEM, Trust(keys=keys, is_self_signed=True))

    def assertion(**changed):
        now = int(time.time())
        claims = {"iss": client.client_id, "sub": client.client_id, "aud": "http://testserver/oauth/token"}
        claims |= {"iat": now, "exp": now + 300, "nbf": None, "tid": None, "azp": None, "jti": "one"}
        return issuer.assertion(header={"alg": "ES256", "kid": "own"}, key=own, **claims | changed)

    aud = oauth_token_url()
    assert ask(form_of(client.client_id, assertion(aud=aud))).status_code == 200
    assert ask(form_of(client.client_id, assertion(aud=aud))).status_code == 401
    without_id = form_of("", assertion(aud=aud, jti="two"))
    assert ask(without_id).status_code == 200, "its subject is the client id (RFC 7521 §4.2)"
    assert ask(form_of(client.client_id, assertion(aud=aud, jti=None))).status_code == 401
    reasons = [entry.reason for entry in entries()]
    assert reasons == ["", SignInFailure.ASSERTION_USED, "", SignInFailure.ASSERTION_NO_ID]


def oauth_token_url():
    from providers.access_tokens import token_url

    return token_url()


def test_the_next_request_is_learned_and_nothing_is_trusted_by_itself(provider, issuer, keys):
    client = oauth.add_federated_client(
        provider, SYSTEM, trust_of(issuer, subject="", audiences=[], authorized_party="")
    )
    assert ask(form_of(client.client_id, issuer.assertion(tid=APPLICATION))).status_code == 401
    client.trust.refresh_from_db()
    assert client.trust.learned is None, "another tenant"
    assert ask(form_of(client.client_id, issuer.assertion())).status_code == 401
    client.trust.refresh_from_db()
    assert client.trust.learned["sub"] == SUBJECT and client.trust.is_learning
    oauth.trust_learned(client, SYSTEM, client.trust.learned_at)
    assert ask(form_of(client.client_id, issuer.assertion())).status_code == 200
    assert ask(form_of(client.client_id, issuer.assertion(sub="another"))).status_code == 401


def test_the_documents_name_the_endpoint(settings, provider, with_secret):
    base = settings.OPTIONS.base_url
    server = Client().get("/.well-known/oauth-authorization-server").json()
    assert server["issuer"] == base and server["token_endpoint"] == f"{base}/oauth/token"
    resource = Client().get("/.well-known/oauth-protected-resource/scim").json()
    assert resource["resource"] == f"{base}/scim" and resource["authorization_servers"] == [base]
    challenge = Client().get("/scim/Users")["WWW-Authenticate"]
    [url] = re.findall(r'resource_metadata="([^"]+)"', challenge)
    assert url == f"{base}/.well-known/oauth-protected-resource/scim"
    assert Client().get("/oauth/authorize").status_code == 404


def test_authentication_schemes_are_those_that_the_provider_accepts(provider, with_secret, permanent):
    client, _secret, value = with_secret
    token = ask(secret_form(client, value)).json()["access_token"]

    def schemes(bearer):
        found = call(bearer, "/scim/ServiceProviderConfig").json()["authenticationSchemes"]
        return [scheme["type"] for scheme in found]

    assert schemes(token) == ["oauthbearertoken", "oauth2"]
    provider.tokens.permanent().update(revoked_at=timezone.now())
    assert schemes(token) == ["oauth2"]


def test_a_client_secret_sent_as_a_token_is_named(with_secret):
    _client, _secret, value = with_secret
    response = call(value)
    assert response.status_code == 401 and "client secret" in response.json()["detail"].lower()
    assert value not in response.content.decode()


def test_a_limit_of_the_access_token_setting(settings, with_secret):
    client, _secret, value = with_secret
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, access_token_seconds=21_600)
    assert ask(secret_form(client, value)).json()["expires_in"] == 21_600
    management.call_command("check", verbosity=0)
