"""Who is let in: bearer token → provider → IP rule, and nothing else (threats V16 to V30)."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

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


def _other_credentials(browser):
    """Credentials of every other kind that exists here or elsewhere: headers and cookies of a request."""
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"
    session = browser.cookies["sessionid"].value
    for value in (jwt, session, "correct horse battery", "0" * 64, "jane:secret"):
        yield {"Authorization": f"Bearer {value}"}
        yield {"Authorization": f"Token {value}"}
        yield {"Authorization": f"Basic {value}"}
        yield {"X-Api-Key": value}
        yield {"Cookie": f"sessionid={value}; token={value}"}


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


@pytest.mark.parametrize("path", ["/", "/eum/", "/eum/users/", "/eum/log/", "/accounts/"])
def test_v27_a_token_opens_no_page_of_the_console(provider, path):
    _token, value = issue(provider)
    for headers in ({"Authorization": f"Bearer {value}"}, {"Cookie": f"sessionid={value}"}, {"X-Api-Key": value}):
        answer = Client(headers={"Host": "127.0.0.1", **headers}).get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/login/"), headers
        assert value not in answer["Location"]
