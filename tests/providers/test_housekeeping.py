"""Partitions and the recycle bin (docs/architecture.md, *Jobs*)."""

from datetime import timedelta

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from providers.housekeeping import drop_partitions, empty_recycle_bin, forget_bodies, make_partitions
from providers.models import Membership, RequestLog, Resource, first_id_at
from scim.store import verbs
from tests.factories import call, make_group, make_user


def partitions(table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def test_old_months_are_dropped_and_new_ones_made(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT providers_make_months('providers_requestlog', now() - interval '8 months', 2)")
    before = partitions("providers_requestlog")
    assert "dropped providers_requestlog_" in drop_partitions()
    assert len(before - partitions("providers_requestlog")) == 2
    assert drop_partitions() == "nothing old enough to drop"
    make_partitions()
    month = (timezone.now() + timedelta(days=32)).strftime("%Y%m")
    assert f"providers_changeevent_{month}" in partitions("providers_changeevent")


def test_v60_the_recycle_bin_is_emptied_after_30_days(provider):
    old, recent, live = (make_user(provider) for _ in range(3))
    make_group(provider, members=[old, recent, live])
    for user in (old, recent):
        verbs.delete(call(provider), str(user.pk))
    Resource.objects.filter(pk=old.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    assert empty_recycle_bin() == "purged 1 from the recycle bin"
    assert not Resource.objects.filter(pk=old.pk).exists()
    assert Membership.objects.count() == 2
    assert empty_recycle_bin() == "purged 0 from the recycle bin"


def test_ac_log_9_bodies_end_before_their_rows(provider):
    for days in (31, 29):
        at = timezone.now() - timedelta(days=days)
        RequestLog.objects.create(
            id=first_id_at(at), at=at, provider_id=provider.pk, method="POST", path="/", status=201, duration_ms=1,
            request_body="{}", response_body="{}",
        )  # fmt: skip
    assert forget_bodies() == "emptied the bodies of 1 requests"
    assert list(RequestLog.objects.order_by("id").values_list("request_body", flat=True)) == ["", "{}"]
    assert forget_bodies() == "emptied the bodies of 0 requests"


def test_the_command_runs_all_jobs_and_may_run_twice(db, capsys):
    call_command("housekeeping")
    call_command("housekeeping")
    assert capsys.readouterr().out.count("empty_recycle_bin") == 2
