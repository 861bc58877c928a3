"""Exports of lists: started by an account, written once, kept for a day, and fetched from any machine.

The file is in PostgreSQL, in compressed parts, because a machine behind a load balancer shares nothing else. Its life:

1. `ask` makes the row, or refuses it: only a few exports run at a time, per account and in all.
2. Somebody writes the file: the request itself if it is small, otherwise `start` starts a process, so that no worker
   of the endpoint is held. Inside `snapshot` all rows are of one moment, and `FileWriter` adds the parts. After each
   part the row shows the progress; if the row is no longer running, because it was deleted, the writer stops.
3. `contents` reads the file, a part at a time and from any byte; `compressed` reads it as it is stored.
4. `forget_exports` (a regular job) deletes the row and its parts a day after the end.

A process that dies leaves a row that is still running. It is recognised at once, on any machine: a writer holds an
advisory lock until its transaction ends, and PostgreSQL ends the transaction of a process that no longer exists.
"""

import hashlib
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from providers.audit import record_act
from providers.events import Actor, EventKind
from providers.models import KEPT, Export, ExportFailure, ExportPart, ExportState
from providers.redaction import redact_text

MOST_OF_ACCOUNT = 2
MOST_IN_ALL = 4
# An account keeps its newest exports.
MOST_KEPT = 10
LONGEST_S = 3_600
# A process that has not begun by then never will.
_START = timedelta(seconds=60)
# Bytes of a file before and after compression: of a part, and of all parts together. A worker keeps a response for a
# slow client, and a part in memory.
_PART = 1 << 20
MOST_STORED = 128 << 20
_BATCH = 20
_PARTS_AT_ONCE = 8

# The parts are one stream of DEFLATE blocks. Each part ends with a full flush, so it can be read by itself (RFC 1951).
# Between this header and the checksum in the last part, which has no text, they are a gzip file (RFC 1952 §2.3).
_LEVEL, _RAW = 1, -zlib.MAX_WBITS
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"

# The first half of the key of the advisory locks; the second half is the id of an export, or 0 for the act of asking.
_LOCKS = 72_057
_HELD = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = %s AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class BusyError(Exception):
    """Too many exports are running: of this account (`is_own`), or of all accounts together."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__("too many exports")
        self.is_own = is_own


class StoppedError(Exception):
    """The export was deleted, or its file was withdrawn, while it was being written."""


class NoRoomError(Exception):
    """The file would take more than a file may, or all files together more than EXPORT_ROOM_MIB."""


class TooLongError(Exception):
    """Writing the file took longer than an hour."""


@transaction.atomic
def ask(
    owner: Any, *, listed: str, query: str, language: str, time_zone: str, address: str | None, request_id: UUID | None
) -> tuple[Export, bool]:
    """Return a new export of the account `owner` and True, or the running one of the same rows and False.

    The account's oldest exports make room for it. Raises `BusyError`. Up to seven queries.
    """
    query = redact_text(query)  # it is kept; a search for a token finds nothing anyway
    _lock(0)
    begun = list(Export.objects.filter(state=ExportState.RUNNING))
    dead = interrupted(begun)
    running = [one for one in begun if one.pk not in dead]
    own = [one for one in running if one.owner_id == owner.pk]
    for one in own:
        if (one.listed, one.query, one.language, one.time_zone) == (listed, query, language, time_zone):
            return one, False
    if len(own) >= MOST_OF_ACCOUNT or len(running) >= MOST_IN_ALL:
        raise BusyError(is_own=len(own) >= MOST_OF_ACCOUNT)
    ended = Export.objects.filter(owner=owner).exclude(pk__in=[one.pk for one in own]).order_by("-id")
    _delete(list(ended.values_list("pk", flat=True)[MOST_KEPT - 1 :]))
    chosen = {"listed": listed, "query": query, "language": language, "time_zone": time_zone}
    return Export.objects.create(owner=owner, **chosen, address=address, request_id=request_id), True


def start(export_id: int) -> None:
    """Start the process that writes the file: `manage.py make_export`.

    It is in a session of its own, so it outlives the worker that starts it. It is stopped with the service. Raises
    `OSError` if no process can be started.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "make_export", str(export_id)]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True, **quiet)  # noqa: S603 (ours)
    # Without this, an ended process would stay in the list of processes for as long as the worker lives.
    threading.Thread(target=process.wait, name="export", daemon=True).start()


def held_ids() -> set[int]:
    """Return the ids of the exports whose file is being written, on any machine. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [_LOCKS])
        return {found for (found,) in cursor.fetchall()}


def interrupted(running: Iterable[Export]) -> set[int]:
    """Return the ids of those exports that nobody writes any more, or that did not begin in time. Up to two queries.

    The rows were read before this. A lock is taken before the row shows that the writing began, and is released after
    it shows the end. So an export without a lock whose row, read again, is still running has been interrupted.
    """
    begun = [one for one in running if one.started_at or timezone.now() - one.asked_at > _START]
    held = held_ids() if begun else set()
    suspects = [one.pk for one in begun if one.pk not in held]
    still = Export.objects.filter(pk__in=suspects, state=ExportState.RUNNING)
    return set(still.values_list("pk", flat=True)) if suspects else set()


@contextmanager
def snapshot(export_id: int, *, statement_s: int) -> Iterator[None]:
    """Run the block in a transaction that sees the rows of one moment. It shows that the export is being written.

    A test's own transaction around it cannot be changed any more, so there the isolation stays as it is.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            if is_outermost:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"SET LOCAL statement_timeout = '{statement_s}s'")
        _lock(export_id)
        yield


class FileWriter:
    """Writes the file of an export in parts, each in a transaction of the connection `using`.

    With a connection of its own, the progress is visible while the transaction of `snapshot` is open.
    """

    def __init__(self, export_id: int, *, using: str = DEFAULT_DB_ALIAS) -> None:
        self.using = using
        self.row_count = 0
        self._running = Export.objects.using(using).filter(pk=export_id, state=ExportState.RUNNING)
        self._export_id = export_id
        self._waiting: list[bytes] = []
        self._waiting_size = self._size = self._stored = self._crc = 0
        self._digest = hashlib.sha256()
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)

    def begin(self, *, expected: int, has_names: bool) -> None:
        """Note how many rows are expected. Raises `StoppedError`, as the other methods do."""
        self._update(started_at=timezone.now(), expected=expected, has_names=has_names)

    def write(self, text: bytes, rows: int) -> None:
        """Add a text with a number of rows. Raises `NoRoomError` too."""
        self._waiting.append(text)
        self._waiting_size += len(text)
        self.row_count += rows
        if self._waiting_size >= _PART:
            with transaction.atomic(using=self.using):
                self._add_part()

    def end(self, *, file_name: str, actor: Actor, subject: str) -> None:
        """Complete the file, and record the export in the audit: both or neither."""
        with transaction.atomic(using=self.using):
            self._add_part()
            checksum = struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)
            self._store(self._size, self._deflate.flush(zlib.Z_FINISH) + checksum)
            self._update(
                state=ExportState.DONE,
                ended_at=timezone.now(),
                sha256=self._digest.hexdigest(),
                file_name=file_name,
            )
            record_act(EventKind.EXPORTED, actor, subject=subject, using=self.using)

    def _add_part(self) -> None:
        text = b"".join(self._waiting)
        if not text:
            return
        self._waiting, self._waiting_size = [], 0
        place = self._size
        self._size += len(text)
        self._crc = zlib.crc32(text, self._crc)
        self._digest.update(text)
        self._store(place, self._deflate.compress(text) + self._deflate.flush(zlib.Z_FULL_FLUSH))

    def _store(self, place: int, content: bytes) -> None:
        self._stored += len(content)
        self._update(row_count=self.row_count, size=self._size, stored=self._stored)
        taken = Export.objects.using(self.using).aggregate(taken=Sum("stored"))["taken"]
        if self._stored > MOST_STORED or taken > settings.OPTIONS.export_room_mib << 20:
            raise NoRoomError
        ExportPart.objects.using(self.using).create(export_id=self._export_id, start=place, content=content)

    def _update(self, **columns: Any) -> None:
        if not self._running.update(**columns):
            raise StoppedError


def fail(export_id: int, failure: ExportFailure, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Note that a running export failed, and delete what it has written."""
    failed = {"state": ExportState.FAILED, "failure": failure, "ended_at": timezone.now(), "stored": 0}
    with transaction.atomic(using=using):
        if Export.objects.using(using).filter(pk=export_id, state=ExportState.RUNNING).update(**failed):
            ExportPart.objects.using(using).filter(export_id=export_id).delete()


def contents(export: Export, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """Yield the file from byte `first` to byte `last`, a part at a time. One query for each part.

    Raises `StoppedError` if the file is deleted meanwhile: the response is then shorter than announced, and the
    browser reports that.
    """
    place, end = first, export.size if last is None else last + 1
    while place < end:
        parts = ExportPart.objects.filter(export_id=export.pk, start__lte=place).order_by("-start")
        if (part := parts.first()) is None:
            raise StoppedError
        text = zlib.decompressobj(_RAW).decompress(part.content)[place - part.start : end - part.start]
        if not text:
            raise StoppedError
        yield text
        place += len(text)


def compressed(export: Export) -> Iterator[bytes]:
    """Yield the file as a gzip file of `compressed_size` bytes. Raises `StoppedError` as `contents` does."""
    yield _GZIP_HEADER
    place, left = -1, export.stored
    while left > 0:
        parts = ExportPart.objects.filter(export_id=export.pk, start__gt=place).order_by("start")[:_PARTS_AT_ONCE]
        found = list(parts)
        if not found:
            raise StoppedError
        for part in found:
            yield bytes(part.content)
            place, left = part.start, left - len(part.content)


def compressed_size(export: Export) -> int:
    """Return the number of bytes of `compressed`."""
    return len(_GZIP_HEADER) + export.stored


def delete_export(export: Export) -> None:
    """Delete an export with its file. One that is running stops at its next part."""
    _delete([export.pk])


def forget_exports() -> int:
    """Delete a batch of expired exports and return its size. Note which running ones were interrupted."""
    for export_id in interrupted(list(Export.objects.filter(state=ExportState.RUNNING))):
        fail(export_id, ExportFailure.INTERRUPTED)
    expired = Export.objects.filter(ended_at__lt=timezone.now() - KEPT).order_by("pk")
    ids = list(expired.values_list("pk", flat=True)[:_BATCH])
    _delete(ids)
    return len(ids)


@transaction.atomic
def _delete(ids: list[int]) -> None:
    if ids:
        # The row first: its lock makes a writer wait, which then finds no row and adds no part.
        list(Export.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
        Export.objects.filter(pk__in=ids).delete()


def _lock(number: int) -> None:
    """Hold an advisory lock until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, number])
