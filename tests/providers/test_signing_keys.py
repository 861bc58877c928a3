"""The keys of issuers: fetched by HTTPS when needed, once for many requests, and kept while the issuer is away."""

import dataclasses
import ipaddress
import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from providers.assertions import AssertionRefusedError
from providers.models import SigningKeys
from providers.outcomes import SignInFailure
from providers.signing_keys import FetchingError, KeySetError, read_key_set, signing_key
from tests.issuer import Issuer, issuing, make_ec_key
from tests.webhooks import make_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def issuer(certificate, monkeypatch, settings):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    allow(settings, "localhost")
    with issuing(certificate) as found:
        yield found


def allow(settings, *hosts):
    networks = (ipaddress.ip_network("127.0.0.0/8"),)
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, federation_hosts=hosts, webhook_networks=networks)


def age(url, **moments):
    now = timezone.now()
    SigningKeys.objects.filter(pk=url).update(**{name: now - ago for name, ago in moments.items()})


def refusal(url, key_id):
    with pytest.raises(AssertionRefusedError) as error:
        signing_key(url, key_id)
    return error.value


def test_a_known_key_is_fetched_once(issuer):
    for _ in range(3):
        assert signing_key(issuer.jwks_url, issuer.key_id)["kid"] == issuer.key_id
    assert len(issuer.fetches) == 1


def test_ac_oau_9_a_new_key_is_fetched_and_the_old_one_is_gone(issuer):
    old = issuer.key_id
    signing_key(issuer.jwks_url, old)
    new = issuer.rotate()
    age(issuer.jwks_url, tried_at=timedelta(minutes=2))
    assert signing_key(issuer.jwks_url, new)["kid"] == new
    assert refusal(issuer.jwks_url, old).failure == SignInFailure.ASSERTION_KEY


def test_ac_oau_9_an_invented_key_id_fetches_once_a_minute(issuer):
    for number in range(5):
        assert refusal(issuer.jwks_url, f"invented-{number}").failure == SignInFailure.ASSERTION_KEY
    assert len(issuer.fetches) == 1
    age(issuer.jwks_url, tried_at=timedelta(seconds=61))
    refusal(issuer.jwks_url, "invented")
    assert len(issuer.fetches) == 2


def test_ac_oau_9_with_the_endpoint_down_known_keys_work_for_a_week(issuer):
    signing_key(issuer.jwks_url, issuer.key_id)
    issuer.status = 503
    age(issuer.jwks_url, fetched_at=timedelta(days=6), tried_at=timedelta(days=1))
    assert signing_key(issuer.jwks_url, issuer.key_id)
    assert SigningKeys.objects.get().error.startswith("The response has another status than 200.")
    age(issuer.jwks_url, fetched_at=timedelta(days=8))
    assert refusal(issuer.jwks_url, issuer.key_id).failure == SignInFailure.ASSERTION_KEYS


def test_a_key_that_was_withdrawn_is_refused_within_a_day(issuer):
    old = issuer.key_id
    signing_key(issuer.jwks_url, old)
    issuer.rotate()
    assert signing_key(issuer.jwks_url, old), "fetched today"
    age(issuer.jwks_url, fetched_at=timedelta(days=1), tried_at=timedelta(days=1))
    assert refusal(issuer.jwks_url, old).failure == SignInFailure.ASSERTION_KEY


@pytest.mark.django_db(transaction=True)
def test_ac_oau_9_fifty_parallel_requests_cause_one_fetch(issuer):
    issuer.delay_s = 0.3
    found, failed = [], []

    def ask():
        try:
            found.append(signing_key(issuer.jwks_url, issuer.key_id)["kid"])
        except FetchingError as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issuer.fetches) == 1 and len(found) + len(failed) == 50
    assert found and set(found) == {issuer.key_id}


def test_while_keys_are_fetched_others_are_asked_to_come_again(issuer):
    now = timezone.now()
    SigningKeys.objects.create(jwks_url=issuer.jwks_url, tried_at=now, fetched_at=now - timedelta(days=1))
    for url in (issuer.jwks_url, f"{issuer.url}/another-issuer"):
        with pytest.raises(FetchingError):
            signing_key(url, issuer.key_id)
    assert issuer.fetches == []
    age(issuer.jwks_url, tried_at=timedelta(seconds=10))  # a worker that was killed while it fetched
    assert refusal(issuer.jwks_url, issuer.key_id).failure == SignInFailure.ASSERTION_KEYS
    assert signing_key(f"{issuer.url}/another-issuer", issuer.key_id)


def test_ac_oau_10_only_the_hosts_of_the_setting_are_called(issuer, settings):
    allow(settings, "login.microsoftonline.com")
    said = refusal(issuer.jwks_url, issuer.key_id)
    assert said.failure == SignInFailure.ASSERTION_KEYS and "FEDERATION_HOSTS" in said.detail
    assert issuer.fetches == []


def test_ac_oau_10_a_redirect_is_not_followed(issuer):
    issuer.status, issuer.location = 302, issuer.jwks_url.replace("keys", "others")
    assert "redirect" in refusal(issuer.jwks_url, issuer.key_id).detail
    assert len(issuer.fetches) == 1


def test_ac_oau_10_a_private_address_is_not_called_whatever_the_name_server_says(issuer, settings, monkeypatch):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, webhook_networks=())
    assert "no public address" in refusal(issuer.jwks_url, issuer.key_id).detail
    assert issuer.fetches == []


def test_a_document_that_is_too_large_is_refused(issuer):
    issuer.keys |= {f"{number}" + "x" * 1_000: issuer.keys[issuer.key_id] for number in range(300)}
    assert "too large" in refusal(issuer.jwks_url, issuer.key_id).detail


def test_a_key_set_has_public_keys_with_ids():
    issuer = Issuer()
    document = issuer.key_set
    assert list(read_key_set(document)) == [issuer.key_id, issuer.next_key_id]
    odd = {"keys": [*document["keys"], {"kty": "RSA", "kid": "odd", "n": "\0", "x5c": ["long"]}]}
    assert read_key_set(odd)["odd"] == {"kty": "RSA", "kid": "odd"}
    private = {"keys": [make_ec_key().as_dict(private=True) | {"kid": "x"}]}
    shared = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}]}
    for wrong in (None, [], {}, {"keys": {}}, {"keys": []}, {"keys": [1]}, {"keys": [{}]}, private, shared):
        with pytest.raises(KeySetError):
            read_key_set(wrong)
