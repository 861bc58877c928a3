"""Partitions and the recycle bin (docs/architecture.md, *Jobs*)."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from providers import housekeeping, oauth
from providers.access_tokens import grant, prove_with_secret
from providers.administration import delete_provider, restore_provider
from providers.alerts import change_recipients, send_test, write_alerts
from providers.events import SYSTEM
from providers.housekeeping import (
    OF_A_PROVIDER,
    MixedMembershipError,
    check_memberships,
    drop_partitions,
    empty_recycle_bin,
    forget_bodies,
    forget_counts,
    make_partitions,
    purge_providers,
    run_job,
)
from providers.ids import first_id_at
from providers.models import (
    ChangeEvent,
    Erasure,
    FederatedTrust,
    HeldRemoval,
    IpRule,
    JobRun,
    Membership,
    Notice,
    Provider,
    RefusedCalls,
    RequestCount,
    RequestLog,
    Resource,
    SourceSeen,
    Token,
    UsedAssertion,
)
from providers.schemas import add_schema
from providers.tokens import issue_test_token, rotate_token
from scim.store import verbs
from tests.factories import browser_of, call, issue, make_account, make_calls, make_group, make_provider, make_user

NOW = timezone.now()


def partitions(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def test_old_months_are_dropped_and_new_ones_made(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT providers_make_months('providers_requestlog', now() - interval '8 months', 2)")
    before = partitions("providers_requestlog")
    assert "providers_requestlog_" in drop_partitions()
    assert len(before - partitions("providers_requestlog")) == 2
    assert drop_partitions() == "nothing old enough"
    make_partitions()
    month = (timezone.now() + timedelta(days=32)).strftime("%Y%m")
    assert f"providers_changeevent_{month}" in partitions("providers_changeevent")


def test_v60_the_recycle_bin_is_emptied_after_30_days(provider):
    old, recent, live = (make_user(provider) for _ in range(3))
    make_group(provider, members=[old, recent, live])
    for user in (old, recent):
        verbs.delete(call(provider), str(user.pk))
    Resource.objects.filter(pk=old.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    assert run_job(empty_recycle_bin) == "1"
    assert not Resource.objects.filter(pk=old.pk).exists()
    assert Membership.objects.count() == 2
    assert empty_recycle_bin() == 0


def test_ac_log_9_bodies_end_before_their_rows(provider):
    for days in (31, 29):
        at = timezone.now() - timedelta(days=days)
        RequestLog.objects.create(
            id=first_id_at(at), at=at, provider_id=provider.pk, method="POST", path="/", status=201, duration_ms=1,
            request_body="{}", response_body="{}",
        )  # fmt: skip
    assert run_job(forget_bodies) == "1"
    assert list(RequestLog.objects.order_by("id").values_list("request_body", flat=True)) == ["", "{}"]
    assert forget_bodies() == 0


def long_deleted(provider, days=31):
    delete_provider(provider, SYSTEM)
    Provider.objects.filter(pk=provider.pk).update(deleted_at=timezone.now() - timedelta(days=days))


def rows_of(provider):
    """How many rows each table has of a provider; tables that name one and are not in the list are an error."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'provider_id'"
            " AND table_schema = current_schema() AND table_name !~ '_([0-9]{6}|rest)$'"
        )
        tables = {name for (name,) in cursor.fetchall()} - {"providers_changeevent", "providers_requestlog"}
        assert tables == {table for table, rows in OF_A_PROVIDER.items() if rows == "provider_id = %s"}
        found = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} WHERE provider_id = %s", [provider.pk])
            found[table] = cursor.fetchone()[0]
    # Its rows are summed up by chance, now or later (providers/totals.py).
    found["providers_resourcecount"] = min(found["providers_resourcecount"], 1)
    return found


def test_a_provider_deleted_30_days_ago_is_purged_in_batches_and_its_events_stay(provider, stranger, monkeypatch):
    monkeypatch.setattr(housekeeping, "BATCH", 3)
    for owner in (provider, stranger):
        people = [make_user(owner) for _ in range(4)]
        make_group(owner, members=people)
        rotate_token(issue(owner)[0], SYSTEM, overlap=timedelta(days=7))
        client = oauth.add_client(owner, SYSTEM)[0]
        FederatedTrust.objects.create(client=client, issuer="x")
        UsedAssertion.objects.create(client=client, digest=b"x", expires_at=NOW)
        grant(prove_with_secret(client.client_id, oauth.rotate_secret(client, SYSTEM, overlap=timedelta())[1]), None)
        IpRule.objects.create(provider=owner, cidr="192.0.2.0/24")
        add_schema(owner, {"id": "urn:example:x", "name": "X", "attributes": [{"name": "a", "type": "string"}]}, SYSTEM)
        make_calls(owner)
        HeldRemoval.objects.create(
            provider=owner, resource_id=people[0].pk, first_at=NOW, last_at=NOW, is_deletion=False
        )
        Notice.objects.create(provider_id=owner.pk, key="x", address="x@example.com", created_at=NOW)
        Erasure.objects.create(provider_id=owner.pk, values=["somebody else"])
        change_recipients(owner, SYSTEM, addresses=["x@example.com"], webhook="", has_digest=False)
        send_test(owner)
    write_alerts()
    full = rows_of(stranger)
    assert rows_of(provider) == full and min(full.values()) > 0
    long_deleted(provider)
    events = ChangeEvent.objects.filter(provider_id=provider.pk).count()
    run_job(purge_providers)
    assert set(rows_of(provider).values()) == {0} and rows_of(stranger) == full
    assert not Provider.objects.filter(pk=provider.pk).exists()
    kept = ChangeEvent.objects.filter(provider_id=provider.pk).order_by("id")
    assert kept.count() == events + 1 and kept.last().kind == "provider.purged"
    assert not RequestLog.objects.filter(provider_id=provider.pk).exists()
    assert run_job(purge_providers) == "0"


def test_a_provider_deleted_lately_is_kept_and_restorable_and_one_being_purged_is_not(provider):
    long_deleted(provider, days=29)
    assert purge_providers() == 0 and Provider.objects.restorable().get() == provider
    long_deleted(provider, days=31)
    Provider.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    with pytest.raises(Provider.DoesNotExist):
        restore_provider(provider, SYSTEM, title="Contoso")


def test_counts_and_addresses_are_kept_as_long_as_a_page_shows_them(provider):
    for days in (1, 31, 33):
        make_calls(provider, ago=timedelta(days=days))
    for days in (89, 91):
        hour = timezone.now() - timedelta(days=days)
        RefusedCalls.objects.create(address="192.0.2.1", hour=hour, kind="no-token", count=1)
    issue(provider)
    issue_test_token(provider)
    issue_test_token(provider)
    Token.objects.filter(prefix="ipr_test", pk=Token.objects.latest("pk").pk).update(expires_at=timezone.now())
    assert run_job(forget_counts) == "4"
    assert (RequestCount.objects.count(), SourceSeen.objects.count(), RefusedCalls.objects.count()) == (2, 2, 1)
    assert Token.objects.count() == 2


def test_a_purge_of_nobodys_provider_leaves_others_alone(db):
    kept = make_provider("Contoso")
    assert run_job(purge_providers) == "0" and Provider.objects.get() == kept


def test_rows_are_counted_over_batches(db, monkeypatch):
    monkeypatch.setattr(housekeeping, "BATCH", 1)
    for _ in range(2):
        provider = make_provider()
        provider.deleted_at = timezone.now() - timedelta(days=31)
        provider.save()
    run_job(housekeeping.purge_providers)
    run = JobRun.objects.get()
    assert (run.job, run.result, run.has_failed) == ("purge_providers", "2", False)


def test_l11_expired_sessions_are_removed_and_others_are_not(db, monkeypatch):
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    browsers = [browser_of(make_account("Support")) for _ in range(5)]
    keys = [browser.session.session_key for browser in browsers]
    Session.objects.filter(pk__in=keys[:3]).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert run_job(forget_counts) == "3"
    assert set(Session.objects.values_list("pk", flat=True)) == set(keys[3:])
    assert [browser.get("/").status_code for browser in browsers] == [302] * 3 + [200] * 2


@pytest.mark.parametrize("end", ["provider_id", "group_id", "member_id"])
def test_a_membership_of_two_providers_is_a_failed_job(provider, stranger, monkeypatch, end):
    monkeypatch.setattr(housekeeping, "CHECKED_AT_ONCE", 2)
    other = make_group(stranger, members=[make_user(stranger)])
    foreign = {"provider_id": stranger.pk, "group_id": other.pk, "member_id": other.memberships.get().member_id}
    make_group(provider, members=[make_user(provider) for _ in range(6)])
    assert run_job(check_memberships) == "all of one provider"
    Membership.objects.filter(pk=Membership.objects.of(provider).latest("pk").pk).update(**{end: foreign[end]})
    with pytest.raises(MixedMembershipError):
        run_job(check_memberships)
    run = JobRun.objects.get(job="check_memberships")
    assert (run.has_failed, run.result) == (True, "MixedMembershipError")
