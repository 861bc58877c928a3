"""Who is let in: bearer token → provider → IP rule, and nothing else (threats V16 to V30)."""

import ast
import base64
import dataclasses
import hashlib
import hmac
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import scim.api.urls
from providers import request_log
from providers.events import SYSTEM
from providers.models import RefusedCalls, RequestLog, Token
from providers.tokens import digest_of, find_caller, make_value, revoke_token
from tests.conftest import ScimClient
from tests.factories import issue, make_account

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


ROUTES = [
    "", "/", "/Users", "/Users/1", "/Groups", "/Groups/1", "/Schemas", "/Schemas/x", "/ResourceTypes", "/ResourceTypes/User",
    "/ServiceProviderConfig", "/Me", "/Bulk", "/.search", "/Users/.search", "/v2", "/v2/Users", "/nothing", "//Users", "/a//b",
]  # fmt: skip


VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("route", ROUTES)
def test_v19_every_route_and_verb_without_a_token_is_401(db, route, verb):
    answer = ScimClient(None).request(verb, route, {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/scim+json"
    assert answer["X-Request-Id"]
    if verb != "HEAD":
        assert answer.json()["schemas"] == [ERROR]
        assert answer.json()["status"] == "401"


def test_v20_a_browser_session_provisions_nothing(provider):
    browser = Client()
    browser.force_login(make_account("superuser"))
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert browser.generic(verb, "/scim/Users", "{}", content_type="application/scim+json").status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer null", "Bearer undefined", "Basic YTpi", "Token x", "Bearer \udcff"]
)
def test_v21_empty_and_default_secrets_are_401(provider, header):
    answer = Client(raise_request_exception=False).get("/scim/Users", headers={"Authorization": header})
    assert answer.status_code == 401


DETAILS = [
    ("eyJhbGciOi.eyJpc3MiOi.c2ln", "its Secret Token is empty"),
    ("ipr_tooshort", "cut off or changed"),
    ("something-else", "not known"),
]


@pytest.mark.parametrize(("value", "sentence"), DETAILS)
def test_a_401_says_what_the_administrator_does_next(db, value, sentence):
    assert sentence in ScimClient(value).get("/Users").json()["detail"]


def test_v26_a_revoked_token_is_401_at_the_very_next_request(provider):
    token, value = issue(provider)
    client = ScimClient(value)
    assert client.get("/Users").status_code == 200
    revoke_token(token, SYSTEM)
    answer = client.get("/Users")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


@pytest.mark.parametrize(("column", "word"), [("expires_at", "expired"), ("suspended_at", "suspended")])
def test_expired_and_suspended_tokens_are_401(provider, column, word):
    token, value = issue(provider)
    Token.objects.filter(pk=token.pk).update(**{column: timezone.now() - timedelta(seconds=1)})
    answer = ScimClient(value).get("/Users")
    assert (answer.status_code, word in answer.json()["detail"]) == (401, True)


def test_v24_any_token_costs_one_indexed_query(provider, django_assert_num_queries):
    value = make_value()
    with django_assert_num_queries(1):
        assert find_caller(value, "203.0.113.9") is None
    with django_assert_num_queries(1):
        assert ScimClient(value).get("/Users").status_code == 401


def test_v23_only_the_digest_of_a_token_is_kept(provider):
    token, value = issue(provider)
    row = Token.objects.filter(pk=token.pk).values().get()
    assert bytes(row["digest"]) == digest_of(value)
    assert value[8:-4] not in repr({name: part for name, part in row.items() if name != "digest"})


def test_ac_tok_10_last_use_is_written_at_most_once_a_minute(provider):
    token, value = issue(provider)
    client = ScimClient(value)
    client.get("/Users")
    request_log.writer.flush()
    first = Token.objects.get(pk=token.pk).last_used_at
    assert first
    client.get("/Users")
    request_log.writer.flush()
    assert Token.objects.get(pk=token.pk).last_used_at == first
    assert Token.objects.get(pk=token.pk).last_used_ip == "127.0.0.1"


def test_ac_ref_2_refusals_of_nobody_are_counted_not_kept(db):
    for _ in range(30):
        ScimClient(None).get("/Users")
        ScimClient("ipr_unknown").get("/Users")
    request_log.writer.flush()
    assert sorted(RefusedCalls.objects.values_list("kind", "count")) == [("altered-token", 30), ("no-token", 30)]
    assert not RequestLog.objects.exists()


def test_v17_no_address_names_a_provider_so_only_the_token_decides(provider, stranger):
    mine, theirs = ScimClient(issue(provider)[1]), ScimClient(issue(stranger)[1])
    mine.post("/Users", {"userName": "mine"})
    theirs.post("/Users", {"userName": "theirs"})
    names = [
        str(stranger.pk),
        stranger.title,
        f"providers/{stranger.pk}",
        f"v2/{stranger.pk}",
        f"tenants/{stranger.pk}/v2",
    ]
    for name in names:
        assert mine.get(f"/{name}/Users").status_code == 404
        assert ScimClient(None).get(f"/{name}/Users").status_code == 401
    elsewhere = [
        *({"headers": {header: str(stranger.pk)}} for header in ("X-Provider", "X-Tenant-Id", "X-Forwarded-User")),
        *({name: str(stranger.pk)} for name in ("provider", "provider_id", "tenant", "tenantId")),
        {"headers": {"X-Forwarded-Host": f"{stranger.pk}.example.com"}},
    ]
    for sent in elsewhere:
        found = mine.get("/Users", **sent).json()
        assert [one["userName"] for one in found["Resources"]] == ["mine"], sent
    patterns = [str(pattern.pattern) for pattern in scim.api.urls.urlpatterns]
    assert patterns and not [pattern for pattern in patterns if re.search("provider|tenant|<int", pattern)]


def test_v22_a_token_is_looked_up_by_its_digest_and_no_secret_is_compared_with_equals(provider):
    value = issue(provider)[1]
    with CaptureQueriesContext(connection) as captured:
        assert find_caller(value, "203.0.113.9")
    sent = "".join(query["sql"] for query in captured)
    assert digest_of(value).hex() in sent.lower() and value[4:] not in sent and value[8:-4] not in sent
    assert digest_of(value) == hashlib.sha256(value.encode()).digest()
    compared = [place for source in SECRET_SOURCES for place in comparisons_of_secrets(PROJECT / source)]
    assert compared == []


PROJECT = Path(__file__).resolve().parents[3]
SECRET_SOURCES = [
    "scim/api/authentication.py", "providers/tokens.py", "providers/two_step.py", "providers/accounts.py",
    "providers/console/accounts/two_step.py", "providers/console/accounts/sign_in.py", "iprova_idm/metrics.py",
]  # fmt: skip
_SECRET = re.compile(r"(^|_)(token|tokens|secret|password|digest|code|hash|key)$")


def comparisons_of_secrets(source):
    """Where a file compares a variable named like a secret with == or !=, which takes longer the more is equal."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
            names = [getattr(part, "attr", getattr(part, "id", "")) for part in (node.left, *node.comparators)]
            if any(_SECRET.search(name) for name in names):
                yield f"{source.name}:{node.lineno}"


def test_v22_the_token_of_metrics_is_compared_in_constant_time(settings, client, monkeypatch):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, metrics_token="m" * 40)
    compared, really = [], hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or really(*both))
    browser = Client(headers={"Host": "127.0.0.1"})
    for sent, status in (("m" * 40, 200), ("m" * 39 + "n", 401), ("", 401)):
        assert browser.get("/metrics", headers={"Authorization": f"Bearer {sent}"}).status_code == status
        assert compared.pop() == (sent.encode(), b"m" * 40)


def _other_credentials(browser):
    """Credentials of every other kind that exists here or elsewhere: headers and cookies of a request."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    for value in (jwt, session, "correct horse battery", "0" * 64, "jane:secret"):
        yield {"Authorization": f"Bearer {value}"}
        yield {"Authorization": f"Token {value}"}
        yield {"Authorization": f"Basic {value}"}
        yield {"X-Api-Key": value}
        yield {"Cookie": f"{settings.SESSION_COOKIE_NAME}={value}; token={value}"}


def test_v27_no_other_kind_of_credential_opens_scim_and_none_is_kept(provider, capfd):
    account = make_account("Administrator")
    browser = Client(headers={"Host": "127.0.0.1"})
    browser.force_login(account)
    for headers in _other_credentials(browser):
        client = ScimClient(None)
        for answer in (
            client.get("/Users", headers=headers),
            client.post("/Users", {"userName": "x"}, headers=headers),
        ):
            assert answer.status_code == 401, headers
            assert not any(value.rpartition(" ")[2] in answer.content.decode() for value in headers.values())
    request_log.writer.flush()
    captured = capfd.readouterr()
    kept = repr(list(RefusedCalls.objects.values())) + captured.out + captured.err
    assert "eyJ" not in kept and "secret" not in kept and not RequestLog.objects.exists()


def test_v27_a_token_counts_as_a_bearer_token_alone(provider):
    """RFC 6750 §2.2 and §2.3 know it in a form and in the query too, where logs and histories would keep it."""
    _token, value = issue(provider)
    client, pair = ScimClient(None), base64.b64encode(f"scim:{value}".encode()).decode()
    schemes = [value, f"Token {value}", f"Basic {value}", f"Basic {pair}", f"Digest {value}", f"Bearer,{value}"]
    sent = [*({"Authorization": scheme} for scheme in schemes), {"X-Api-Key": value}, {"Cookie": f"token={value}"}]
    for headers in sent:
        assert client.get("/Users", headers=headers).status_code == 401, headers
    assert client.get("/Users", access_token=value).status_code == 401
    assert client.get("/Users", headers={"Authorization": f"Bearer {value}"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/eum/", "/eum/users/", "/eum/log/", "/accounts/"])
def test_v27_a_token_opens_no_page_of_the_console(provider, path):
    _token, value = issue(provider)
    for headers in (
        {"Authorization": f"Bearer {value}"},
        {"Cookie": f"{settings.SESSION_COOKIE_NAME}={value}"},
        {"X-Api-Key": value},
    ):
        answer = Client(headers={"Host": "127.0.0.1", **headers}).get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/login/"), headers
        assert value not in answer["Location"]
