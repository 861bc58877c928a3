"""IP-based access restriction: which networks a provider may call from."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EVERYONE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True)
class RangeProblem:
    """A line that is no network: what is wrong, and the network that was probably meant (or "")."""

    line: int
    text: str
    reason: str
    suggestion: str = ""


def read_ranges(text: str) -> tuple[dict[Network, str], list[RangeProblem]]:
    """Networks of a textarea with their notes, one a line, `#` starting a note; and the lines that are none.

    A single address is a network of one. Of duplicates the first counts.
    """
    networks: dict[Network, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        written, _mark, note = (part.strip() for part in line.partition("#"))
        if not written:
            continue
        found = read_range(written, number)
        if isinstance(found, RangeProblem):
            problems.append(found)
        else:
            networks.setdefault(found, note)
    return networks, problems


def read_range(text: str, line: int = 1) -> Network | RangeProblem:
    """One network, or why it is none: zone ids, leading zeros and host bits are refused (threat V29)."""
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
        reason = _("%(text)s is no IP address or range such as 20.190.128.0/18.") % {"text": text}
        return RangeProblem(line, text, reason)
    reason = _("%(text)s has host bits set: did you mean %(meant)s?") % {"text": text, "meant": meant}
    return RangeProblem(line, text, reason, meant)


def covers(networks: Iterable[Network], address: str | None) -> bool:
    """Whether `address` lies in one of `networks`; an empty list covers nobody."""
    if address is None:
        return False
    plain = plain_address(address)
    return any(plain in network for network in networks if network.version == plain.version)


def covers_everyone(networks: Iterable[Network]) -> bool:
    """Whether every address of a family is covered, in one range or in several together."""
    known = list(networks)
    merged = [
        *ipaddress.collapse_addresses(network for network in known if isinstance(network, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(network for network in known if isinstance(network, ipaddress.IPv6Network)),
    ]
    return any(network in EVERYONE for network in merged)


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as it is compared: IPv4 mapped into IPv6 is IPv4, a zone id does not count.

    Raises `ValueError` for what is no address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
