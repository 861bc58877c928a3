"""Checks the assertion of a client: a JWT that its issuer, or the client itself, has signed (RFC 7523 §3).

Entra ID sends the same assertion for about an hour and has no `jti`, so an assertion of another issuer may come again.
A client that signs for itself has to send a new one each time.

Only the keys that the caller passes count. A key, or the address of one, in the assertion's own header is ignored.

The checks, in their order; each failure has its own `SignInFailure`:

    length            at most 8 KiB
    form              three parts of base64url: a header and claims, each a JSON object, and a signature
    algorithm         RS256, PS256 or ES256: no `none`, and nothing with a shared secret
    key id            the header has `kid`
    issuer            `iss` is the stored issuer
    key               the issuer has a key with this `kid`, that fits the algorithm
    signature         the key has signed header and claims
    expiry            `exp` is in the future
    beginning         `nbf` and `iat` are at most 60 seconds ahead of this server's clock
    life              at most 24 hours from `iat` to `exp`
    tenant            `tid` is the stored tenant, if there is one
    subject           `sub` is the stored subject
    audience          `aud` contains the stored audience; `X` and `api://X` are the same
    authorized party  `azp`, or `appid`, is the stored one, if there is one
    id                `jti` is there, for a client that signs for itself
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from providers.outcomes import SignInFailure

MAX_BYTES = 8_192
MAX_LIFE_S = 24 * 3_600
CLOCK_SKEW_S = 60
MIN_RSA_BITS = 2_048
# The type of the key that an algorithm needs.
ALGORITHMS: Mapping[str, type] = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey}
# What the log and the console show of an assertion. It has no value that could be used again.
SHOWN_CLAIMS = ("iss", "sub", "aud", "tid", "oid", "azp", "appid", "ver", "iat", "nbf", "exp", "jti", "uti")


class AssertionRefusedError(Exception):
    """An assertion failed a check. `detail` says in English what came and what was expected."""

    def __init__(self, failure: SignInFailure, detail: str) -> None:
        super().__init__(failure, detail)
        self.failure, self.detail = failure, detail


@dataclass(frozen=True)
class Expected:
    """What an assertion must have. "" is not checked, but `subject` and `audiences` always are."""

    issuer: str
    subject: str
    audiences: Sequence[str]
    tenant: str = ""
    authorized_party: str = ""
    needs_id: bool = False


@dataclass(frozen=True)
class Assertion:
    """An assertion as it was read, before anything of it is trusted."""

    text: str
    algorithm: str
    key_id: str
    claims: Mapping[str, Any]

    def text_of(self, *names: str) -> str:
        """Return the first of these claims that is a text, or ""."""
        return next((value for name in names if isinstance(value := self.claims.get(name), str)), "")

    @property
    def shown(self) -> dict[str, Any]:
        """What may be shown of it: the key id, the algorithm and `SHOWN_CLAIMS`, each at most 500 characters."""
        found = {"alg": self.algorithm, "kid": self.key_id, **{name: self.claims.get(name) for name in SHOWN_CLAIMS}}
        return {name: _short(value) for name, value in found.items() if value is not None}

    @property
    def audiences(self) -> list[str]:
        sent = self.claims.get("aud")
        return [part for part in (sent if isinstance(sent, list) else [sent]) if isinstance(part, str)]

    @property
    def expires_at(self) -> float:
        """The moment of `exp`, in seconds since 1970; 0 without one."""
        return _moment(self.claims, "exp") or 0.0


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return [_short(part) for part in value[:10]]
    if isinstance(value, bool | int | float):
        return value
    return str(value)[:500].replace("\0", "\ufffd")  # PostgreSQL rejects NUL


def read_assertion(text: str) -> Assertion:
    """Return an assertion that could be verified. Raises `AssertionRefusedError` for the first four checks."""
    if len(text) > MAX_BYTES:
        raise AssertionRefusedError(
            SignInFailure.ASSERTION_TOO_LONG, f"It has {len(text):,} bytes; {MAX_BYTES:,} are allowed."
        )
    parts = text.split(".")
    if len(parts) != 3:
        raise AssertionRefusedError(SignInFailure.ASSERTION_FORM, f"It has {len(parts)} parts, and not three.")
    header, claims = _read_part(parts[0], "header"), _read_part(parts[1], "claims")
    if "crit" in header:  # RFC 7515 §4.1.11: nothing that it may name is understood here
        raise AssertionRefusedError(SignInFailure.ASSERTION_FORM, "The header has crit.")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise AssertionRefusedError(
            SignInFailure.ASSERTION_ALGORITHM, f"alg is {_quoted(algorithm)}; {', '.join(ALGORITHMS)} are accepted."
        )
    if not isinstance(key_id, str) or not key_id:
        raise AssertionRefusedError(SignInFailure.ASSERTION_NO_KEY_ID, "The header has no kid.")
    return Assertion(text, algorithm, key_id, claims)


def _read_part(part: str, name: str) -> dict[str, Any]:
    try:
        found = orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise AssertionRefusedError(SignInFailure.ASSERTION_FORM, f"The {name} cannot be read.") from error
    if not isinstance(found, dict):
        raise AssertionRefusedError(SignInFailure.ASSERTION_FORM, f"The {name} is not a JSON object.")
    return found


def check_assertion(
    assertion: Assertion, expected: Expected, key_of: Callable[[str], Mapping[str, Any]], now: float
) -> None:
    """Check an assertion at a moment, in seconds since 1970. Raises `AssertionRefusedError`, and what `key_of` raises.

    `key_of` returns the issuer's key (a JWK) with a key id. It is called only if the issuer is the expected one.
    """
    _check_issuer(assertion, expected)
    _check_signature(assertion, key_of(assertion.key_id))
    _check_times(assertion.claims, now)
    for check in (_check_tenant, _check_subject, _check_audience, _check_authorized_party, _check_id):
        check(assertion, expected)


def check_to_learn(
    assertion: Assertion, expected: Expected, key_of: Callable[[str], Mapping[str, Any]], now: float
) -> None:
    """Check all but who it is about, so that an administrator may be asked whether to trust it. Raises the same.

    `sub` must be `oid`: so it is for an application, and not for a person who has signed in to the tenant.
    """
    _check_issuer(assertion, expected)
    _check_signature(assertion, key_of(assertion.key_id))
    _check_times(assertion.claims, now)
    _check_tenant(assertion, expected)
    _compare(assertion.claims.get("oid"), assertion.text_of("sub"), "oid", SignInFailure.ASSERTION_SUBJECT)


def _check_issuer(assertion: Assertion, expected: Expected) -> None:
    _compare(assertion.claims.get("iss"), expected.issuer, "iss", SignInFailure.ASSERTION_ISSUER)


def _compare(sent: Any, expected: str, name: str, failure: SignInFailure) -> None:
    if sent != expected:
        raise AssertionRefusedError(failure, f"{name} is {_quoted(sent)}, and not {_quoted(expected)}.")


def _quoted(value: Any) -> str:
    return "missing" if value is None else f'"{str(value)[:300]}"'


def _check_signature(assertion: Assertion, jwk: Mapping[str, Any]) -> None:
    try:
        key = import_key(dict(jwk))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise AssertionRefusedError(SignInFailure.ASSERTION_KEY, "The issuer's key cannot be read.") from error
    if not isinstance(key, ALGORITHMS[assertion.algorithm]) or jwk.get("use", "sig") != "sig":
        said = f"The issuer's key {_quoted(assertion.key_id)} is not for {assertion.algorithm}."
        raise AssertionRefusedError(SignInFailure.ASSERTION_KEY, said)
    if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
        said = f"The issuer's key has fewer than {MIN_RSA_BITS:,} bits."
        raise AssertionRefusedError(SignInFailure.ASSERTION_KEY, said)
    try:
        jws.deserialize_compact(assertion.text, key, algorithms=[assertion.algorithm])
    except (JoseError, ValueError, TypeError, KeyError) as error:
        said = f"The key {_quoted(assertion.key_id)} did not sign it."
        raise AssertionRefusedError(SignInFailure.ASSERTION_SIGNATURE, said) from error


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a NumericDate (RFC 7519 §2), or None if the claim is missing or is not a number."""
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = _moment(claims, "exp")
    if expires is None or expires <= now:
        said = "exp is missing." if expires is None else f"It expired {now - expires:,.0f} seconds ago."
        raise AssertionRefusedError(SignInFailure.ASSERTION_EXPIRED, said)
    for name in ("nbf", "iat"):
        begins = _moment(claims, name)
        if begins is not None and begins > now + CLOCK_SKEW_S:
            said = f"{name} is {begins - now:,.0f} seconds ahead of this server's clock; {CLOCK_SKEW_S} are allowed."
            raise AssertionRefusedError(SignInFailure.ASSERTION_NOT_YET, said)
    issued = _moment(claims, "iat")
    issued = _moment(claims, "nbf") if issued is None else issued
    life = expires - (now if issued is None else issued)
    if life > MAX_LIFE_S:
        said = f"It lives {life / 3_600:,.1f} hours; {MAX_LIFE_S // 3_600} are allowed."
        raise AssertionRefusedError(SignInFailure.ASSERTION_LIFE, said)


def _check_tenant(assertion: Assertion, expected: Expected) -> None:
    if expected.tenant:
        _compare(assertion.claims.get("tid"), expected.tenant, "tid", SignInFailure.ASSERTION_TENANT)


def _check_subject(assertion: Assertion, expected: Expected) -> None:
    if not expected.subject:
        raise AssertionRefusedError(SignInFailure.ASSERTION_SUBJECT, "No subject is trusted yet.")
    _compare(assertion.claims.get("sub"), expected.subject, "sub", SignInFailure.ASSERTION_SUBJECT)


def _check_audience(assertion: Assertion, expected: Expected) -> None:
    if _bare(expected.audiences).isdisjoint(_bare(assertion.audiences)):
        sent = ", ".join(map(_quoted, assertion.audiences[:10])) or "missing"
        said = f"aud is {sent}, and not {' or '.join(map(_quoted, expected.audiences))}."
        raise AssertionRefusedError(SignInFailure.ASSERTION_AUDIENCE, said)


def _bare(audiences: Iterable[str]) -> set[str]:
    return {audience.removeprefix("api://") for audience in audiences}


def _check_authorized_party(assertion: Assertion, expected: Expected) -> None:
    if expected.authorized_party:
        sent = assertion.text_of("azp", "appid") or None
        _compare(sent, expected.authorized_party, "azp", SignInFailure.ASSERTION_AUTHORIZED_PARTY)


def _check_id(assertion: Assertion, expected: Expected) -> None:
    if expected.needs_id and not assertion.text_of("jti"):
        raise AssertionRefusedError(SignInFailure.ASSERTION_NO_ID, "jti is missing.")
