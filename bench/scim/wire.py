"""The client: HTTP/1.1 on plain sockets, so that sending takes little of the processor that is measured."""

import socket
from dataclasses import dataclass
from typing import Any, Self

import orjson

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Request:
    """A SCIM request. `path` begins after the base URL and is sent as it is."""

    method: str
    path: str
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Connection:
    """A client's connection, kept for as long as the server keeps it.

    A server that closes after each response is connected again, and what that costs counts: its clients pay it too.
    """

    def __init__(self, port: int, base: str, token: str) -> None:
        self.address, self.base = ("127.0.0.1", port), base
        self.head = (
            f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/scim+json\r\n"
        )
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def send(self, request: Request) -> Answer:
        """Send a request and return its response. Raises OSError if the server does not respond."""
        data = self.render(request)
        if self._socket is not None:
            try:
                return self._send(self._socket, data)
            except (ConnectionError, BrokenPipeError):  # the server has closed a kept connection meanwhile
                self.close()
        self._socket = socket.create_connection(self.address, TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._send(self._socket, data)

    def render(self, request: Request) -> bytes:
        body = b"" if request.body is None else orjson.dumps(request.body)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"{request.method} {self.base}{request.path}{self.head}{length}\r\n".encode() + body

    def _send(self, sock: socket.socket, data: bytes) -> Answer:
        sock.sendall(data)
        head, _, self._rest = self._until(sock, b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        is_kept = fields.get("connection") != "close" and not lines[0].startswith("http/1.0")
        if status in (204, 304):
            body = b""
        elif "content-length" in fields:
            body = self._exactly(sock, int(fields["content-length"]))
        elif fields.get("transfer-encoding") == "chunked":
            body = self._chunks(sock)
        else:
            body, is_kept = self._all(sock), False
        if not is_kept:
            self.close()
        return Answer(status, body)

    def _until(self, sock: socket.socket, mark: bytes) -> tuple[bytes, bytes, bytes]:
        data = self._rest
        while mark not in data:
            data += _received(sock)
        return data.partition(mark)

    def _exactly(self, sock: socket.socket, length: int) -> bytes:
        parts, size = [self._rest], len(self._rest)
        while size < length:
            parts.append(_received(sock))
            size += len(parts[-1])
        data = b"".join(parts)
        self._rest = data[length:]
        return data[:length]

    def _chunks(self, sock: socket.socket) -> bytes:
        parts = []
        while True:
            line, _, self._rest = self._until(sock, b"\r\n")
            length = int(line.partition(b";")[0], 16)
            parts.append(self._exactly(sock, length))
            self._exactly(sock, 2)
            if not length:
                return b"".join(parts)

    def _all(self, sock: socket.socket) -> bytes:
        parts = [self._rest]
        while part := sock.recv(262_144):
            parts.append(part)
        return b"".join(parts)


def _received(sock: socket.socket) -> bytes:
    part = sock.recv(262_144)
    if not part:
        raise ConnectionResetError("the server closed the connection in the middle")
    return part
