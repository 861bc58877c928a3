"""The provisioning log's writer. Requests go into a buffer and are written to the database after their responses.

The log never delays a request and never makes it fail. In each process a thread writes the buffer
every half second. A crash loses the last half second. If the database does not respond and the
buffer has too many bytes, further requests are kept without their bodies; if it has too many rows, they
are lost, and the process log has their number. If no rows can be
written, the console shows it (`activity.log_failure`, AC-LOG-7).
"""

import atexit
import json
import logging
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from django.db import DataError, close_old_connections, connection, transaction
from django.utils import timezone

from providers import activity
from providers.models import JobRun

MAX_BODY = 65_536
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 16_777_216
INTERVAL_S = 0.5
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
    token_id: int
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
_ONE_ROW = f"({', '.join(['%s'] * len(_COLUMNS))})"
_INSERT = f"INSERT INTO providers_requestlog ({', '.join(_COLUMNS)}) VALUES "
_TOUCH = """
UPDATE providers_token SET last_used_at = %s, last_used_ip = %s, first_used_at = coalesce(first_used_at, %s)
WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)
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
        self._bytes = 0
        self._touches: dict[int, tuple[datetime, str | None]] = {}
        self._refused: Counter[tuple[str, datetime, str]] = Counter()
        self._lost = 0
        self._is_failing = False
        self._pid = 0
        self._wake = threading.Event()

    def add(self, entry: Entry, *, touches_token: bool) -> None:
        """Add a request to the buffer. `touches_token`: also write the token's last use."""
        with self._lock:
            if touches_token:
                self._touches[entry.token_id] = (entry.at, entry.source_ip)
            if self._bytes + _size(entry) > MAX_WAITING_BYTES:
                entry = _without_bodies(entry)
            size = _size(entry)
            if len(self._entries) < MAX_WAITING and self._bytes + size <= 2 * MAX_WAITING_BYTES:
                self._entries.append(entry)
                self._bytes += size
            else:
                self._lost += 1
        self.start()

    def count_refusal(self, address: str | None, at: datetime, kind: str) -> None:
        """Count a request that belongs to no provider, by address, hour and kind. It is not kept itself (AC-REF-2)."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if len(self._refused) < MAX_WAITING:
                self._refused[address or "0.0.0.0", hour, kind] += 1  # noqa: S104
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
        with self._lock:
            entries, self._entries, self._bytes = self._entries, [], 0
            touches, self._touches = self._touches, {}
            refused, self._refused = self._refused, Counter()
            lost, self._lost = self._lost, 0
        if not (entries or touches or refused):
            return
        if lost:
            logger.error("%d requests are missing from the provisioning log: the buffer was full", lost)
        for part in _batches(entries):
            error = _failure(_write_entries, part)
            if isinstance(error, DataError) and len(part) > 1:  # one bad row must not lose the others
                errors = [_failure(_write_entries, [entry]) for entry in part]
                error = None if None in errors else error
            self._note(error)
        _failure(_write_touches, list(touches.items()))
        own = [
            activity.Call(*(getattr(entry, name) for name in activity.Call.__dataclass_fields__)) for entry in entries
        ]
        for write in activity.WRITES:
            _failure(write, own)
        _failure(_write_refusals, list(refused.items()))

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
    values = [_value(getattr(entry, name)) for entry in entries for name in _COLUMNS]
    with transaction.atomic(), connection.cursor() as cursor:
        # If this table is locked, the writer must not wait for it: it writes other tables too.
        cursor.execute("SET LOCAL lock_timeout = '2s'")
        cursor.execute(_INSERT + ", ".join([_ONE_ROW] * len(entries)), values)


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


def _size(entry: Entry) -> int:
    """The memory that an entry takes, in bytes: its texts, and those of its lists."""
    values = vars(entry).values()
    lists = (part for value in values if isinstance(value, list) for part in value)
    return sum(map(sys.getsizeof, values)) + sum(map(sys.getsizeof, lists))


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

_SECRET_NAME = re.compile(r"password|secret|token", re.IGNORECASE)
_TOKEN = re.compile(r"ipr_[A-Za-z0-9_-]{20,}")
HIDDEN = "•••"


def redact(body: bytes) -> str:
    """Return a request or response body without passwords, secrets and tokens, cut to 64 kB."""
    text = _TOKEN.sub(f"ipr_{HIDDEN}", body[:MAX_BODY].decode("utf-8", "replace"))
    # An attribute name can contain JSON escapes. So a text with escapes is parsed before it is searched.
    if _SECRET_NAME.search(text) or "\\u" in text:
        if len(body) > MAX_BODY:
            return f"(not kept: it may name a secret and is too long to clean; {len(body):,} bytes)"
        try:
            text = json.dumps(_redacted(json.loads(body), 50), ensure_ascii=False)
        except (ValueError, RecursionError):
            return f"(not kept: it may name a secret and is no JSON; {len(body):,} bytes)"
        text = _TOKEN.sub(f"ipr_{HIDDEN}", text)
    return text + (f"… (cut; {len(body):,} bytes in all)" if len(body) > MAX_BODY else "")


def redact_text(text: str) -> str:
    """Return a path without tokens, cut to 8,000 characters."""
    return _TOKEN.sub(f"ipr_{HIDDEN}", text[:8_000])


def redact_query(query: str) -> str:
    """Return a raw query string without tokens, or "•••" if it contains the name of a secret in any encoding."""
    return HIDDEN if _SECRET_NAME.search(unquote_plus(query)) else redact_text(query)


def _redacted(value: Any, depth: int) -> Any:
    """Return JSON with the values of secrets replaced, at most `depth` levels deep.

    A secret is a value whose own name is one, or the `value` of a PATCH operation whose `path` is one.
    """
    if depth == 0:
        return "(nested too deep to keep)"
    if isinstance(value, list):
        return [_redacted(element, depth - 1) for element in value]
    if not isinstance(value, dict):
        return value
    names_secret = any(
        isinstance(part, str) and _SECRET_NAME.search(part) for name, part in value.items() if name.lower() == "path"
    )
    return {
        name: HIDDEN
        if _SECRET_NAME.search(name) or (names_secret and name.lower() == "value")
        else _redacted(part, depth - 1)
        for name, part in value.items()
    }
