"""Finds the address from which a request came, behind a known number of proxies."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from providers.ip_rules import plain_address


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address, or None if there is none (a unix socket).

    `X-Forwarded-For` is read from the right, one entry for each of TRUSTED_PROXIES. The caller
    could have written the entries further left (threat V29). An IPv4 address mapped into IPv6 is
    returned as IPv4.
    """
    count: int = settings.OPTIONS.trusted_proxies
    peer = request.META.get("REMOTE_ADDR", "")
    if count:
        forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        named = [part for part in forwarded if part]
        peer = named[-min(count, len(named))] if named else peer
    try:
        return str(plain_address(_without_port(peer)))
    except ValueError:
        return None


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
