"""The regular jobs: they make and drop partitions, purge deleted and old data in batches, and send mails.

Each job is idempotent and holds an advisory lock, so several machines can start it at once. `manage.py housekeeping`
runs all jobs, and with `--due` only those that are due. In production, a timer runs the latter every five minutes.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from providers.alerts import send_alerts, write_alerts
from providers.audit import record_act
from providers.events import SYSTEM, EventKind
from providers.exports import forget_exports
from providers.ids import first_id_at
from providers.models import RECYCLE_BIN_DAYS, TEST_PREFIX, Erasure, JobRun, Provider
from providers.notices import KEPT, send_notices, write_notices
from providers.quota import count_resources
from providers.resources.recycle_bin import ERASES_FOR_S, forget, withdraw_exports
from providers.resources.traces import erase_own, plan_erasure, work_off
from providers.totals import check_totals
from providers.two_step import seal_app_keys

RECORDS = ("providers_changeevent", "providers_requestlog")
MONTHS_AHEAD = 6
# The charts and the IP editor look back 30 days.
COUNT_DAYS = 32
BATCH = 5_000
CHECKED_AT_ONCE = 100_000
PURGE_BATCH = 500


def make_partitions() -> str:
    """Make the partitions of the record tables for the coming months."""
    with connection.cursor() as cursor:
        for table in RECORDS:
            cursor.execute("SELECT providers_make_months(%s, now(), %s)", [table, MONTHS_AHEAD])
    return gettext_noop("all there")


def drop_partitions() -> str:
    """Drop the partitions of months that are completely older than the retention time of their table."""
    kept = {
        "providers_changeevent": timedelta(days=31 * settings.OPTIONS.change_event_months),
        "providers_requestlog": timedelta(days=settings.OPTIONS.request_log_days),
    }
    dropped = []
    with connection.cursor() as cursor:
        for table, age in kept.items():
            last_month = (timezone.now() - age).strftime("_%Y%m")
            cursor.execute(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = %s::regclass AND c.relname ~ '_[0-9]{6}$' AND c.relname < %s",
                [table, table + last_month],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
                dropped.append(name)
    return ", ".join(dropped) or gettext_noop("nothing old enough")


def forget_bodies() -> int:
    """Clear old request and response bodies in the log. The rows stay until their month is dropped."""
    before = first_id_at(timezone.now() - timedelta(days=settings.OPTIONS.request_body_days))
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH old AS (SELECT id FROM providers_requestlog WHERE id < %s"
            " AND (request_body <> '' OR response_body <> '') ORDER BY id LIMIT %s)"
            " UPDATE providers_requestlog r SET request_body = '', response_body = '' FROM old WHERE r.id = old.id",
            [before, BATCH],
        )
        return int(cursor.rowcount)


def empty_recycle_bin() -> int:
    """Purge resources that were deleted more than 30 days ago, with their memberships and values.

    Ids are never used again. `erase_traces` erases the values in rows that are about others too.
    """
    before = timezone.now() - timedelta(days=RECYCLE_BIN_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT provider_id, id FROM providers_resource WHERE deleted_at < %s ORDER BY id LIMIT %s FOR UPDATE",
            [before, PURGE_BATCH],
        )
        found: dict[int, list[UUID]] = defaultdict(list)
        for provider_id, resource_id in cursor.fetchall():
            found[provider_id].append(resource_id)
        for provider_id, ids in found.items():
            plan_erasure(provider_id, ids)
            erase_own(cursor, ids)
            forget(cursor, ids)
    return sum(map(len, found.values()))


def erase_traces() -> int:
    """Erase the values of purged users in the log, in mails and in saved filters. Return how often it is to run again.

    Each run reads the log for a few seconds.
    """
    erasure = Erasure.objects.order_by("pk").first()
    if erasure is None:
        return 0
    work_off(erasure, seconds=ERASES_FOR_S)
    return 1


# The tables with a provider's rows, in the order in which foreign keys allow their purge. Change events stay, without
# values of users.
_OWN = "provider_id = %s"
_OF_ITS_CLIENTS = "client_id IN (SELECT id FROM providers_oauthclient WHERE provider_id = %s)"
# The tables of a provider, in the order in which their rows can be deleted, and which rows these are.
OF_A_PROVIDER = {
    "providers_membership": _OWN,
    "providers_resource": _OWN,
    "providers_resourcecount": _OWN,  # after the rows that it counts
    "providers_schemaextension": _OWN,
    "providers_heldremoval": _OWN,
    "providers_erasure": _OWN,
    "providers_notice": _OWN,
    "providers_alert": _OWN,
    "providers_alertstate": _OWN,
    "providers_alertsettings": _OWN,
    "providers_sourceseen": _OWN,
    "providers_requestcount": _OWN,
    "providers_provideractivity": _OWN,
    "providers_iprule": _OWN,
    "providers_token": _OWN,
    "providers_usedassertion": _OF_ITS_CLIENTS,
    "providers_federatedtrust": _OF_ITS_CLIENTS,
    "providers_clientsecret": _OF_ITS_CLIENTS,
    "providers_oauthclient": _OWN,
}


_ERASE_EVENTS = """
WITH purge AS MATERIALIZED (SELECT set_config('iprova.purge', 'on', true)), old AS MATERIALIZED (
  SELECT id FROM providers_changeevent, purge WHERE provider_id = %s AND resource_id IS NOT NULL
  AND (subject <> resource_id::text OR changes <> '[]') LIMIT %s)
UPDATE providers_changeevent e SET subject = e.resource_id::text, changes = '[]' FROM old WHERE e.id = old.id
"""
_DROP_REQUESTS = """
DELETE FROM providers_requestlog WHERE id = ANY(ARRAY(
  SELECT id FROM providers_requestlog WHERE provider_id = %s LIMIT %s))
"""


def purge_providers() -> int:
    """Purge providers that were deleted more than 30 days ago, with all their rows: one batch at a time.

    Such a provider can no longer be restored, so half a purge is never visible.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM providers_provider WHERE deleted_at < %s ORDER BY id LIMIT 1 FOR UPDATE",
            [timezone.now() - timedelta(days=RECYCLE_BIN_DAYS)],
        )
        found = cursor.fetchone()
        if not found:
            return 0
        for table, rows in OF_A_PROVIDER.items():
            if purged := _delete(cursor, table, rows, found):
                return purged
        # The record lets values be erased only of users who no longer exist.
        for statement in (_ERASE_EVENTS, _DROP_REQUESTS):
            cursor.execute(statement, [found[0], BATCH])
            if cursor.rowcount:
                return int(cursor.rowcount)
        provider = Provider.objects.get(pk=found[0])
        withdraw_exports(cursor)
        record_act(EventKind.PROVIDER_PURGED, SYSTEM, provider=provider)
        cursor.execute("DELETE FROM providers_provider WHERE id = %s", found)
    return 1


def forget_access_tokens() -> int:
    """Delete access tokens that have expired, and which assertions were used up, once these have expired too."""
    now = [timezone.now()]
    with connection.cursor() as cursor:
        tokens = _delete(cursor, "providers_token", "client_id IS NOT NULL AND expires_at < %s", now)
        return tokens + _delete(cursor, "providers_usedassertion", "expires_at < %s", now)


def forget_counts() -> int:
    """Delete figures that no page shows any more, old sign-in attempts and mails, expired sessions and test tokens."""
    now = timezone.now()
    old = {
        "providers_requestcount": ("slot < %s", now - timedelta(days=COUNT_DAYS)),
        "providers_sourceseen": ("day < %s", now.date() - timedelta(days=COUNT_DAYS)),
        "providers_refusedcalls": ("hour < %s", now - timedelta(days=settings.OPTIONS.request_log_days)),
        "axes_accessattempt": ("attempt_time < %s", now - settings.AXES_COOLOFF_TIME),
        "django_session": ("expire_date < %s", now),
        "providers_notice": ("created_at < %s", now - KEPT),
        "providers_alert": ("created_at < %s", now - KEPT),
        "providers_token": (f"prefix = '{TEST_PREFIX}' AND expires_at < %s", now),
    }
    with connection.cursor() as cursor:
        return sum(_delete(cursor, table, condition, [value]) for table, (condition, value) in old.items())


class MixedMembershipError(Exception):
    """A membership belongs to another provider than its group or its member, or its group does not exist."""


_MIXED = """
SELECT max(m.id), count(*) FILTER (WHERE g.provider_id IS DISTINCT FROM m.provider_id OR u.provider_id <> m.provider_id)
FROM (SELECT id, provider_id, group_id, member_id FROM providers_membership WHERE id > %s ORDER BY id LIMIT %s) m
JOIN providers_resource u ON u.id = m.member_id LEFT JOIN providers_resource g ON g.id = m.group_id
"""


def check_memberships() -> str:
    """Check that each membership has the provider of both its ends. Raises `MixedMembershipError`.

    The statement that adds members makes sure of it. A trigger would check it again, at a tenth of the time of adding
    one member. So this looks at all memberships once a day, and a fault is a failed job.
    """
    last: int | None = 0
    with connection.cursor() as cursor:
        while last is not None:
            cursor.execute(_MIXED, [last, CHECKED_AT_ONCE])
            last, mixed = cursor.fetchone()
            if mixed:
                raise MixedMembershipError(f"{mixed} memberships up to {last}")
    return gettext_noop("all of one provider")


def _delete(cursor: Any, table: str, condition: str, values: Sequence[Any]) -> int:
    """Delete a batch of rows and return their number."""
    cursor.execute(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH}))", values
    )
    return int(cursor.rowcount)


# A job returns either a text about what it did, or the number of rows in its batch. After a number it runs again,
# until the number is 0.
Job = Callable[[], str | int]
JOBS: tuple[Job, ...] = (
    make_partitions,
    drop_partitions,
    forget_bodies,
    empty_recycle_bin,
    erase_traces,
    purge_providers,
    forget_counts,
    forget_access_tokens,
    check_memberships,
    check_totals,
    count_resources,
    forget_exports,
    seal_app_keys,
    write_notices,
    send_notices,
    write_alerts,  # after all others, so that it sees which of them failed
    send_alerts,
)
DAILY, HOURLY, OFTEN = timedelta(hours=24), timedelta(hours=1), timedelta(minutes=5)
# How often a job is due, if not daily.
PERIODS: Mapping[str, timedelta] = dict.fromkeys(
    (
        "erase_traces",
        "count_resources",
        "forget_exports",
        "write_notices",
        "send_notices",
        "write_alerts",
        "send_alerts",
    ),
    OFTEN,
) | {"forget_access_tokens": HOURLY}


def period_of(job: Job) -> timedelta:
    """Return how often a job is due."""
    return PERIODS.get(job.__name__, DAILY)


def due_jobs() -> list[Job]:
    """Return the jobs that never ran or whose last run was at least 95 % of a period ago.

    The 5 % are for the timer, which does not run at exact times.
    """
    ran = dict(JobRun.objects.values_list("job", "ran_at"))
    now = timezone.now()
    return [job for job in JOBS if job.__name__ not in ran or now - ran[job.__name__] >= 0.95 * period_of(job)]


ELSEWHERE = gettext_noop("already running elsewhere")


def run_job(job: Job) -> str:
    """Run one job and record the result in `JobRun`. Return the number of rows, or the job's text.

    Raises what the job raises. Of such an error, `JobRun` gets only the class: its text may contain personal data.
    """
    started = time.perf_counter()

    def write_down(result: str, *, has_failed: bool) -> None:
        took_ms = round((time.perf_counter() - started) * 1_000)
        run = {"ran_at": timezone.now(), "took_ms": took_ms, "has_failed": has_failed, "result": result[:500]}
        JobRun.objects.update_or_create(job=job.__name__, defaults=run)

    try:
        result = _run_batches(job)
    except Exception as error:
        write_down(type(error).__name__, has_failed=True)
        raise
    if result != ELSEWHERE:
        write_down(result, has_failed=False)
    return result


def _run_batches(job: Job) -> str:
    """Run the job's batches, each in a transaction of its own. Does nothing if another process is running the job."""
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"iprova housekeeping {job.__name__}"])
            (is_ours,) = cursor.fetchone()
            done = job() if is_ours else ELSEWHERE
        if isinstance(done, str):
            return done
        total += done
        if not done:
            return str(total)
