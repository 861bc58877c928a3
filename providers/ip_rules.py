"""Reads and compares the address ranges of an IP restriction. It uses no database."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# A provider may have this many, because the address of each request is compared with all of them. The service tag of
# Entra ID has a few hundred.
MAX_RANGES = 2_000
# Reading stops after this many lines that cannot be read: a form may have half a million.
MAX_PROBLEMS = 100
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
EVERYONE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True)
class RangeProblem:
    """A line that is not a network: the reason, and the network that was probably meant (or "")."""

    line: int
    text: str
    reason: str
    suggestion: str = ""


def read_ranges(text: str) -> tuple[dict[Network, str], list[RangeProblem]]:
    """Read the lines of a text area. Return the networks with their notes, and the first lines that cannot be read.

    Each line is a network or a single address, with a note after `#`. If a network occurs twice,
    the first note counts.
    """
    networks: dict[Network, str] = {}
    problems: list[RangeProblem] = []
    for number, line in enumerate(text.splitlines(), 1):
        written, _mark, note = (part.strip() for part in line.partition("#"))
        if not written:
            continue
        if len(problems) == MAX_PROBLEMS:
            break
        found = read_range(written, number)
        if isinstance(found, RangeProblem):
            problems.append(found)
        else:
            networks.setdefault(found, note)
    return networks, problems


def read_range(text: str, line: int = 1) -> Network | RangeProblem:
    """Read one network. Return it, or the problem: zone ids, leading zeros and host bits are rejected (threat V29)."""
    if "%" in text:
        reason = _("%(text)s names a zone of one machine; leave out the part from %%.") % {"text": text}
        return RangeProblem(line, text, reason)
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return _explain(text, line)
    mapped = network.network_address.ipv4_mapped if network.version == 6 else None
    if mapped and network.prefixlen >= 96:
        return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    return network


def _explain(text: str, line: int) -> RangeProblem:
    try:
        meant = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        reason = _("%(text)s is not a valid IP address or range. Example: 20.190.128.0/18.") % {"text": text}
        return RangeProblem(line, text, reason)
    reason = _("%(text)s does not start on a range boundary: did you mean %(meant)s?") % {"text": text, "meant": meant}
    return RangeProblem(line, text, reason, meant)


def covers(networks: Iterable[Network], address: str | None) -> bool:
    """Return whether `address` is in one of `networks`."""
    if address is None:
        return False
    plain = plain_address(address)
    return any(plain in network for network in networks if network.version == plain.version)


def covers_everyone(networks: Iterable[Network]) -> bool:
    """Return whether the networks together contain every IPv4 address, or every IPv6 address."""
    known = list(networks)
    merged = [
        *ipaddress.collapse_addresses(network for network in known if isinstance(network, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(network for network in known if isinstance(network, ipaddress.IPv6Network)),
    ]
    return any(network in EVERYONE for network in merged)


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address in the form for comparisons: IPv4 mapped into IPv6 becomes IPv4, a zone id is ignored.

    Raises `ValueError` if the text is not an address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
