"""Whose address a request came from, behind a known number of proxies."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from providers.ip_rules import plain_address


def client_address(request: HttpRequest) -> str | None:
    """The caller's address, IPv4 where it is IPv4 mapped into IPv6; None when there is none (a unix socket).

    `X-Forwarded-For` is read from the right, past TRUSTED_PROXIES entries at most: what stands
    further left was written by the caller (threat V29).
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
    """`203.0.113.9:4711` and `[2001:db8::1]:4711`, as some proxies write them."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    host, colon, _ = entry.partition(":")
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return entry
    return host if colon else entry
