"""Regular jobs: partitions made ahead and dropped after their time, and the recycle bin emptied.

Each job is idempotent and holds an advisory lock while it runs, so several machines may start
it at once. `manage.py housekeeping` runs them all; a timer calls it in production.
"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from providers.models import first_id_at

RECORDS = ("providers_changeevent", "providers_requestlog")
MONTHS_AHEAD = 6
RECYCLE_BIN_DAYS = 30
BATCH = 5_000


def make_partitions() -> str:
    """Partitions of the record tables for the coming months."""
    with connection.cursor() as cursor:
        for table in RECORDS:
            cursor.execute("SELECT providers_make_months(%s, now(), %s)", [table, MONTHS_AHEAD])
    return f"partitions for {MONTHS_AHEAD} months ahead"


def drop_partitions() -> str:
    """Months that lie wholly past the time for which their table is kept."""
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
    return f"dropped {', '.join(dropped)}" if dropped else "nothing old enough to drop"


def forget_bodies() -> str:
    """Bodies of requests older than they are kept; the rows stay until their month is dropped."""
    before = first_id_at(timezone.now() - timedelta(days=settings.OPTIONS.request_body_days))
    emptied = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "WITH old AS (SELECT id FROM providers_requestlog WHERE id < %s"
                " AND (request_body <> '' OR response_body <> '') ORDER BY id LIMIT %s)"
                " UPDATE providers_requestlog r SET request_body = '', response_body = '' FROM old WHERE r.id = old.id",
                [before, BATCH],
            )
            if not cursor.rowcount:
                return f"emptied the bodies of {emptied:,} requests"
            emptied += cursor.rowcount


def empty_recycle_bin() -> str:
    """Resources deleted more than 30 days ago, with their memberships; their ids are never used again."""
    before = timezone.now() - timedelta(days=RECYCLE_BIN_DAYS)
    purged = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT id FROM providers_resource WHERE deleted_at < %s ORDER BY id LIMIT %s FOR UPDATE",
                [before, BATCH],
            )
            ids = [found for (found,) in cursor.fetchall()]
            if not ids:
                return f"purged {purged:,} from the recycle bin"
            for column in ("group_id", "member_id"):
                cursor.execute(
                    f"DELETE FROM providers_membership WHERE {column} = ANY(%s) AND left_at IS NOT NULL", [ids]
                )
            cursor.execute("DELETE FROM providers_resource WHERE id = ANY(%s)", [ids])
            purged += len(ids)


JOBS: tuple[Callable[[], str], ...] = (make_partitions, drop_partitions, forget_bodies, empty_recycle_bin)


def run_job(job: Callable[[], str]) -> str:
    """Run one job in a transaction of its own, unless another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"iprova housekeeping {job.__name__}"])
        (is_ours,) = cursor.fetchone()
        return job() if is_ours else "already running elsewhere"
