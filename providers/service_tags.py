"""Reads Microsoft's ServiceTags_Public_*.json: the address ranges of each Microsoft service.

An administrator uploads the file; this server never downloads it. The published ranges are not complete, so an
administrator should start with *observe*.
"""

import difflib
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from providers.ip_rules import MAX_RANGES, Network, RangeProblem, read_range
from providers.json_files import parse_json
from providers.kinds import KINDS

MAX_BYTES = 20_000_000
# Microsoft's list has about 3,000 tags and 200,000 values. More take long to read, however few bytes they have.
MAX_VALUES = 1_000_000
# A suggestion compares a name with at most this many tags, which takes half a millisecond for each similar one.
MOST_COMPARED = 5_000
DEFAULT_TAG = KINDS["entra"].service_tag
CLOUD = "Public"


class ServiceTagsError(Exception):
    """The file cannot be used. The text has the reason, in words for an administrator."""


@dataclass(frozen=True)
class ServiceTag:
    """The ranges of one Microsoft service. `change_number` is Microsoft's number of the version."""

    name: str
    change_number: int
    networks: list[Network]


def read_service_tag(content: bytes, name: str) -> ServiceTag:
    """Return one service tag of the file, ignoring case. Raises `ServiceTagsError` if the file has no such tag."""
    if len(content) > MAX_BYTES:
        said = _("The file is larger than %(size)s MB: it is not Microsoft's list.")
        raise ServiceTagsError(said % {"size": MAX_BYTES // 1_000_000})
    if sum(map(content.count, (b"{", b"[", b","))) > MAX_VALUES:
        raise ServiceTagsError(_("The file has too many values: it is not Microsoft's list."))
    try:
        found = parse_json(content)
    except (ValueError, RecursionError) as error:
        raise ServiceTagsError(_("The file is not JSON. Download ServiceTags_Public_….json from Microsoft.")) from error
    if not isinstance(found, dict) or not isinstance(found.get("values"), list):
        raise ServiceTagsError(_("The file has no list of service tags: it is not Microsoft's ServiceTags file."))
    if found.get("cloud") != CLOUD:
        said = _("The file is for the cloud “%(cloud)s”. Download the one for the cloud Public.")
        raise ServiceTagsError(said % {"cloud": str(found.get("cloud"))[:50]})
    tags = {str(tag.get("name")): tag for tag in found["values"] if isinstance(tag, dict)}
    by_key = {known.casefold(): known for known in tags}
    known = by_key.get(name.strip().casefold())
    if known is None:
        raise ServiceTagsError(_missing(name, list(tags)))
    return _read(known, tags[known])


def _missing(name: str, known: list[str]) -> str:
    said = _("The file has no service tag “%(name)s”.") % {"name": name[:100]}
    close = difflib.get_close_matches(name, known[:MOST_COMPARED], 3)
    return said + (" " + _("Did you mean %(names)s?") % {"names": ", ".join(close)} if close else "")


def _read(name: str, tag: dict[str, Any]) -> ServiceTag:
    properties = tag.get("properties")
    prefixes = properties.get("addressPrefixes") if isinstance(properties, dict) else None
    if not isinstance(prefixes, list) or not prefixes:
        raise ServiceTagsError(_("The service tag “%(name)s” has no ranges in this file.") % {"name": name})
    if len(prefixes) > MAX_RANGES:
        said = _("The service tag “%(name)s” has %(count)s ranges. A provider can have at most %(most)s.")
        values = {"name": name[:100], "count": f"{len(prefixes):,}", "most": f"{MAX_RANGES:,}"}
        raise ServiceTagsError(said % values)
    networks = []
    for prefix in prefixes:
        network = read_range(str(prefix)[:100])
        if isinstance(network, RangeProblem):
            raise ServiceTagsError(_("A range in the file cannot be read: %(reason)s") % {"reason": network.reason})
        networks.append(network)
    number = properties.get("changeNumber") if isinstance(properties, dict) else None
    return ServiceTag(name[:100], number if isinstance(number, int) and 0 <= number < 2**31 else 0, networks)
