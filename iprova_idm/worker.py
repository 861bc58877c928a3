"""The gunicorn worker: one request at a time, and no client that makes others wait.

Gunicorn's own *sync* worker reads a request, runs it and sends the response before it looks at the next client. A
client that stops in the middle holds it until it is killed. This worker has two kinds of work:

* **Waiting for clients** is done for all of them at once, in a selector loop. Each phase of a connection has a time
  limit (`Phase`), and there are limits on the number of connections and on the bytes kept for them. Where one of these
  is exceeded, the oldest connection of the address that has the most is closed.
* **Running a request** is done for one at a time, in the same thread, which has the process's database connection. It
  begins when the request has arrived as a whole, and ends when the response is complete. Sending what the client has
  not taken by then is waiting again.

A worker accepts nobody while it runs a request, so the next client goes to a worker that is free. Each connection
carries one request: a kept connection would tie its client to a worker that may be busy, and save little
(docs/quality.md).

Connections from addresses outside OPEN_TO are closed before anything is read.
"""

import contextlib
import os
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.sync import SyncWorker

from iprova_idm import unreadable
from iprova_idm.body_limits import largest_body
from iprova_idm.connection import BadBodyError, Body, Clock, Connection, Outbox, Phase
from iprova_idm.options import Options, read_options
from providers.ip_rules import LOOPBACK, covers

MAX_CONNECTIONS = 400  # for each worker; a file for a large body or response makes two descriptors of 1,024
MAX_HELD = 512 * 1_048_576  # bytes kept for all connections of a worker, nearly all of them in files
# A worker that has served its number of requests serves for this long until nobody waits, then for so long without
# accepting new connections.
_RETIRE_S, _LAST_S = 30.0, 2.0
_SWEEP_S = 0.5


class BufferingWorker(SyncWorker):  # type: ignore[misc]
    """Reads requests and sends responses without waiting for any one client, and runs the requests one by one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options: Options = read_options(os.environ)
        self.clock = Clock()
        self.connections: set[Connection] = set()
        # Gunicorn would stop at this number of requests while clients wait. This worker first ends what it has begun.
        self.retires_at = int(self.max_requests)  # type: ignore[has-type]
        self.max_requests = sys.maxsize
        self._retires_by: float | None = None
        self._next_sweep = self._next_warning = 0.0

    def run(self) -> None:
        """Serve until gunicorn stops this worker, or until it has served its number of requests."""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.PIPE[0], selectors.EVENT_READ, self._wake)
        for listener in self.sockets:
            listener.setblocking(False)
            _defer_accept(listener)
            self.selector.register(listener, selectors.EVENT_READ, self._accept)
        while self.alive and not self._is_retired() and self.is_parent_alive():
            self._serve_once()
        for listener in self.sockets:
            self.selector.unregister(listener)
        self._finish_what_has_begun()

    def _serve_once(self) -> None:
        self.notify()
        for key, _events in self.selector.select(1.0):
            callback: Callable[[Any], None] = key.data
            callback(key.fileobj)
        if self.clock.now() >= self._next_sweep:
            self._next_sweep = self.clock.now() + _SWEEP_S
            for connection in [known for known in self.connections if known.deadline < self.clock.now()]:
                self._time_out(connection)

    def retire(self) -> None:
        """Let gunicorn replace this worker as soon as no client waits for it."""
        self.retires_at = 0

    def _is_retired(self) -> bool:
        """Return whether this worker shall be replaced, and no client waits for it any more."""
        if self.nr < self.retires_at:
            return False
        self._retires_by = self._retires_by or time.monotonic() + _RETIRE_S
        return not self.connections or time.monotonic() > self._retires_by

    def _finish_what_has_begun(self) -> None:
        end = time.monotonic() + (_LAST_S if self.alive else self.cfg.graceful_timeout)
        for connection in [known for known in self.connections if known.phase is Phase.HEAD and not known.head]:
            self._close(connection)
        while self.connections and time.monotonic() < end and self.is_parent_alive():
            self._serve_once()

    def _wake(self, pipe: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(pipe, 1024)

    # Waiting for clients

    def _accept(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except OSError:  # another worker was faster, or the client has gone already
            return
        connection = Connection(sock, address, listener, self.clock.now())
        if not self._may_connect(connection):
            self._warn("A connection from %s was closed: OPEN_TO does not contain this address.", connection.peer)
            sock.close()
            return
        self._make_room()
        self.connections.add(connection)
        self._receive(connection)
        if not connection.is_closed and connection.phase in (Phase.HEAD, Phase.BODY):
            self._wait(connection, selectors.EVENT_READ, self._receive)

    def _may_connect(self, connection: Connection) -> bool:
        """Return whether OPEN_TO lets a client in. This machine always may: by loopback, unix socket or its address."""
        peer = connection.peer
        is_own = not peer or connection.sock.getsockname()[:1] == (peer,)
        return is_own or covers((*LOOPBACK, *self.options.open_to), peer)

    def _receive(self, connection: Connection) -> None:
        """Take what has arrived of a request, and run it when it is complete."""
        data = connection.receive()
        if data is None:
            return
        try:
            if not data:
                if connection.head or connection.request:  # its client may still read, although it sends no more
                    self._write_error(connection, unreadable.CUT_OFF)
                self._close(connection)
            elif connection.body is None:
                before = len(connection.head)
                connection.head += data
                if connection.has_whole_head(before):
                    self._read_head(connection)
            else:
                self._read_body(connection, data)
        except OSError as error:
            self._fail(connection, error)
            self._close(connection)

    def _fail(self, connection: Connection, error: OSError) -> None:
        """Give a client up. The process log gets the reason, such as a full disk, unless the client has left."""
        connection.has_failed = True
        if not isinstance(error, ConnectionError):
            self.log.error("A connection failed: %s", error.strerror)

    def _read_head(self, connection: Connection) -> None:
        parser = RequestParser(self.cfg, [bytes(connection.head)], connection.address)
        try:
            request = next(parser)
        except (NoMoreData, StopIteration):
            if connection.is_head_too_long:
                self._refuse(connection, unreadable.HEAD_TOO_LONG)
            return
        except Exception as error:
            self._refuse(connection, unreadable.kind_of(error))
            return
        connection.request, connection.head = request, bytearray()
        length = getattr(request.body.reader, "length", None)  # a chunked body has none
        connection.body = Body(length, largest_body(self.options, request.path))
        connection.enter(Phase.BODY, self.clock.now())
        rest = request.unreader.take_buffered()
        if request._expected_100_continue:
            request._expected_100_continue = False
            if not connection.body.is_complete and not rest:
                connection.offer(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._read_body(connection, rest)

    def _read_body(self, connection: Connection, data: bytes) -> None:
        body = connection.body
        assert body is not None
        try:
            body.feed(data)
        except BadBodyError:
            self._refuse(connection, unreadable.BAD_CHUNKS)
            return
        if body.is_complete:
            self._run(connection)
        elif body.size > MAX_HELD // MAX_CONNECTIONS:
            self._make_room()

    def _send(self, connection: Connection) -> None:
        try:
            connection.send_more()
        except OSError as error:
            self._fail(connection, error)
            self._close(connection)
            return
        if connection.is_sent:
            self._end(connection)

    def _discard(self, connection: Connection) -> None:
        if connection.receive() == b"":
            self._close(connection)

    def _wait(self, connection: Connection, event: int, callback: Callable[[Connection], None]) -> None:
        def call(_sock: Any) -> None:
            if not connection.is_closed:  # an earlier event of the same round may have closed it
                callback(connection)

        change = self.selector.modify if connection.is_watched else self.selector.register
        change(connection.sock, event, call)
        connection.is_watched = True

    # Running a request

    def _run(self, connection: Connection) -> None:
        request, outbox = connection.request, Outbox(connection)
        assert connection.body is not None
        connection.body.file.seek(0)
        request.body = connection.body.file
        started = time.monotonic()
        try:
            self.handle_request(connection.listener, request, outbox, connection.address)
        except StopIteration:  # the application failed in the middle of its response
            connection.has_failed = True
        except OSError as error:
            self._fail(connection, error)
        except SystemExit:  # gunicorn ends a worker that has run a request for too long
            self._write_error(connection, unreadable.FAILED)
            raise
        except Exception:
            self.log.exception("Error handling a request")
            self._write_error(connection, unreadable.FAILED)
        finally:
            self.clock.leave_out(time.monotonic() - started)
        self._deliver(connection)

    def _refuse(self, connection: Connection, kind: unreadable.Kind) -> None:
        """Answer what is not HTTP as this server reads it. Neither log nor response has anything of it."""
        self.log.warning("A request from %s cannot be read: %s", connection.peer or "a unix socket", kind.sentence)
        self._write_error(connection, kind)
        connection.is_unread = True
        self._deliver(connection)

    def _write_error(self, connection: Connection, kind: unreadable.Kind) -> None:
        try:
            connection.offer(unreadable.response_to(kind))
        except OSError:
            connection.has_failed = True

    def _deliver(self, connection: Connection) -> None:
        """The response is complete: end the connection, or wait until the client has taken all of it."""
        if connection.has_failed:
            self._close(connection)
        elif connection.is_sent:
            self._end(connection)
        else:
            connection.enter(Phase.RESPONSE, self.clock.now())
            self._wait(connection, selectors.EVENT_WRITE, self._send)
            self._make_room()

    def _end(self, connection: Connection) -> None:
        """Close a connection whose response was sent. If the client still sends, first let it read the response."""
        is_cut = connection.body is not None and connection.body.is_cut
        if not (is_cut or connection.is_unread or connection.receive()):
            self._close(connection)
            return
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        connection.enter(Phase.END, self.clock.now())
        self._wait(connection, selectors.EVENT_READ, self._discard)

    # Closing

    def _time_out(self, connection: Connection) -> None:
        """Close a connection whose phase lasts too long. A client that was sending a request learns why."""
        if connection.phase in (Phase.HEAD, Phase.BODY) and (connection.head or connection.request):
            self._write_error(connection, unreadable.TOO_SLOW)
        self._close(connection)

    def _make_room(self) -> None:
        """Close connections until the number of them and the bytes they hold are within the limits."""
        while self.connections and (
            len(self.connections) >= MAX_CONNECTIONS or sum(known.held for known in self.connections) > MAX_HELD
        ):
            counts = Counter(known.peer for known in self.connections)
            [(busiest, _count)] = counts.most_common(1)
            oldest = min((known for known in self.connections if known.peer == busiest), key=lambda one: one.since)
            self._warn("Connections are closed to make room: %s has the most.", busiest or "a unix socket")
            self._close(oldest)

    def _close(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if connection.is_watched:
            self.selector.unregister(connection.sock)
        connection.close()

    def _warn(self, text: str, peer: str) -> None:
        """Write a line to the process log, at most one each minute: strangers could cause any number."""
        if time.monotonic() >= self._next_warning:
            self._next_warning = time.monotonic() + 60
            self.log.warning(text, peer)


def _defer_accept(listener: Any) -> None:
    """Let the kernel keep a new connection until its first bytes have arrived, where it can (Linux)."""
    option = getattr(socket, "TCP_DEFER_ACCEPT", None)
    if option is not None and listener.sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            listener.sock.setsockopt(socket.IPPROTO_TCP, option, 10)
