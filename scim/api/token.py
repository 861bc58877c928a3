"""The token endpoint (RFC 6749 §3.2, §4.4, RFC 7523) and the documents that describe it (RFC 8414, RFC 9728).

    POST /oauth/token, one address for all providers: the client id names the provider

    what is wrong                                  status  error
    the form, or a parameter that is there twice   400     invalid_request (413 for a body that is too long)
    another grant than client_credentials          400     unsupported_grant_type
    two ways to authenticate at once               400     invalid_request
    the client, its secret or its assertion        401     invalid_client: the same response, whatever was wrong
    an address outside the allowed ranges          403     access_denied
    too many refused requests                      429     temporarily_unavailable, with Retry-After
    a paused provider, keys being fetched          503     temporarily_unavailable, with Retry-After

The provisioning log has what was wrong, under the provider of the client. Requests of unknown clients are counted.
"""

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from providers import access_tokens, rate_limits
from providers.access_tokens import AddressRefusedError, Granted, PausedError, Proof, SignInError, token_url
from providers.assertions import ALGORITHMS
from providers.client_address import client_address, source_of
from providers.models import OAuthClient
from providers.outages import RETRY_AFTER_S, is_outage
from providers.outcomes import Action, Refusal, SignInFailure
from providers.redaction import Redactor
from providers.request_log import Entry, writer
from providers.signing_keys import FetchingError
from scim.api import refusals
from scim.api.exceptions import log_error
from scim.api.parsers import read_unread_body
from scim.protocol.errors import Reason

MAX_BODY = 16_384
MAX_PARAMETERS = 30
GRANT = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "scim"
_PAUSED_S, _FETCHING_S = 2_400, 2
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """An error response (RFC 6749 §5.2)."""

    def __init__(self, status: int, error: str, description: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.description, self.headers = status, error, description, headers or {}


def _invalid(description: str, status: int = 400) -> OAuthError:
    return OAuthError(status, "invalid_request", description)


def _unavailable(status: int, description: str, wait_s: float) -> OAuthError:
    return OAuthError(status, "temporarily_unavailable", description, {"Retry-After": refusals.retry_after(wait_s)})


@dataclass
class _Attempt:
    """One request to the endpoint, as far as it is known: for its entry in the provisioning log."""

    address: str | None
    client_id: str = ""
    uses_basic: bool = False
    client: OAuthClient | None = None
    reason: str = ""
    detail: str = ""
    shown: Mapping[str, Any] | None = None
    is_uncovered: bool = False


def token(request: HttpRequest) -> HttpResponse:
    """Return an access token, or an error, always as JSON."""
    started = time.perf_counter()
    attempt = _Attempt(client_address(request))
    try:
        granted = _grant(request, attempt)
        attempt.is_uncovered = not granted.is_covered
        response = _json(
            {"access_token": granted.value, "token_type": "Bearer", "expires_in": granted.seconds, "scope": SCOPE}
        )
    except OAuthError as error:
        response = _json({"error": error.error, "error_description": error.description}, error.status)
        for name, value in error.headers.items():
            response[name] = value
        if error.status == 503:
            response._has_been_logged = True  # type: ignore[attr-defined]
    except Exception as error:  # no request may go without an answer, a limit and a trace
        rate_limits.sign_ins.take(_key(attempt))
        log_error(error, request)
        response = _json({"error": "server_error", "error_description": "iProva could not process this request."}, 500)
        response._has_been_logged = True  # type: ignore[attr-defined]
    _log(request, attempt, response, (time.perf_counter() - started) * 1_000)
    return response


def _json(document: Mapping[str, Any], status: int = 200) -> HttpResponse:
    body = orjson.dumps(document)
    headers = {**_NO_STORE, "Content-Length": str(len(body))}
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def _grant(request: HttpRequest, attempt: _Attempt) -> Granted:
    try:
        sent = _read(request)
        return _issue(_prove(request, sent, attempt), attempt)
    except SignInError as error:
        attempt.client, attempt.reason, attempt.detail = error.client, error.failure, error.detail
        attempt.shown = error.assertion.shown if error.assertion else attempt.shown
        raise _refused(attempt) from error
    except FetchingError as error:
        rate_limits.sign_ins.take(_key(attempt))
        raise _unavailable(503, "The keys of the issuer are being fetched. Try again.", _FETCHING_S) from error
    except (DatabaseError, InterfaceError) as error:
        if not is_outage(error):
            raise
        log_error(error, request)
        raise _unavailable(503, "The database of iProva does not answer. Try again.", RETRY_AFTER_S) from error


def _read(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the form. Those without a value count as missing (RFC 6749 §3.2)."""
    if request.method != "POST":
        raise OAuthError(405, "invalid_request", "Send a POST request.", {"Allow": "POST"})
    if request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _invalid("Content-Type must be application/x-www-form-urlencoded.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY:
        raise _invalid(f"The body has more than {MAX_BODY:,} bytes.", 413)
    body = read_unread_body(request, MAX_BODY)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        raise _invalid(f"The body is not a form of at most {MAX_PARAMETERS} parameters in UTF-8.") from error
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise _invalid("A parameter is there twice.")
    return {name: value for name, value in pairs if value}


def _prove(request: HttpRequest, sent: Mapping[str, str], attempt: _Attempt) -> Proof:
    """Return the client that the request is from. Raises `OAuthError`, `SignInError` and `FetchingError`."""
    if "grant_type" not in sent:
        raise _invalid("grant_type is missing.")
    if sent["grant_type"] != GRANT:
        raise OAuthError(400, "unsupported_grant_type", f"grant_type must be {GRANT}.")
    basic = _basic(request, attempt)
    ways = [basic is not None, "client_secret" in sent, "client_assertion" in sent or "client_assertion_type" in sent]
    if sum(ways) > 1:
        raise _invalid("Authenticate in one way only: Basic, client_secret or client_assertion.")
    client_id, secret = basic or (sent.get("client_id", ""), sent.get("client_secret", ""))
    if basic and sent.get("client_id", client_id) != client_id:
        raise _invalid("client_id is another one than that of Basic.")
    named = client_id or access_tokens.client_id_of(sent.get("client_assertion", ""))
    attempt.client_id = named[:100]
    _check_rate(attempt)
    if ways[2]:
        if sent.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in sent:
            raise _invalid(f"client_assertion needs client_assertion_type={ASSERTION_TYPE}.")
        proof = access_tokens.prove_with_assertion(client_id, sent["client_assertion"])
    else:
        proof = access_tokens.prove_with_secret(client_id, secret)
    attempt.client = proof.client
    attempt.shown = proof.assertion.shown if proof.assertion else None
    return proof


def _basic(request: HttpRequest, attempt: _Attempt) -> tuple[str, str] | None:
    """Return id and secret of HTTP Basic, both percent-encoded inside (RFC 6749 §2.3.1); None without that header.

    A header that cannot be read is that of an unknown client.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "").strip()
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    attempt.uses_basic = True
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _key(attempt: _Attempt) -> tuple[str, str]:
    return source_of(attempt.address), attempt.client_id


def _check_rate(attempt: _Attempt) -> None:
    if wait := rate_limits.sign_ins.wait(_key(attempt)):
        attempt.reason = Reason.REFUSED_TOO_OFTEN
        raise _too_often(wait)


def _too_often(wait_s: float) -> OAuthError:
    return _unavailable(429, "Too many refused requests. Correct the client, then try again.", wait_s)


def _refused(attempt: _Attempt) -> OAuthError:
    """The response to a client that is not known or did not show who it is: 401, or 429 if that happens too often."""
    rate_limits.sign_ins.take(_key(attempt))
    if wait := rate_limits.refused.take(source_of(attempt.address)):
        return _too_often(wait)
    headers = {"WWW-Authenticate": 'Basic realm="SCIM"'} if attempt.uses_basic else {}
    return OAuthError(401, "invalid_client", "The client is not known, or did not authenticate.", headers)


def _issue(proof: Proof, attempt: _Attempt) -> Granted:
    try:
        if wait := rate_limits.providers.take(proof.client.provider_id):
            attempt.reason = Reason.TOO_FAST
            raise _unavailable(429, "This provider sends more requests than it may. Try again.", wait)
        return access_tokens.grant(proof, attempt.address)
    except AddressRefusedError as error:
        attempt.reason, attempt.detail = Reason.ADDRESS_REFUSED, refusals.address_refused().detail
        attempt.is_uncovered = True
        raise OAuthError(403, "access_denied", "The calling address is not allowed.") from error
    except PausedError as error:
        attempt.reason, attempt.detail = Reason.PAUSED, refusals.paused().detail
        raise _unavailable(503, "An administrator has paused this provider.", _PAUSED_S) from error


def _log(request: HttpRequest, attempt: _Attempt, response: HttpResponse, duration_ms: float) -> None:
    """Write the entry of a known client, or count the request of an unknown one."""
    client, at = attempt.client, timezone.now()
    if client is None:
        if response.status_code in (401, 429):
            kind = Refusal.LOCKED if attempt.reason == Reason.REFUSED_TOO_OFTEN else Refusal.UNKNOWN_CLIENT
            writer.count_refusal(attempt.address, at, kind)
        return
    if response.status_code >= 400 and _is_one_of_too_many(client, attempt):
        if _is_strangers(attempt):
            writer.count_refusal(attempt.address, at, Refusal.UNPROVEN)
        return
    redactor = Redactor()
    writer.add(
        Entry(
            id=request.request_id,  # type: ignore[attr-defined]
            at=at,
            provider_id=client.provider_id,
            token_id=None,
            token_prefix=client.prefix,
            method="POST",
            path=redactor.path(request.path_info),
            query=redactor.query(request.META.get("QUERY_STRING", "")),
            status=response.status_code,
            reason=attempt.reason,
            scim_type="",
            detail=redactor.detail(attempt.detail),
            duration_ms=round(duration_ms, 2),
            source_ip=attempt.address,
            is_uncovered=attempt.is_uncovered,
            client_request_id=redactor.name(str((attempt.shown or {}).get("uti", "")))[:100],
            resource_type="",
            resource_id=None,
            intent=Action.SIGN_IN,
            request_body=redactor.request(orjson.dumps(attempt.shown), attempt.shown) if attempt.shown else "",
        ),
        touches_token=False,
    )


def _is_strangers(attempt: _Attempt) -> bool:
    """Return whether a refused request may be from anybody who knows the client id."""
    return isinstance(attempt.reason, SignInFailure) and not attempt.reason.proves_itself


def _is_one_of_too_many(client: OAuthClient, attempt: _Attempt) -> bool:
    """Return whether a refusal gets no entry. Those of strangers have a limit of their own."""
    bucket = rate_limits.unproven if _is_strangers(attempt) else rate_limits.logged
    return attempt.reason != Reason.PAUSED and bool(bucket.take(client.provider_id))


def _document(values: Mapping[str, Any]) -> HttpResponse:
    response = _json(values)
    response["Cache-Control"] = "public, max-age=3600"
    del response["Pragma"]
    return response


def unknown(request: HttpRequest) -> HttpResponse:
    """Return 404 for any other address of OAuth."""
    return _json({"error": "not_found", "error_description": f"The token endpoint is {token_url()}."}, 404)


def authorization_server(request: HttpRequest) -> HttpResponse:
    """Return the metadata of this server as an issuer of access tokens (RFC 8414 §2)."""
    return _document(
        {
            "issuer": settings.OPTIONS.base_url,
            "token_endpoint": token_url(),
            "grant_types_supported": [GRANT],
            "response_types_supported": [],
            "scopes_supported": [SCOPE],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        }
    )


def protected_resource(request: HttpRequest) -> HttpResponse:
    """Return the metadata of the SCIM endpoint (RFC 9728 §2)."""
    return _document(
        {
            "resource": settings.OPTIONS.scim_url,
            "authorization_servers": [settings.OPTIONS.base_url],
            "scopes_supported": [SCOPE],
            "bearer_methods_supported": ["header"],
            "resource_name": "iProva",
        }
    )
