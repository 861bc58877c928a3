"""Rate limits: each provider's, and that of refused requests by address (threat V30)."""

import math
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from providers import rate_limits, request_log
from providers.buckets import Buckets
from providers.events import SYSTEM
from providers.models import (
    IpMode,
    ProviderActivity,
    RefusedCalls,
    RequestCount,
    RequestLog,
    Resource,
    SourceSeen,
    Token,
)
from providers.tokens import make_value, revoke_token
from scim.api import throttling
from tests.conftest import ScimClient
from tests.factories import issue, make_provider, make_user

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that only the test moves; the limits are those of the settings."""
    stopped = Clock()
    for name in ("providers", "refused", "logged"):
        own = getattr(rate_limits, name)
        monkeypatch.setattr(rate_limits, name, Buckets(own._table, rate=own.rate, burst=own.burst, clock=stopped))
    monkeypatch.setattr(throttling, "_limited", {})
    return stopped


def use_up(provider):
    """As if the provider had just sent its burst."""
    for _ in range(200):
        rate_limits.providers.take(provider.pk)


def statuses(client, count, path="/Users", **options):
    return [client.get(path, **options).status_code for _ in range(count)]


def counts(provider):
    request_log.writer.flush()
    rows = RequestCount.objects.of(provider).values_list("outcome", "is_change", "count")
    return {(outcome, is_change): count for outcome, is_change, count in rows}


# ---- a provider ----


def test_v30_beyond_its_rate_a_provider_gets_429_with_a_scim_error(client, provider):
    use_up(provider)
    answer = client.post("/Users", {"userName": "a"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert answer["Content-Type"] == "application/scim+json" and answer["X-Request-Id"]
    assert answer.json() | {"detail": ""} == {"schemas": [ERROR], "status": "429", "detail": ""}
    assert "50 requests a second" in answer.json()["detail"] and "PROVIDER_RATE" in answer.json()["detail"]
    assert not Resource.objects.exists()


def test_v30_the_burst_is_admitted_and_then_the_rate(client, clock):
    found = statuses(client, 210, "/Schemas/x")
    assert found[:199] == [404] * 199 and found[200:] == [429] * 10
    clock.now += 0.1
    assert statuses(client, 10, "/Schemas/x").count(404) in (5, 6)


def test_v30_another_provider_is_not_limited(client, provider, stranger, scim):
    use_up(provider)
    assert client.get("/Users").status_code == 429
    assert scim(stranger).get("/Users").status_code == 200


def test_v30_once_limited_a_request_costs_no_query(client, provider, clock, django_assert_num_queries):
    person = make_user(provider)
    use_up(provider)
    with django_assert_num_queries(1):  # the look-up of the token
        assert client.get("/Users").status_code == 429
    with django_assert_num_queries(0):
        assert statuses(client, 50) == [429] * 50
        off = {"op": "replace", "value": {"active": False, "title": "x"}}
        assert client.patch(f"/Users/{person.pk}", off).status_code == 429
        assert client.post("/Bulk", {"Operations": []}).status_code == 429
        assert client.delete(f"/Users/{person.pk}").status_code == 429
        assert client.get("/nothing").status_code == 429
    clock.now += 1
    assert client.get(f"/Users/{person.pk}").status_code == 200
    assert not throttling._limited


def test_v30_a_revoked_token_is_refused_with_the_next_admitted_request(provider, clock):
    token, value = issue(provider)
    client = ScimClient(value)
    use_up(provider)
    assert client.get("/Users").status_code == 429
    revoke_token(token, SYSTEM)
    assert client.get("/Users").status_code == 429
    clock.now += 1
    assert client.get("/Users").status_code == 401


def test_v30_nothing_secret_is_remembered(provider):
    token, value = issue(provider)
    use_up(provider)
    ScimClient(value).get("/Users")
    assert [*throttling._limited] == [bytes(Token.objects.get(pk=token.pk).digest)]
    assert value[8:-4] not in repr(throttling._limited)


def test_v30_what_is_remembered_is_bounded(provider, monkeypatch):
    monkeypatch.setattr(throttling, "_MOST", 3)
    for _ in range(8):
        other = make_provider()
        _, value = issue(other)
        use_up(other)
        assert ScimClient(value).get("/Users").status_code == 429
        assert len(throttling._limited) <= 3


def test_v30_each_operation_of_a_bulk_request_counts(client, provider, clock):
    create = [
        {"method": "POST", "path": "/Users", "bulkId": f"b{number}", "data": {"userName": f"u{number}"}}
        for number in range(250)
    ]
    answer = client.post("/Bulk", {"Operations": create})
    assert [one["status"] for one in answer.json()["Operations"]] == ["201"] * 250, "it is done as a whole"
    refused = client.get("/Users")
    assert (refused.status_code, refused["Retry-After"]) == (429, str(math.ceil((250 - 199) / 50)))
    clock.now += 1.1
    assert client.get("/Users").status_code == 200


def test_v30_a_stolen_token_from_outside_the_ranges_uses_nothing_up(db):
    provider = make_provider(ip_mode="enforce", ranges=("203.0.113.0/24",))
    _, value = issue(provider)
    client, headers = Client(), {"Authorization": f"Bearer {value}"}
    for _ in range(300):
        assert client.get("/scim/Users", headers=headers, REMOTE_ADDR="198.51.100.1").status_code in (403, 429)
    assert client.get("/scim/Users", headers=headers, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_v30_a_paused_provider_is_limited_too(client, provider):
    type(provider).objects.filter(pk=provider.pk).update(paused_at=timezone.now())
    assert client.get("/Users").status_code == 503
    use_up(provider)
    assert client.get("/Users").status_code == 429


def test_v30_a_rate_of_0_switches_the_limit_off(client, provider, monkeypatch):
    off = Buckets(rate_limits.providers._table, rate=0, burst=200)
    monkeypatch.setattr(rate_limits, "providers", off)
    assert statuses(client, 250, "/Schemas/x") == [404] * 250


# ---- what is kept of a throttled request ----


def test_v30_throttled_requests_are_all_counted_and_few_are_logged(client, provider):
    use_up(provider)
    statuses(client, 300)
    for _ in range(50):
        client.post("/Users", {"userName": "a"})
    assert counts(provider) == {("throttled", False): 300, ("throttled", True): 50}
    rows = RequestLog.objects.of(provider)
    assert rows.count() in (99, 100)
    assert set(rows.values_list("status", "reason", "outcome")) == {(429, "too-fast", "throttled")}


def test_v30_an_entry_shows_who_was_meant_but_keeps_no_body(client, provider, clock):
    person = make_user(provider, "jane@x")
    use_up(provider)
    client.post("/Users", {"userName": "new@x", "title": "x" * 50_000})
    client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "active", "value": False})
    many = {"method": "DELETE", "path": f"/Users/{person.pk}"}
    client.post("/Bulk", {"Operations": [many] * 500})
    request_log.writer.flush()
    made, off, bulk = RequestLog.objects.of(provider).order_by("id")
    assert (made.subject, made.action, made.outcome) == ("new@x", "create", "throttled")
    assert (off.resource_id, off.action) == (person.pk, "disable")
    assert bulk.action == "bulk"
    assert {row.request_body for row in (made, off, bulk)} == {""}


def test_v30_throttled_requests_show_that_the_directory_is_there(client, provider):
    use_up(provider)
    client.get("/Users")
    request_log.writer.flush()
    activity = ProviderActivity.objects.get(pk=provider.pk)
    assert activity.accepted_at and not activity.refused_count


# ---- an address ----


@pytest.mark.parametrize(
    "token",
    [None, "", make_value(), "ipr_unknown", "eyJhbGciOi.eyJpc3MiOi.c2ln"],
    ids=["none", "empty", "never issued", "unknown", "jwt"],
)
def test_v30_refused_requests_from_one_address_are_limited(db, token, clock):
    client = ScimClient(token)
    found = statuses(client, 60)
    assert found[:49] == [401] * 49 and found[50:] == [429] * 10
    answer = client.get("/Users")
    assert (answer["Retry-After"], answer.json()["schemas"]) == ("1", [ERROR])
    clock.now += 1
    assert statuses(client, 10).count(401) in (4, 5, 6)
    request_log.writer.flush()
    assert sum(RefusedCalls.objects.values_list("count", flat=True)) == 71, "all of them are counted"


def test_v30_a_good_token_from_the_same_address_is_never_affected(client, db):
    stranger = ScimClient(make_value())
    assert statuses(stranger, 100).count(429) in (50, 51)
    assert statuses(client, 100) == [200] * 100
    assert stranger.get("/Users").status_code == 429


def test_v30_the_look_up_of_a_limited_address_stays_one_query(db, django_assert_num_queries):
    stranger = ScimClient(make_value())
    statuses(stranger, 60)
    with django_assert_num_queries(1):
        assert stranger.get("/Users").status_code == 429
    with django_assert_num_queries(0):
        assert ScimClient(None).get("/Users").status_code == 429


def test_v30_one_ipv6_subscriber_is_one_address(db):
    def ask(address):
        return Client().get("/scim/Users", REMOTE_ADDR=address).status_code

    found = [ask(f"2001:db8:1:2:{number:x}::{number:x}") for number in range(60)]
    assert found[:49] == [401] * 49 and found[50:] == [429] * 10
    assert ask("2001:db8:1:3::1") == 401, "the next /64"
    assert ask("203.0.113.9") == ask("203.0.113.10") == 401


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at", "suspended_at", "deleted", "address"])
def test_v30_a_token_that_is_refused_floods_no_log(provider, ended):
    token, value = issue(provider)
    client = ScimClient(value)
    if ended == "deleted":
        type(provider).objects.filter(pk=provider.pk).update(deleted_at=timezone.now())
    elif ended == "address":
        type(provider).objects.filter(pk=provider.pk).update(ip_mode=IpMode.ENFORCE)
    else:
        Token.objects.filter(pk=token.pk).update(**{ended: timezone.now() - timedelta(minutes=1)})
    found = statuses(client, 250)
    refused = 403 if ended == "address" else 401
    assert found[:49] == [refused] * 49 and found[50:] == [429] * 200
    own = counts(provider)
    assert own["refused", False] + own["throttled", False] == 250
    assert RequestLog.objects.of(provider).count() in (149, 150)
    activity = ProviderActivity.objects.get(pk=provider.pk)
    assert activity.accepted_at is None and activity.refused_count == own["refused", False]
    assert SourceSeen.objects.exists() == (ended == "address"), "without a good token it could be anybody"
    assert rate_limits.providers.missing(provider.pk) == 0, "the provider's own requests are not affected"
