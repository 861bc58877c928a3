"""HTTP as bytes: what is sent is exactly what a generator made, also what no HTTP library would send."""

import re
import socket
import time
from dataclasses import dataclass, field

TIMEOUT_S = 90.0  # longer than the product lets any request take
_LENGTH = re.compile(rb"(?mi)^content-length:[ \t]*(\d+)")
_CHUNKED = re.compile(rb"(?mi)^transfer-encoding:.*chunked")
_CLOSES = re.compile(rb"(?mi)^connection:[ \t]*close")


@dataclass(frozen=True)
class Request:
    """A request; `target` and headers are text whose characters are bytes (Latin-1)."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def as_bytes(self) -> bytes:
        """The request as it is sent. A body gets its length unless a header states one."""
        headers = list(self.headers)
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            headers.insert(0, ("Host", "127.0.0.1"))
        if self.body is not None and not names & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(self.body))))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + (self.body or b"")


@dataclass(frozen=True)
class Response:
    """A response. `status` is 0 if the server closed the connection without one."""

    status: int
    head: bytes = b""
    body: bytes = b""
    took_s: float = 0.0

    def header(self, name: str) -> str:
        """The value of a header, "" without it."""
        found = re.search(rb"(?mi)^" + re.escape(name.encode()) + rb":[ \t]*([^\r\n]*)", self.head)
        return found.group(1).decode("latin-1") if found else ""


@dataclass
class Wire:
    """A connection to the server, opened again whenever it was closed."""

    port: int
    _socket: socket.socket | None = None
    _rest: bytearray = field(default_factory=bytearray)

    def send(self, request: Request, *, ends: bool = False) -> Response:
        """Send a request and read its response. `ends`: the client sends nothing more on this connection."""
        sent = request.as_bytes()
        started = time.perf_counter()
        was_open = self._socket is not None
        try:
            response = self._exchange(sent, request.method == "HEAD", ends)
            if response.status == 0 and was_open:  # the server had closed the connection that was kept
                response = self._exchange(sent, request.method == "HEAD", ends)
        except TimeoutError:
            self.close()
            response = Response(0)
        if ends:
            self.close()
        return Response(response.status, response.head, response.body, time.perf_counter() - started)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._rest.clear()

    def _exchange(self, sent: bytes, is_head: bool, ends: bool) -> Response:
        try:
            connection = self._open()
            try:
                connection.sendall(sent)
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server may have answered before it had read everything
            head = self._read_head()
            while head.startswith(b"HTTP/1.1 1"):  # 100 Continue
                head = self._read_head()
            if not head:
                self.close()
                return Response(0)
            status = int(head[9:12])
            body = b"" if is_head or status in (204, 304) else self._read_body(head)
        except (ConnectionError, ValueError):
            self.close()
            return Response(0)
        if _CLOSES.search(head) or (not is_head and not _LENGTH.search(head) and not _CHUNKED.search(head)):
            self.close()
        return Response(status, head, body)

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _more(self) -> bool:
        """Read what has arrived; False if the server has closed the connection."""
        part = self._open().recv(65_536)
        self._rest += part
        return bool(part)

    def _until(self, mark: bytes) -> bytes:
        while (end := self._rest.find(mark)) < 0:
            if not self._more():
                return b""
        found = bytes(self._rest[: end + len(mark)])
        del self._rest[: end + len(mark)]
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._rest) < count and self._more():
            pass
        found = bytes(self._rest[:count])
        del self._rest[:count]
        return found

    def _read_head(self) -> bytes:
        return self._until(b"\r\n\r\n")

    def _read_body(self, head: bytes) -> bytes:
        if _CHUNKED.search(head):
            parts = []
            while size := int(self._until(b"\r\n") or b"0", 16):
                parts.append(self._exactly(size))
                self._exactly(2)
            self._until(b"\r\n")
            return b"".join(parts)
        if length := _LENGTH.search(head):
            return self._exactly(int(length.group(1)))
        while self._more():
            pass
        return self._exactly(len(self._rest))
