"""The only client for requests to addresses that people have entered: webhooks and keys of issuers (V54, SSRF).

    1. The URL is https, without a user name, and names a host.
    2. The host is resolved once. Addresses that are not public and not in WEBHOOK_NETWORKS are left out.
    3. The connection goes to one of the addresses that were checked, so a second answer of the name server (DNS
       rebinding) changes nothing. TLS checks the certificate for the name of the host.
    4. A redirect is an error: it would lead to an address that nobody checked.
    5. All of it takes at most `TIMEOUT_S`. Of a response `MAX_BYTES` are read, of a document `MAX_DOCUMENT`.

Proxies in the environment are not used. Nothing of a response reaches a page, only its status.
"""

import http.client
import io
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

TIMEOUT_S = 5.0
MAX_BYTES = 65_536
MAX_DOCUMENT = 262_144
MAX_URL = 1_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Public by their form, but they stand for another address, which may be private: NAT64, 6to4, Teredo.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class OutgoingError(Exception):
    """The request was not made, or had no usable response.

    `reason` is a text of the catalogue, so that a page can show it in each language; `detail` may be empty.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return " ".join(filter(None, [_(self.reason), self.detail]))


@dataclass(frozen=True)
class Response:
    """The response to a request: its status and the first bytes of its body."""

    status: int
    body: bytes


def check_url(url: str) -> SplitResult:
    """Return the parts of a URL that may be requested; its host is not resolved. Raises `OutgoingError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError):
        raise OutgoingError(gettext_noop("Enter a valid URL.")) from None
    if len(url) > MAX_URL or not url.isascii() or any(sign <= " " or sign == "\x7f" for sign in url):
        raise OutgoingError(gettext_noop("Enter a valid URL."))
    if parts.scheme != "https" or not host or port == 0:
        raise OutgoingError(gettext_noop("The URL must begin with https:// and the name of a host."))
    if "@" in parts.netloc:
        raise OutgoingError(gettext_noop("The URL must not have a user name or a password."))
    return parts


def is_allowed(address: Address) -> bool:
    """Return whether a request may go to this address: it is public, or in WEBHOOK_NETWORKS."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in settings.OPTIONS.webhook_networks):
        return True
    is_translated = any(address in network for network in _TRANSLATED)
    return address.is_global and not address.is_multicast and not is_translated


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Send a POST request. Raises `OutgoingError`, also for a redirect. Takes at most `TIMEOUT_S`."""
    parts = check_url(url)
    lines = [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return _request(parts, "POST", lines, body, MAX_BYTES)


def fetch(url: str, hosts: Collection[str], headers: Mapping[str, str]) -> bytes:
    """Return the document at a URL whose host is one of `hosts`, by GET.

    Raises `OutgoingError`, also for a redirect, a status other than 200 and a document of more than `MAX_DOCUMENT`.
    Takes at most `TIMEOUT_S`.
    """
    parts = check_url(url)
    if str(parts.hostname) not in hosts:
        raise OutgoingError(gettext_noop("FEDERATION_HOSTS does not contain the host."), str(parts.hostname))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    response = _request(parts, "GET", lines, b"", MAX_DOCUMENT + MAX_BYTES)
    if response.status != 200:
        raise OutgoingError(gettext_noop("The response has another status than 200."), str(response.status))
    if len(response.body) > MAX_DOCUMENT:
        raise OutgoingError(gettext_noop("The document is too large."))
    return response.body


def _request(parts: SplitResult, method: str, headers: list[str], body: bytes, max_bytes: int) -> Response:
    deadline = time.monotonic() + TIMEOUT_S
    host, port = str(parts.hostname), parts.port or 443
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", *headers, "", ""]
    try:
        addresses = [found for found in _resolve(host, port, deadline) if is_allowed(found)]
        if not addresses:
            raise OutgoingError(gettext_noop("The host has no public address. WEBHOOK_NETWORKS may allow others."))
        with _connect(host, port, addresses, deadline) as connection:
            return _exchange(connection, "\r\n".join(head).encode("ascii") + body, deadline, max_bytes)
    except ssl.SSLCertVerificationError as error:
        raise OutgoingError(gettext_noop("The certificate is not valid."), error.verify_message) from error
    except TimeoutError as error:
        raise OutgoingError(gettext_noop("There was no response within 5 seconds.")) from error
    except http.client.HTTPException as error:
        raise OutgoingError(gettext_noop("The response is not HTTP.")) from error
    except OSError as error:
        raise OutgoingError(gettext_noop("The connection failed."), error.strerror or "TLS") from error


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _resolve(host: str, port: int, deadline: float) -> list[Address]:
    """Return the addresses of a host. The system's resolver has no time limit, so it runs in a thread of its own."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            found.put(None)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        known = found.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if known is None:
        raise OutgoingError(gettext_noop("The name of the host cannot be resolved."))
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in known]


def _connect(host: str, port: int, addresses: Iterable[Address], deadline: float) -> ssl.SSLSocket:
    """Connect to the first address that accepts, and check the certificate for the host."""
    last: OSError | None = None
    for address in addresses:
        try:
            plain = socket.create_connection((str(address), port), timeout=_left(deadline))
            break
        except OSError as error:
            last = error
    else:
        assert last is not None
        raise last
    try:
        plain.settimeout(_left(deadline))
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


class _Received(io.RawIOBase):
    """What a connection receives, up to the deadline and `max_bytes`; also the "socket" of `http.client`."""

    def __init__(self, connection: ssl.SSLSocket, deadline: float, max_bytes: int) -> None:
        self._connection, self._deadline, self._room = connection, deadline, max_bytes

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        count = self._connection.recv_into(buffer, min(len(buffer), self._room))
        self._room -= count
        return count if self._room else 0


def _exchange(connection: ssl.SSLSocket, request: bytes, deadline: float, max_bytes: int) -> Response:
    connection.settimeout(_left(deadline))
    connection.sendall(request)
    response = http.client.HTTPResponse(_Received(connection, deadline, max_bytes))  # type: ignore[arg-type]
    response.begin()
    if 300 <= response.status < 400:
        said = gettext_noop("The response is a redirect, which is not followed: enter the address that it leads to.")
        raise OutgoingError(said)
    try:
        return Response(response.status, response.read(max_bytes))
    except (OSError, http.client.HTTPException):  # the status has arrived, and the body of a POST does not matter
        return Response(response.status, b"")
