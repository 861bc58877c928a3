"""One connection of a client: what has arrived of its request, and what has not been sent of its response.

A connection goes through the phases of `Phase`, each with a time limit. Nothing here waits: reading takes what has
arrived, and sending what the client takes. The rest is kept, in a temporary file if it is large.
"""

import re
import socket
import time
from dataclasses import dataclass
from enum import Enum, unique
from tempfile import SpooledTemporaryFile
from typing import Any

MAX_HEAD = 65_536  # bytes of a request line with its headers
IN_MEMORY = 65_536  # bytes of a body or response that are kept in memory; more go to a file
READ_AT_ONCE = 65_536
# Before a chunked body: its size in hexadecimal, extensions (which are ignored), end of line (RFC 9112 §7.1).
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t -~\x80-\xff]*)?\r\n")
_LONGEST_CHUNK_HEAD = 1_024
_MAX_TRAILERS = 8_192
# Reading a chunk costs the same at any size, so a body of many chunks must have this many bytes for each of them.
_SMALL_CHUNKS, _SMALL_CHUNK = 1_000, 64
_HEAD_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True)
class Limit:
    """How long a phase may last: `seconds`, and one more for every `rate` bytes that have gone through (0: none)."""

    seconds: float
    rate: int = 0


@unique
class Phase(Enum):
    """What a connection waits for."""

    HEAD = Limit(10)
    BODY = Limit(15, rate=32_768)
    RESPONSE = Limit(30, rate=16_384)
    # The response is sent, and the client is still sending. Closing now could destroy the response on its way.
    END = Limit(5, rate=1_048_576)


class BadBodyError(Exception):
    """A chunked body that breaks RFC 9112 §7.1."""


class Body:
    """A request body, read up to `limit` bytes and one more. `file` has its bytes without the framing.

    `length` is that of Content-Length, or None for a chunked body. A body that is longer than `limit` is *cut*: if
    Content-Length says so, nothing of it is read, so that the application can refuse it at once.
    """

    def __init__(self, length: int | None, limit: int) -> None:
        self.file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (closed with the connection)
        self.size = 0
        self.is_cut = length is not None and length > limit
        self.is_complete = self.is_cut or length == 0
        self._limit = limit
        self._left = length or 0  # of the body, or of the chunk that is being read
        self._read_framing = self._read_chunk_head if length is None else None
        self._framing = b""  # as far as it has arrived
        self._chunks = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the connection. Raises `BadBodyError`."""
        data, at = self._framing + data, 0
        self._framing = b""
        while not self.is_complete and at < len(data):
            if self._left:
                at += self._keep(data[at : at + self._left])
            elif self._read_framing is not None:
                at = self._read_framing(data, at)

    def _keep(self, data: bytes) -> int:
        """Keep the next bytes of the body, up to the limit. Return how many they were."""
        part = data[: self._limit + 1 - self.size]
        self.file.write(part)
        self.size += len(part)
        self._left -= len(part)
        self.is_cut = self.size > self._limit
        self.is_complete = self.is_cut or (self._left == 0 and self._read_framing is None)
        return len(part)

    # Each of these reads one piece of a chunked body's framing from `data`, and returns where it ends. If it has not
    # arrived as a whole, they put it aside for the next call of `feed` and return the end of `data`.

    def _read_chunk_head(self, data: bytes, at: int) -> int:
        head = _CHUNK_HEAD.match(data, at)
        if head is None:
            if data.find(b"\n", at) >= 0 or len(data) - at > _LONGEST_CHUNK_HEAD:
                raise BadBodyError
            return self._put_aside(data, at)
        self._left = int(head[1], 16)
        self._chunks += 1
        if self._chunks > _SMALL_CHUNKS and self.size < self._chunks * _SMALL_CHUNK:
            raise BadBodyError
        self._read_framing = self._read_chunk_end if self._left else self._read_trailers
        return head.end()

    def _read_chunk_end(self, data: bytes, at: int) -> int:
        if len(data) - at < 2:
            return self._put_aside(data, at)
        if data[at : at + 2] != b"\r\n":
            raise BadBodyError
        self._read_framing = self._read_chunk_head
        return at + 2

    def _read_trailers(self, data: bytes, at: int) -> int:
        """Trailers are dropped (RFC 9110 §6.5.1). An empty line ends them, and with them the body."""
        self.is_complete = data.startswith(b"\r\n", at) or data.find(b"\r\n\r\n", at) >= 0
        if not self.is_complete and len(data) - at > _MAX_TRAILERS:
            raise BadBodyError
        return len(data) if self.is_complete else self._put_aside(data, at)

    def _put_aside(self, data: bytes, at: int) -> int:
        self._framing = data[at:]
        return len(data)


class Connection:
    """A client's socket with its phase. `clock` stands still while the worker runs a request (see `worker`)."""

    def __init__(self, sock: socket.socket, address: Any, listener: Any, now: float) -> None:
        sock.setblocking(False)
        self.sock, self.address, self.listener = sock, address, listener
        self.is_closed = self.has_failed = self.is_watched = self.is_unread = False
        self.head = bytearray()
        self.request: Any = None
        self.body: Body | None = None
        self._unsent: Any = None
        self._sent = self._offered = 0
        self.enter(Phase.HEAD, now)

    def enter(self, phase: Phase, now: float) -> None:
        """Begin a phase, with its time limit from now on."""
        self.phase, self.since, self.moved = phase, now, 0

    @property
    def peer(self) -> str:
        """The address of the client's machine, or "" for a unix socket."""
        return str(self.address[0]) if isinstance(self.address, tuple) else ""

    @property
    def deadline(self) -> float:
        limit: Limit = self.phase.value
        return self.since + limit.seconds + (self.moved / limit.rate if limit.rate else 0)

    @property
    def held(self) -> int:
        """The bytes that are kept for this connection."""
        return len(self.head) + (self.body.size if self.body else 0) + self._offered - self._sent

    def receive(self) -> bytes | None:
        """Return what has arrived, b"" at the end of the connection, or None if nothing is there yet."""
        try:
            data = self.sock.recv(READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""
        self.moved += len(data)
        return data

    @property
    def is_head_too_long(self) -> bool:
        return len(self.head) > MAX_HEAD

    def has_whole_head(self, before: int) -> bool:
        """Return whether the head is complete, or too long. `before` was its length before the last bytes came."""
        return self.is_head_too_long or _HEAD_END.search(self.head, max(0, before - 2)) is not None

    @property
    def is_sent(self) -> bool:
        return self._sent == self._offered

    def offer(self, data: bytes) -> None:
        """Send what the client takes at once, and keep the rest. Raises OSError if the client has left."""
        sent = self._send(data) if self.is_sent else 0
        self._offered += len(data)
        self._sent += sent
        if sent == len(data):
            return
        if self._unsent is None:
            self._unsent = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (closed with the connection)
            self._first = self._sent
        self._unsent.seek(0, 2)
        self._unsent.write(memoryview(data)[sent:])

    def send_more(self) -> None:
        """Send the next of what was kept. Raises OSError if the client has left."""
        while not self.is_sent:
            self._unsent.seek(self._sent - self._first)
            part = self._unsent.read(READ_AT_ONCE)
            sent = self._send(part)
            self._sent += sent
            if sent < len(part):
                return

    def _send(self, data: bytes) -> int:
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        self.moved += sent
        return sent

    def close(self) -> None:
        self.is_closed = True
        for file in (self.sock, self.body.file if self.body else None, self._unsent):
            if file is not None:
                file.close()


class Outbox:
    """What gunicorn's Response writes to: a socket that takes everything at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sendall(self, data: bytes) -> None:
        self._connection.offer(data)

    def shutdown(self, how: int) -> None:
        """Gunicorn ends a response that it cannot complete. The client must see that, so the connection is cut."""
        self._connection.has_failed = True

    def settimeout(self, seconds: float) -> None:
        """There is nothing to wait for."""

    def recv(self, size: int) -> bytes:
        return b""

    def close(self) -> None:
        """The worker closes the connection."""


class Clock:
    """Seconds that pass while the worker waits for clients. While it runs a request, no client's time passes."""

    def __init__(self) -> None:
        self._paused_s = 0.0

    def now(self) -> float:
        return time.monotonic() - self._paused_s

    def leave_out(self, seconds: float) -> None:
        self._paused_s += seconds
