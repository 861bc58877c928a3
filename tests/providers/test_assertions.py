"""The checks of an assertion, without a database: forms, algorithms, keys, and what is shown of one."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jws
from joserfc.jwk import RSAKey

from providers.assertions import (
    AssertionRefusedError,
    Expected,
    check_assertion,
    check_to_learn,
    read_assertion,
)
from providers.outcomes import SignInFailure
from tests.issuer import APPLICATION, SUBJECT, TENANT, Issuer, make_ec_key

EXPECTED = Expected("https://localhost/x/v2.0", SUBJECT, [APPLICATION], TENANT, APPLICATION)


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


def expected(issuer, **changed):
    return Expected(**{**vars(EXPECTED), "issuer": issuer.issuer} | changed)


def check(issuer, text, known=None, **changed):
    keys = {one["kid"]: one for one in issuer.key_set["keys"]} | (known or {})
    now = issuer.claims()["iat"]
    check_assertion(read_assertion(text), expected(issuer, **changed), keys.__getitem__, now)


def refusal(act, *arguments, **changed):
    with pytest.raises(AssertionRefusedError) as error:
        act(*arguments, **changed)
    return error.value.failure


def encoded(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_an_assertion_as_entra_makes_it_passes(issuer):
    check(issuer, issuer.assertion())
    check(issuer, issuer.assertion(azp=None, appid=APPLICATION))
    check(issuer, issuer.assertion(tid="another"), tenant="")
    check(issuer, issuer.assertion(azp="another"), authorized_party="")


@pytest.mark.parametrize("algorithm", ["PS256", "ES256"])
def test_the_other_algorithms_pass(issuer, algorithm):
    key = make_ec_key() if algorithm == "ES256" else issuer.keys[issuer.key_id]
    known = {"k": key.as_dict(private=False) | {"kid": "k"}}
    check(issuer, issuer.assertion(header={"alg": algorithm, "kid": "k"}, key=key), known)


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b.c", "....", "{}.{}.{}", f"{encoded([])}.{encoded({})}.x", f"{encoded({})}.{encoded(b'x')}.x"],
)
def test_what_is_not_a_jwt_cannot_be_read(text):
    assert refusal(read_assertion, text) == SignInFailure.ASSERTION_FORM


@pytest.mark.parametrize("algorithm", [None, "none", "NONE", "HS256", "RS512", "", 1, ["RS256"]])
def test_no_other_algorithm_is_read(algorithm):
    text = f"{encoded({'alg': algorithm, 'kid': 'k'})}.{encoded({})}.x"
    assert refusal(read_assertion, text) == SignInFailure.ASSERTION_ALGORITHM


def test_a_key_of_another_type_or_use_or_that_is_short_is_refused(issuer):
    own = issuer.keys[issuer.key_id]
    short = RSAKey.generate_key(1_024, auto_kid=False)
    claims = json.dumps(issuer.claims()).encode()
    weak = jws.serialize_compact({"alg": "RS256", "kid": "k"}, claims, short, algorithms=["RS256"])
    for text, jwk in (
        (issuer.assertion(header={"kid": "k"}), make_ec_key().as_dict(private=False)),
        (issuer.assertion(header={"kid": "k"}), own.as_dict(private=False) | {"use": "enc"}),
        (issuer.assertion(header={"kid": "k"}), {"kty": "RSA", "n": "x"}),
        (weak, short.as_dict(private=False)),
    ):
        assert refusal(check, issuer, text, {"k": jwk | {"kid": "k"}}) == SignInFailure.ASSERTION_KEY


def test_a_signature_of_another_key_is_refused(issuer):
    text = issuer.assertion(key=RSAKey.generate_key(2_048, auto_kid=False))
    assert refusal(check, issuer, text) == SignInFailure.ASSERTION_SIGNATURE
    header = {"alg": "RS256", "kid": issuer.key_id, "crit": ["x"], "x": 1}
    signed = f"{encoded(header)}.{encoded(issuer.claims())}"
    own = issuer.keys[issuer.key_id].private_key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    assert refusal(check, issuer, f"{signed}.{encoded(own)}") == SignInFailure.ASSERTION_FORM


def test_a_critical_moment_is_that_of_the_second(issuer):
    now = issuer.claims()["iat"]
    check(issuer, issuer.assertion(exp=now + 1, nbf=now + 59, iat=now + 59))
    assert refusal(check, issuer, issuer.assertion(exp=now - 1)) == SignInFailure.ASSERTION_EXPIRED
    assert refusal(check, issuer, issuer.assertion(nbf=now + 70)) == SignInFailure.ASSERTION_NOT_YET
    check(issuer, issuer.assertion(iat=now, exp=now + 86_390))
    assert refusal(check, issuer, issuer.assertion(iat=now, exp=now + 86_500)) == SignInFailure.ASSERTION_LIFE


def test_to_learn_all_but_the_person_is_checked(issuer):
    keys = {one["kid"]: one for one in issuer.key_set["keys"]}
    now = issuer.claims()["iat"]
    unknown = expected(issuer, subject="", audiences=[])
    check_to_learn(read_assertion(issuer.assertion(sub="x", oid="x", aud="y")), unknown, keys.__getitem__, now)
    for changed, failure in (
        ({"tid": "another"}, SignInFailure.ASSERTION_TENANT),
        ({"iss": "another"}, SignInFailure.ASSERTION_ISSUER),
        ({"exp": 1}, SignInFailure.ASSERTION_EXPIRED),
        ({"sub": "a person's"}, SignInFailure.ASSERTION_SUBJECT),
    ):
        text = issuer.assertion(**changed)
        assert refusal(check_to_learn, read_assertion(text), unknown, keys.__getitem__, now) == failure
    assert refusal(check, issuer, issuer.assertion(), subject="") == SignInFailure.ASSERTION_SUBJECT


def test_the_key_is_asked_for_only_if_the_issuer_is_the_right_one(issuer):
    def key_of(key_id):
        raise AssertionError("asked")

    text = issuer.assertion(iss="another")
    now = issuer.claims()["iat"]
    with pytest.raises(AssertionRefusedError):
        check_assertion(read_assertion(text), expected(issuer), key_of, now)


def test_what_is_shown_is_short_and_cannot_be_used(issuer):
    text = issuer.assertion(sub="x" * 1_000, extra="secret", uti=["a"] * 30)
    shown = read_assertion(text).shown
    assert len(shown["sub"]) == 500 and len(shown["uti"]) == 10 and "extra" not in shown
    assert text.split(".")[2] not in str(shown)
