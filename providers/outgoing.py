"""The only client for requests to addresses that people have entered, such as webhooks (threat V54, SSRF).

    1. The URL is https, without a user name, and names a host.
    2. The host is resolved once. Addresses that are not public and not in WEBHOOK_NETWORKS are left out.
    3. The connection goes to one of the addresses that were checked, so a second answer of the name server (DNS
       rebinding) changes nothing. TLS checks the certificate for the name of the host.
    4. A redirect is an error: it would lead to an address that nobody checked.
    5. All of it takes at most `TIMEOUT_S`, and at most `MAX_BYTES` of the response are read.

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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

TIMEOUT_S = 5.0
MAX_BYTES = 65_536
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
    deadline = time.monotonic() + TIMEOUT_S
    host, port = str(parts.hostname), parts.port or 443
    try:
        addresses = [found for found in _resolve(host, port, deadline) if is_allowed(found)]
        if not addresses:
            raise OutgoingError(gettext_noop("The host has no public address. WEBHOOK_NETWORKS may allow others."))
        with _connect(host, port, addresses, deadline) as connection:
            return _exchange(connection, parts, body, headers, deadline)
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
    """What a connection receives, up to the deadline and `MAX_BYTES`; also the "socket" of `http.client`."""

    def __init__(self, connection: ssl.SSLSocket, deadline: float) -> None:
        self._connection, self._deadline, self._room = connection, deadline, MAX_BYTES

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        count = self._connection.recv_into(buffer, min(len(buffer), self._room))
        self._room -= count
        return count if self._room else 0


def _exchange(
    connection: ssl.SSLSocket, parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline: float
) -> Response:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.settimeout(_left(deadline))
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + body)
    response = http.client.HTTPResponse(_Received(connection, deadline))  # type: ignore[arg-type]
    response.begin()
    if 300 <= response.status < 400:
        said = gettext_noop("The response is a redirect, which is not followed: enter the address that it leads to.")
        raise OutgoingError(said)
    try:
        return Response(response.status, response.read(MAX_BYTES))
    except (OSError, http.client.HTTPException):  # the status has arrived, and the body does not matter
        return Response(response.status, b"")
