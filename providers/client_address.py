"""Finds the address from which a request came, and whether what a proxy says about it counts.

`X-Forwarded-For` and `X-Forwarded-Proto` can be written by anybody. They count only where the peer, the machine at the
other end of the connection, is a proxy of TRUSTED_PROXIES (threat V29). Nothing else in this project reads them.
"""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

from providers.ip_rules import LOOPBACK, covers, plain_address

FORWARDED_FOR, FORWARDED_PROTO = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address, or None if there is none: a unix socket, or a proxy that names nobody readable.

    Behind a trusted proxy it is the last address of `X-Forwarded-For` that is not a trusted proxy itself. The caller
    could have written what stands further left. If TRUSTED_PROXIES is a number, one entry is read for each proxy. An
    IPv4 address mapped into IPv6 is returned as IPv4.
    """
    found = request.META.get("REMOTE_ADDR", "")
    if is_behind_proxy(request):
        entries = [entry.strip() for entry in request.META.get(FORWARDED_FOR, "").split(",")]
        found = _caller([entry for entry in entries if entry]) or found
    return _plain(found)


@lru_cache(maxsize=1_000)
def _plain(entry: str) -> str | None:
    """Return the address of an entry as it is stored, or None. The same few addresses come all the time."""
    try:
        return str(plain_address(_without_port(entry)))
    except ValueError:
        return None


def is_behind_proxy(request: HttpRequest) -> bool:
    """Return whether the peer is a trusted proxy. A unix socket is this machine; so is the peer that a number means."""
    trusted = settings.OPTIONS.trusted_proxies
    if not trusted:
        return False
    return _is_in(LOOPBACK if isinstance(trusted, int) else trusted, request.META.get("REMOTE_ADDR") or "127.0.0.1")


def _caller(entries: list[str]) -> str:
    """Return the entry of `X-Forwarded-For` that is the caller, or "" if there is none."""
    trusted = settings.OPTIONS.trusted_proxies
    if isinstance(trusted, int):
        return entries[-min(trusted, len(entries))] if entries else ""
    others = [entry for entry in entries if not _is_in(trusted, _without_port(entry))]
    return (others or entries[:1] or [""])[-1]


def _is_in(networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], address: str) -> bool:
    try:
        return covers(networks, address)
    except ValueError:
        return False


def _without_port(entry: str) -> str:
    """Return an entry without its port. Some proxies write `203.0.113.9:4711` or `[2001:db8::1]:4711`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    host, colon, _ = entry.partition(":")
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return entry
    return host if colon else entry


def source_of(address: str | None) -> str:
    """Return the name under which an address is counted: itself, or for IPv6 its /64, which one subscriber has whole.

    "" without an address (a unix socket).
    """
    if not address or ":" not in address:
        return address or ""
    network = ipaddress.IPv6Network((address.partition("%")[0], 64), strict=False)
    return str(network.network_address)


def client_source(request: HttpRequest) -> str | None:
    """Return the address under which a request is counted (`source_of`), or None if there is none."""
    return source_of(client_address(request)) or None
