"""The provisioning log's writer. Requests go into a buffer and are written to the database after their responses.

The log never delays a request and never makes it fail. In each process a thread writes the buffer
every half second. A crash loses the last half second. If the database does not respond and the
buffer has too many bytes, further requests are kept without their bodies; if it has too many rows, they
are lost, and the process log has their number. If no rows can be
written, the console shows it (`activity.log_failure`, AC-LOG-7).

A request that runs longer than `LONG_S` is written while it runs, and written again when it ends. So a
request during which its process is stopped leaves a trace.
"""

import atexit
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DataError, close_old_connections, connection, transaction
from django.utils import timezone

from providers import activity
from providers.client_address import source_of
from providers.models import JobRun

MAX_WAITING = 10_000
# Providers and days whose rejected bodies are counted.
MAX_COUNTED = 10_000
QUOTA_USED = "(not kept: too many rejected requests of this provider today, see REJECTED_BODIES_MIB)"
MAX_WAITING_BYTES = 16_777_216
INTERVAL_S = 0.5
LONG_S = 5.0
BATCH = 500
BATCH_BYTES = 2_097_152
NOT_KEPT = "(not kept: too many requests were waiting for the log)"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One request of a known provider. The fields are columns of `RequestLog`."""

    id: UUID
    at: datetime
    provider_id: int
    token_id: int | None  # None: a client asked for an access token
    token_prefix: str
    method: str
    path: str
    query: str
    status: int
    reason: str
    scim_type: str
    detail: str
    duration_ms: float
    source_ip: str | None
    is_uncovered: bool
    client_request_id: str
    resource_type: str
    resource_id: UUID | None
    ignored: list[str] = field(default_factory=list)
    intent: str = ""
    subject: str = ""
    subject_key: str = ""
    display_name: str = ""
    external_id: str = ""
    asked: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    part_of: UUID | None = None
    request_body: str = ""
    response_body: str = ""


_COLUMNS = tuple(Entry.__dataclass_fields__)
_DELETE = "DELETE FROM providers_requestlog WHERE id = ANY(%s)"
_COPY = f"COPY providers_requestlog ({', '.join(_COLUMNS)}) FROM STDIN"
_TOUCH = """
WITH token AS (
  UPDATE providers_token SET last_used_at = %s, last_used_ip = %s, first_used_at = coalesce(first_used_at, %s)
  WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s) RETURNING client_id, last_used_at, last_used_ip
)
UPDATE providers_oauthclient client SET last_used_at = token.last_used_at, last_used_ip = token.last_used_ip,
  first_used_at = coalesce(client.first_used_at, token.last_used_at)
FROM token
WHERE client.id = token.client_id AND (client.last_used_at IS NULL OR client.last_used_at < token.last_used_at)
"""
_COUNT = """
INSERT INTO providers_refusedcalls (address, hour, kind, count) VALUES (%s, date_trunc('hour', %s), %s, %s)
ON CONFLICT (address, hour, kind) DO UPDATE SET count = providers_refusedcalls.count + EXCLUDED.count
"""


class Writer:
    """The buffer of this process. Its thread starts with the first entry, so that each forked worker has its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def _reset(self) -> None:
        self._entries: list[Entry] = []
        self._running: dict[UUID, tuple[float, Callable[[], Entry | None]]] = {}
        self._early: set[UUID] = set()  # the requests that were written while they ran
        self._bytes = 0
        self._touches: dict[int, tuple[datetime, str | None]] = {}
        self._refused: Counter[tuple[str, datetime, str]] = Counter()
        self._throttled: Counter[tuple[int, datetime, bool]] = Counter()
        self._lost = 0
        self._rejected: Counter[tuple[int, date]] = Counter()
        self._is_failing = False
        self._pid = 0
        self._wake = threading.Event()

    def add(self, entry: Entry, *, touches_token: bool) -> None:
        """Add a request to the buffer. `touches_token`: also write the token's last use."""
        with self._lock:
            if touches_token and entry.token_id is not None:
                self._touches[entry.token_id] = (entry.at, entry.source_ip)
            entry = self._within_quota(entry)
            if self._bytes + _size(entry) > MAX_WAITING_BYTES:
                entry = _without_bodies(entry)
            size = _size(entry)
            if len(self._entries) < MAX_WAITING and self._bytes + size <= 2 * MAX_WAITING_BYTES:
                self._entries.append(entry)
                self._bytes += size
            else:
                self._lost += 1
        self.start()

    def _within_quota(self, entry: Entry) -> Entry:
        """Return the entry, without its bodies if the provider's rejected requests of this day have used their quota.

        Each worker has its part of REJECTED_BODIES_MIB, and a restart begins again: it is a limit for the disk.
        """
        size = len(entry.request_body) + len(entry.response_body)
        if entry.status < 400 or not size:
            return entry
        options, key = settings.OPTIONS, (entry.provider_id, entry.at.date())
        if len(self._rejected) > MAX_COUNTED:
            self._rejected.clear()
        self._rejected[key] += size
        if self._rejected[key] <= options.rejected_bodies_mib * 1_048_576 // options.workers:
            return entry
        return replace(entry, request_body=QUOTA_USED if entry.request_body else "", response_body="")

    @contextmanager
    def running(self, request_id: UUID, entry: Callable[[], Entry | None]) -> Iterator[None]:
        """A request runs within this context. `entry` makes its row if that takes long; None: it has none yet."""
        self._running[request_id] = (time.monotonic(), entry)
        try:
            yield
        finally:
            del self._running[request_id]

    def count_refusal(self, address: str | None, at: datetime, kind: str) -> None:
        """Count a request that belongs to no provider, by address, hour and kind. It is not kept itself (AC-REF-2).

        An IPv6 /64 is one address: nobody can make a row for each of the others.
        """
        hour = at.replace(minute=0, second=0, microsecond=0)
        key = (source_of(address) or "0.0.0.0", hour, kind)  # noqa: S104
        with self._lock:
            if key in self._refused or len(self._refused) < MAX_WAITING:
                self._refused[key] += 1
        self.start()

    def count_throttled(self, provider_id: int, at: datetime, *, is_change: bool) -> None:
        """Count a throttled request of a provider that gets no entry of its own."""
        with self._lock:
            self._throttled[provider_id, activity.slot_of(at), is_change] += 1
        self.start()

    def start(self) -> None:
        """Start this process's thread if it is not running yet."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="request-log", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._wake.wait(INTERVAL_S)
            try:
                close_old_connections()
                self.flush()
            except Exception as error:  # no error may end the thread
                logger.error("the provisioning log's writer failed: %s", type(error).__name__)

    def flush(self) -> None:
        """Write the buffer, with the caller's database connection. A failure is logged and loses only that batch."""
        self._write_long()
        with self._lock:
            entries, self._entries, self._bytes = self._entries, [], 0
            touches, self._touches = self._touches, {}
            refused, self._refused = self._refused, Counter()
            throttled, self._throttled = self._throttled, Counter()
            lost, self._lost = self._lost, 0
        if lost:
            logger.error("%d requests are missing from the provisioning log: the buffer was full", lost)
        if not (entries or touches or refused or throttled):
            return
        for part in _batches(entries):
            error = _failure(self._replace_entries, part)
            if isinstance(error, DataError) and len(part) > 1:  # one bad row must not lose the others
                errors = [_failure(self._replace_entries, [entry]) for entry in part]
                error = None if None in errors else error
            self._note(error)
        _failure(_write_touches, list(touches.items()))
        own = [
            activity.Call(*(getattr(entry, name) for name in activity.Call.__dataclass_fields__)) for entry in entries
        ]
        for write in activity.WRITES:
            _failure(write, own)
        _failure(activity.write_throttled, list(throttled.items()))
        _failure(_write_refusals, list(refused.items()))

    def _write_long(self) -> None:
        """Write a row for each request that has run for `LONG_S`, once."""
        before = time.monotonic() - LONG_S
        for request_id, (started, entry) in list(self._running.items()):
            if started < before and request_id not in self._early and (made := entry()):
                self._early.add(request_id)
                _failure(_write_entries, [made])

    def _replace_entries(self, entries: list[Entry]) -> None:
        """Write rows, those that were written early in the place of the early ones."""
        early = [entry.id for entry in entries if entry.id in self._early]
        with transaction.atomic():
            if early:
                with connection.cursor() as cursor:
                    cursor.execute(_DELETE, [early])
            _write_entries(entries)
        self._early.difference_update(early)

    def _note(self, error: Exception | None) -> None:
        """Record each failure to write rows, and once that writing works again."""
        if error or self._is_failing:
            self._is_failing = error is not None
            _failure(_write_run, [type(error).__name__ if error else ""])


def _failure(write: Callable[[list[Any]], None], rows: list[Any]) -> Exception | None:
    """Write `rows` and return the error, or None.

    The error is logged without its text, which may contain personal data. SCIM requests continue (AC-LOG-7).
    """
    try:
        if rows:
            write(rows)
    except Exception as error:
        logger.error("%d rows for the provisioning log: %s failed: %s", len(rows), write.__name__, type(error).__name__)
        return error
    return None


def _write_run(results: list[str]) -> None:
    run = {"ran_at": timezone.now(), "took_ms": 0, "has_failed": bool(results[0]), "result": results[0]}
    JobRun.objects.update_or_create(job=activity.LOG_JOB, defaults=run)


def _write_entries(entries: list[Entry]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # If this table is locked, the writer must not wait for it: it writes other tables too.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        # Django knows no COPY, so its errors become Django's here.
        with connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            for entry in entries:
                copy.write_row([_value(getattr(entry, name)) for name in _COLUMNS])


def _write_touches(touches: list[tuple[int, tuple[datetime, str | None]]]) -> None:
    with connection.cursor() as cursor:
        for token_id, (at, address) in sorted(touches):
            cursor.execute(_TOUCH, [at, address, at, token_id, at])


def _write_refusals(refused: list[tuple[tuple[str, datetime, str], int]]) -> None:
    with connection.cursor() as cursor:
        for (address, hour, kind), count in sorted(refused):
            cursor.execute(_COUNT, [address, hour, kind, count])


def _batches(entries: list[Entry]) -> Iterable[list[Entry]]:
    """Batches of at most `BATCH` rows and about `BATCH_BYTES`: a statement is in memory several times."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        size += _size(entry)
        if batch and (len(batch) == BATCH or size > BATCH_BYTES):
            yield batch
            batch, size = [], _size(entry)
        batch.append(entry)
    if batch:
        yield batch


# Memory of an entry besides its long texts, in bytes.
_OWN_SIZE = 2_000


def _size(entry: Entry) -> int:
    """The memory that an entry takes, in bytes: its long texts, and those of its lists."""
    texts = (entry.request_body, entry.response_body, entry.path, entry.query, entry.detail)
    return _OWN_SIZE + sum(map(sys.getsizeof, (*texts, *entry.ignored, *entry.asked, *entry.rejected)))


def _without_bodies(entry: Entry) -> Entry:
    return replace(
        entry,
        request_body=NOT_KEPT if entry.request_body else "",
        response_body=NOT_KEPT if entry.response_body else "",
    )


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    return json.dumps([_storable(part) for part in value]) if isinstance(value, list) else value


def _storable(text: str) -> str:
    """Replace NUL and single surrogates, which PostgreSQL rejects."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


writer = Writer()
atexit.register(writer.flush)
