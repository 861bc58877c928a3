"""Whether a directory on the internet can call the public address, as far as the address itself shows (no look-ups)."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from providers.console.frame.page import Text
from providers.models import Provider

_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")

_WARNINGS: Mapping[str, Text] = {
    "loopback": gettext_lazy(
        "The public address {address} leads to this machine only, so {directory} cannot call it. The operator of "
        "this server sets PUBLIC_URL."
    ),
    "private": gettext_lazy(
        "The public address {address} belongs to a private network, so {directory} can call it only from there. The "
        "operator of this server sets PUBLIC_URL."
    ),
    "open": gettext_lazy(
        "The public address {address} is not https, so the token would cross the network in the clear, and most "
        "directories refuse it. The operator of this server sets PUBLIC_URL."
    ),
}


def problem_of(url: str) -> str:
    """Return why a directory cannot call `url`: a name in `_WARNINGS`, or "" if nothing is known against it."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "loopback"
        is_private = "." not in host or host.endswith(_LOCAL_ENDINGS)
    else:
        if address.is_loopback or address.is_unspecified:
            return "loopback"
        is_private = not address.is_global
    if is_private:
        return "private"
    return "" if parts.scheme == "https" else "open"


def address_warning(provider: Provider | None = None) -> SafeString | str:
    """Return a warning about the public address, with the name of the provider's directory; "" if there is none."""
    found = problem_of(settings.OPTIONS.base_url)
    if not found:
        return ""
    directory = provider.directory.name if provider else gettext_lazy("a directory")
    address = format_html('<span class="mono">{}</span>', settings.OPTIONS.base_url)
    return format_html(str(_WARNINGS[found]), address=address, directory=directory)
