"""The rules of health, one test a row of the table (AC-HEA-1), with a frozen clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from providers import request_log
from providers.health import health_of
from providers.kinds import KINDS
from providers.models import Provider, ProviderActivity, Token
from tests.factories import issue, make_account, make_provider
from tests.pages import read
from tests.providers.conftest import HOUR, MINUTE, NOW, calls_at, status_at


def test_ac_hea_1_paused_comes_first(provider):
    account = make_account("Administrator", first_name="Anna", last_name="Bakker")
    calls_at(provider, 401)
    Provider.objects.update(paused_at=datetime(2026, 11, 3, 15, 20, tzinfo=UTC), paused_by=account)
    said = "Paused by Anna Bakker, 3 Nov, 16:20 CET. Its requests get 503."
    assert status_at(provider) == ("Paused", "", said, "resume/")


def test_ac_hea_1_refused_names_the_token_and_counts(provider):
    token, _value = issue(provider)
    Token.objects.filter(pk=token.pk).update(expires_at=NOW - HOUR, prefix="ipr_7Qk2")
    calls_at(provider, ago=2 * HOUR)
    calls_at(provider, 401, ago=110 * MINUTE, token_id=token.pk, count=13)
    calls_at(provider, 401, ago=MINUTE, token_id=token.pk)
    said = "Refused since 09:12 CET: expired token ipr_7Qk2… (14 calls)."
    assert status_at(provider) == ("Refused", "bad", said, "tokens/")
    calls_at(provider, 404)  # it is let in again, whatever it asks for
    assert status_at(provider)[0] == "Healthy"


def test_ac_hea_1_refused_names_the_address(provider):
    calls_at(provider, 403, ago=MINUTE, is_uncovered=True, source_ip="52.146.136.12")
    said = "Refused since 11:01 CET: address 52.146.136.12 (1 call)."
    assert status_at(provider) == ("Refused", "bad", said, "ip-restriction/")


def test_ac_hea_1_not_connected(provider):
    assert status_at(provider) == ("Not connected", "", "Waiting for the first request.", "guide/")


def test_ac_hea_1_failing_with_the_commonest_problem(provider):
    calls_at(provider, 201, "POST", ago=10 * MINUTE, count=22)
    calls_at(provider, 409, "POST", ago=10 * MINUTE, count=12, scim_type="uniqueness", reason="name-taken")
    calls_at(provider, 400, "PATCH", ago=9 * MINUTE, count=6, scim_type="invalidValue", reason="invalid-value")
    said = "18 of 40 changes failed in the last hour; commonest: 409 userName already taken (12)."
    assert status_at(provider) == ("Failing", "bad", said, "#problems")
    assert status_at(provider, NOW + 55 * MINUTE)[0] == "Some errors"  # over, and still a share of the day


def test_ac_hea_1_a_burst_of_our_own_errors_is_failing_too(provider):
    calls_at(provider, 500, ago=5 * MINUTE, count=5)
    word, tone, said, _url = status_at(provider)
    assert (word, tone) == ("Failing", "bad") and "500 Our error (5)" in said


def test_ac_hea_1_silent_after_26_hours(provider):
    calls_at(provider, ago=31 * HOUR)
    said = "No contact for 31 h. Provisioning may be off or in quarantine in Entra ID."
    assert status_at(provider) == ("Silent", "bad", said, f"/eum/log/?provider={provider.pk}&lookups=1")


def test_ac_hea_1_late_after_90_minutes(provider):
    calls_at(provider, ago=2 * HOUR)
    said = "Last contact 2 hours ago; Entra ID usually calls every 40 min."
    assert status_at(provider) == ("Late", "warn", said, f"/eum/log/?provider={provider.pk}&lookups=1")
    Provider.objects.update(late_after_minutes=180)
    assert status_at(provider)[0] == "Healthy"


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.cycle is None])
def test_a_directory_that_calls_only_with_changes_is_never_late_and_silent_after_a_week(db, kind):
    provider = make_provider("Fabrikam", kind=kind)
    calls_at(provider, ago=8 * 24 * HOUR)
    assert status_at(provider, NOW - 24 * HOUR - HOUR)[:3] == ("Healthy", "ok", "Last contact 6 days ago.")
    assert status_at(provider)[0] == "Silent" and str(KINDS[kind].silence) in status_at(provider)[2]


def test_ac_hea_1_some_errors(provider):
    calls_at(provider, 201, "POST", ago=3 * HOUR, count=94)
    calls_at(provider, 409, "POST", ago=3 * HOUR, count=6)
    calls_at(provider, ago=12 * MINUTE)
    said = "6 of 100 changes failed in 24 h (6 %)."
    assert status_at(provider) == ("Some errors", "warn", said, "#problems")


@pytest.fixture
def at_now(monkeypatch):
    """The clock of tokens stands still too."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def test_ac_hea_1_a_token_about_to_end(provider, at_now):
    token, _value = issue(provider, expires_at=NOW + timedelta(days=20))
    calls_at(provider)
    word, tone, said, url = status_at(provider)
    assert (word, tone, url) == ("Token expires", "warn", "tokens/")
    assert said == f"Token {token.shown} expires in 2 weeks."


def test_a_rotation_is_no_warning_until_a_day_before_its_end(provider, at_now):
    calls_at(provider)
    old, _value = issue(provider)
    new, _value = issue(provider)
    Token.objects.filter(pk=old.pk).update(replaced_by=new, expires_at=NOW + timedelta(days=7))
    assert status_at(provider)[0] == "Healthy"
    Token.objects.filter(pk=old.pk).update(expires_at=NOW + 23 * HOUR)
    assert "the new one has not been used yet" in status_at(provider)[2]
    Token.objects.filter(pk=new.pk).update(first_used_at=NOW)
    assert status_at(provider)[0] == "Healthy"


def test_ac_hea_1_healthy(provider):
    calls_at(provider, ago=12 * MINUTE)
    said = "Last contact 12 minutes ago, next expected by 11:30 CET."
    assert status_at(provider) == ("Healthy", "ok", said, None)


def test_ac_hea_2_one_conflict_among_500_successes_is_healthy(provider):
    calls_at(provider, 201, "POST", count=500)
    calls_at(provider, 409, "POST")
    assert status_at(provider)[0] == "Healthy"


def test_ac_hea_3_looking_for_nobody_is_no_error(provider):
    calls_at(provider, 200, count=5)
    calls_at(provider, 404, count=20)
    health = health_of([provider], NOW)[provider.pk]
    assert status_at(provider)[0] == "Healthy" and (health.problems, health.requests) == (0, 25)


def test_a_pause_leaves_no_errors_behind(provider):
    calls_at(provider, 503, "PATCH", count=50, reason="paused")
    calls_at(provider)
    assert status_at(provider)[0] == "Healthy"


@pytest.mark.parametrize("count", [1, 50])
def test_health_asks_the_same_number_of_queries_of_one_provider_and_of_fifty(db, django_assert_num_queries, count):
    known = [make_provider() for _ in range(count)]
    for provider in known:
        calls_at(provider, 500, "POST", count=5)
    # activity, counts and whether the log works, problems, the last hour of those that fail, tokens
    with django_assert_num_queries(5):
        found = health_of(known, NOW)
    assert len(found) == count


def test_look_ups_that_all_fail_are_some_errors_though_nothing_was_changed(provider):
    calls_at(provider, 400, ago=2 * HOUR, count=9, scim_type="invalidFilter", reason="invalid-filter")
    calls_at(provider, ago=MINUTE)
    said = "9 of 10 requests failed in 24 h (90 %)."
    assert status_at(provider) == ("Some errors", "warn", said, "#problems")


def test_a_burst_names_our_error_though_another_problem_is_commoner(provider):
    calls_at(provider, 400, ago=5 * MINUTE, count=50, scim_type="invalidFilter", reason="invalid-filter")
    calls_at(provider, 500, ago=5 * MINUTE, count=5)
    assert "500 Our error (5)" in status_at(provider)[2]


def test_ac_hea_6_disabling_many_at_once_is_said_with_a_link_to_exactly_those(provider, crowd, client):
    crowd(19)
    assert ProviderActivity.objects.get().mass_change_count == 0
    crowd(6)
    client.force_login(make_account("Administrator"))
    said = "25 users were disabled, deleted or removed from their groups since"
    assert said in read(client.get("/eum/")).text
    word, tone, sentence, url = status_at(provider, timezone.now())
    assert (word, tone) == ("Unusual change", "warn") and said in sentence
    page = read(client.get(f"/eum/providers/{provider.pk}/{url}"))
    assert len(page.one(test_id="removed").rows) == 25
    crowd(3)  # it continues
    assert ProviderActivity.objects.get().mass_change_count == 28
    assert status_at(provider, timezone.now() + 25 * HOUR)[0] != "Unusual change"


def test_v30_throttled_requests_are_named_with_the_setting(provider):
    calls_at(provider, ago=MINUTE, count=3)
    calls_at(provider, 429, ago=MINUTE, count=2, reason="too-fast")
    request_log.writer.count_throttled(provider.pk, NOW - MINUTE, is_change=True)
    request_log.writer.flush()
    said = (
        "3 requests were throttled in the last hour: too many came in a second (PROVIDER_RATE, or REFUSED_RATE for "
        "refused ones)."
    )
    assert status_at(provider) == ("Throttled", "warn", said, "#problems")
    assert status_at(provider, NOW + 80 * MINUTE)[0] == "Healthy"
